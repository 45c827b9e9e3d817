import type { JetStreamWriter } from './account.ts';
import { newInbox } from './connect.ts';
import { storedMessage, type WireMessage } from './storedMessage.ts';
import type { StoredMessage } from './wire.ts';

/** ms of silence after which what has no answer is asked for once more, one by one and with all the patience that the account has. */
const SILENCE_MS = 2_000;
const decoder = new TextDecoder();

interface Answer {
  message?: WireMessage;
  error?: { code: number };
}

/**
 * Gets messages by their sequences, all at once and on one inbox: a request of its own for each, with its timer and its promise, costs three times
 * what the server takes. In the order of `seqs`; undefined where there is none.
 */
export async function getMessages(
  account: JetStreamWriter,
  stream: string,
  seqs: readonly number[],
): Promise<(StoredMessage | undefined)[]> {
  const answers = await ask(account, stream, seqs);
  return Promise.all(
    seqs.map(async (seq, n) => {
      const { message, error } = answers[n] ?? {};
      if (message) return storedMessage(message);
      return error?.code === 404 ? undefined : account.message(stream, { seq });
    }),
  );
}

function ask(
  { connection, apiPrefix }: JetStreamWriter,
  stream: string,
  seqs: readonly number[],
): Promise<(Answer | undefined)[]> {
  return new Promise((resolve) => {
    const inbox = newInbox(connection);
    const answers: Answer[] = Array.from({ length: seqs.length });
    let open = seqs.length;
    let timer: NodeJS.Timeout;
    const finish = (): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve(answers);
    };
    const arm = (): void => {
      timer = setTimeout(finish, SILENCE_MS);
    };
    const subscription = connection.subscribe(`${inbox}.*`, {
      callback: (error, reply) => {
        if (error || reply.data.length === 0) return finish(); // nobody answers, or may not
        answers[Number(reply.subject.slice(inbox.length + 1))] = JSON.parse(
          decoder.decode(reply.data),
        ) as Answer;
        open -= 1;
        if (open === 0) finish();
        else timer.refresh();
      },
    });
    arm();
    for (const [n, seq] of seqs.entries())
      connection.publish(`${apiPrefix}.STREAM.MSG.GET.${stream}`, JSON.stringify({ seq }), {
        reply: `${inbox}.${n}`,
      });
    if (open === 0) finish();
  });
}
