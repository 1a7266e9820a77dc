/** How sure a figure is. `measured`: on this server, now; `statistics`: what the server keeps of itself; `stated`: by a figure from elsewhere, which the arithmetic names. */
export type Basis = 'measured' | 'statistics' | 'stated';

export type Unit = 'rows' | 'bytes' | 'seconds' | 'rows/s' | 'bytes/s';

/** A figure that is not known better than between two others. */
export interface Estimate {
  readonly unit: Unit;
  readonly low: number;
  readonly likely: number;
  /** Null: there is no end to it. */
  readonly high: number | null;
  readonly basis: Basis;
  /** How it was reckoned, with its numbers. */
  readonly arithmetic: string;
}

/** Digits that mean something. */
export function round(value: number): number {
  return value === 0 || !Number.isFinite(value) ? value : Number(value.toPrecision(3));
}

export interface Between {
  readonly low: number;
  readonly likely: number;
  readonly high: number | null;
}

export function estimate(unit: Unit, { low, likely, high }: Between, how: { readonly basis: Basis; readonly arithmetic: string }): Estimate {
  return { unit, low: round(low), likely: round(likely), high: high === null ? null : round(high), ...how };
}

const STEPS: readonly (readonly [number, string])[] = [[1024 ** 4, 'TiB'], [1024 ** 3, 'GiB'], [1024 ** 2, 'MiB'], [1024, 'KiB']];

export function bytesText(bytes: number): string {
  const [step, name] = STEPS.find(([each]) => Math.abs(bytes) >= each) ?? [1, 'B'];
  return `${plain(bytes / step)} ${name}`;
}

export function secondsText(seconds: number): string {
  if (seconds < 1) return seconds === 0 ? '0 s' : `${plain(seconds)} s`;
  if (seconds < 120) return `${plain(seconds)} s`;
  if (seconds < 7200) return `${plain(seconds / 60)} min`;
  if (seconds < 172_800) return `${plain(seconds / 3600)} h`;
  return `${plain(seconds / 86_400)} days`;
}

/** Whole numbers with separators, fewer digits where they mean nothing. */
export function plain(value: number): string {
  const rounded = Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

/** `12 to 40 s, likely 20 s`. */
export function estimateText({ unit, low, likely, high }: Estimate): string {
  const say = (value: number): string => (unit === 'seconds' ? secondsText(value) : unit === 'bytes' ? bytesText(value) : unit === 'bytes/s' ? `${bytesText(value)}/s` : `${plain(value)} ${unit}`);
  if (high !== null && say(low) === say(high)) return say(likely);
  return high === null ? `at least ${say(low)}, without an end` : `${say(low)} to ${say(high)}, likely ${say(likely)}`;
}
