/** Where a sequence stands. */
export interface Standing {
  /** The number it gives out next. */
  readonly next: bigint;
  readonly start: bigint;
  readonly increment: bigint;
}

/** Which numbers of a column a side's sequence gives out; the rest are the other side's. */
export interface Territory {
  /** The first that may be its own. Absent: however small. */
  readonly from?: bigint;
  /** The first that is not. Absent: however large. */
  readonly below?: bigint;
  /** Only every so many: numbers that leave this remainder, divided by the step. */
  readonly every?: { readonly step: bigint; readonly remainder: bigint };
}

export interface Territories {
  readonly source: Territory;
  readonly target: Territory;
  /** The service's numbers begin here; absent: it has no block of its own. */
  readonly block?: bigint;
  /** Both have given out numbers of the block. */
  readonly overlap: boolean;
}

/**
 * Tells two sides' numbers apart. Rows of either side are stored on both, so that a column holds more than its
 * own sequence gave out. Three ways of keeping numbers apart are known: a block of the target's that begins
 * above what the source has used (what provisioning does), a source that has leapt over that block since,
 * and odd and even ones. Without any, each side owns all numbers. Pure.
 */
export function territories(source: Standing, target: Standing): Territories {
  const { increment: step } = source;
  if (step === target.increment && step > 1n && remainder(source.start, step) !== remainder(target.start, step)) {
    return { source: { every: { step, remainder: remainder(source.start, step) } }, target: { every: { step, remainder: remainder(target.start, step) } }, overlap: false };
  }
  const block = target.start;
  if (step < 0n || target.increment < 0n || block <= source.start) return { source: {}, target: {}, overlap: false };
  if (source.next <= block) return { source: { below: block }, target: { from: block }, block, overlap: false };
  // It has given out numbers from the block on. Above all that the target has used, they are a leap.
  if (source.next > target.next) return { source: { from: target.next }, target: { from: block, below: target.next }, block, overlap: false };
  return { source: { from: block }, target: { from: block }, block, overlap: true };
}

function remainder(value: bigint, step: bigint): bigint {
  return ((value % step) + step) % step;
}
