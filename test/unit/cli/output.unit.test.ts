import { Writable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { openSink } from '../../../cli/src/frame/output.ts';

/** A stream that fails every write of some text; `throws` does so at once, as files do on Node 20. */
const failing = (code: string, throws = false): Writable => {
  const error = Object.assign(new Error(`${code}: no more`), { code });
  return new Writable({
    autoDestroy: false,
    write(_chunk, _encoding, callback) {
      if (throws) throw error;
      callback(error);
    },
  });
};

it.each([false, true])(
  'a full disk is told of once, and the reader is not said to be gone (at once: %s)',
  async (throws) => {
    const onClosed = vi.fn();
    const sink = openSink(failing('ENOSPC', throws), { onClosed });
    await expect(sink.write('x')).rejects.toMatchObject({
      code: 'output-lost',
      kind: 'failed',
      message: 'the result cannot be written to stdout: ENOSPC: no more',
    });
    await sink.write('y');
    await sink.flush();
    expect(onClosed).not.toHaveBeenCalled();
  },
);

it('nobody who reads, and progress that cannot be written, are no error', async () => {
  const onClosed = vi.fn();
  const gone = openSink(failing('EPIPE'), { onClosed });
  await gone.write('x');
  await gone.flush();
  expect(onClosed).toHaveBeenCalledOnce();
  const progress = openSink(failing('ENOSPC'), { isDispensable: true });
  await progress.write('x');
  await progress.flush();
});
