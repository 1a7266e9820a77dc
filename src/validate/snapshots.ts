import type { Checksummer, ChecksumSnapshot } from '../ports/checksummer.ts';

/** A snapshot of each side, opened at once: both, or none. */
export async function openBoth(options: {
  readonly source: Checksummer;
  readonly target: Checksummer;
  readonly signal?: AbortSignal;
}): Promise<readonly [ChecksumSnapshot, ChecksumSnapshot]> {
  const opening = options.signal ? { signal: options.signal } : {};
  const opened = await Promise.allSettled([options.source.snapshot(opening), options.target.snapshot(opening)]);
  const [source, target] = opened;
  if (source.status === 'fulfilled' && target.status === 'fulfilled') return [source.value, target.value];
  for (const result of opened) if (result.status === 'fulfilled') await result.value.close();
  throw source.status === 'rejected' ? source.reason : target.status === 'rejected' ? target.reason : undefined;
}
