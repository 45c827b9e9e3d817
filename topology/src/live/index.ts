export { byHand } from './byHand.ts';
export { inFlight } from './inFlight.ts';
export { lastMessages } from './lastMessages.ts';
export { type ForeignStream, type LiveAccount, liveConsumer, type LiveStream } from './liveAccount.ts';
export { peekNext, takeNext } from './nextMessage.ts';
export { readLive } from './readLive.ts';
export { MIXED, type ModeDifference, type ModeReading, NO_MODE, readMode } from './readMode.ts';
