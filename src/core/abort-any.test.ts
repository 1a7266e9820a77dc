import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { withAbortOf } from './abort-any.ts';

const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('work under several signals', () => {
  it.each([0, 1])('is called off by signal %i of two, with its reason', async (which) => {
    const sources = [new AbortController(), new AbortController()] as const;
    const working = withAbortOf(sources.map(({ signal }) => signal), never);
    sources[which === 0 ? 0 : 1].abort(new Error(`by ${which}`));
    await expect(working).rejects.toThrow(`by ${which}`);
  });

  it('is called off at once by one that was aborted before', async () => {
    await expect(withAbortOf([new AbortController().signal, AbortSignal.abort(new Error('before'))], never)).rejects.toThrow('before');
  });

  it('leaves nothing with a signal that lives longer, however it ends', async () => {
    const long = new AbortController();
    await withAbortOf([long.signal], async () => 'done');
    await withAbortOf([long.signal], () => Promise.reject(new Error('failed'))).catch(() => {});
    await withAbortOf([long.signal, AbortSignal.abort(new Error('other'))], never).catch(() => {});
    expect(getEventListeners(long.signal, 'abort')).toEqual([]);
  });

  it('may be done many times at once under one signal, without a warning', async () => {
    const warnings: string[] = [];
    const note = (warning: Error): number => warnings.push(warning.name);
    process.on('warning', note);
    const long = new AbortController();
    const working = Array.from({ length: 50 }, () => withAbortOf([long.signal], never).catch(() => {}));
    long.abort();
    await Promise.all(working);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});
