import type { JetStreamWriter, StreamConfig } from '@aa-ops/topology';

/**
 * Where a handover is when something happens to its server, each right before its request, except for `catch-up`,
 * `window` and `let-go`: right behind the answer that begins them. `hold`: the hold stands, the release is about to be sent.
 */
export const STAGES = [
  'expand',
  'catch-up',
  'consumers',
  'hold',
  'window',
  'take',
  'let-go',
  'settle',
] as const;
export type Stage = (typeof STAGES)[number];

const hears = ({ subjects = [] }: StreamConfig, part: string): boolean =>
  subjects.some((subject) => subject.startsWith(`_aa-ops.${part}.`));
const copies = ({ sources = [] }: StreamConfig): boolean =>
  sources.some((source) => source.subject_transforms?.some(({ src }) => src.startsWith('_aa-ops.epoch.')));

/** The account as a run sees it; `reached` is called once, when the run gets to the stage, and the run waits for it. */
export function atStage(
  account: JetStreamWriter,
  stage: Stage,
  reached: () => Promise<void>,
): JetStreamWriter {
  let done = false;
  let takes = 0;
  let taken = false;
  const at = async (here: Stage): Promise<void> => {
    if (done || here !== stage) return;
    done = true;
    await reached();
  };
  const before = async (config: StreamConfig): Promise<void> => {
    if (hears(config, 'epoch')) await at('hold');
    else if (hears(config, 'barrier')) {
      takes += 1;
      await at('take');
    } else if (taken) await at('settle');
    else if (copies(config)) await at('expand');
  };
  const behind = async (config: StreamConfig): Promise<void> => {
    if (hears(config, 'epoch')) await at('window');
    else if (hears(config, 'barrier')) {
      takes -= 1;
      if (takes > 0) return; // the targets of one window are asked at once
      taken = true;
      await at('let-go');
    } else if (copies(config)) await at('catch-up');
  };
  return Object.create(account, {
    updateStream: {
      value: async (config: StreamConfig) => {
        await before(config);
        const info = await account.updateStream(config);
        await behind(config);
        return info;
      },
    },
    createConsumer: {
      value: async (...args: Parameters<JetStreamWriter['createConsumer']>) => {
        await at('consumers');
        return account.createConsumer(...args);
      },
    },
  }) as JetStreamWriter;
}
