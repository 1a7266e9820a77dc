/** A point on a calendar and clock as it was written. */
export interface Moment {
  /** Milliseconds since 1970 as if it had been written for UTC. */
  readonly local: number;
  /** What was written behind it, in minutes east of UTC; null: the clock of some zone is meant. */
  readonly offsetMinutes: number | null;
}

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?(Z|[+-]\d\d:\d\d)?$/;

/** Reads `2026-12-01T09:00`, with or without seconds and offset; undefined if it is no such time. */
export function parseMoment(text: string): Moment | undefined {
  const match = MOMENT.exec(text.trim());
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  // What does not come back as it was written is no day of the calendar, or no time of a day.
  const written = `${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6] ?? '00'}.000Z`;
  if (Number.isNaN(local) || new Date(local).toISOString() !== written) return undefined;
  const zone = match[7];
  if (zone === undefined) return { local, offsetMinutes: null };
  if (zone === 'Z') return { local, offsetMinutes: 0 };
  const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number);
  if (hours > 14 || minutes > 59) return undefined;
  return { local, offsetMinutes: (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) };
}

/**
 * The moment in milliseconds since 1970. Without an offset by the clock of `timezone`: a time that the
 * clock shows twice is the first of both, one that it skips is as much later as it skips.
 */
export function instantOf(moment: Moment, timezone: string): number {
  const { local, offsetMinutes } = moment;
  if (offsetMinutes !== null) return local - offsetMinutes * 60_000;
  // No zone changes its clock twice within two days.
  const [before, after] = [offsetAt(local - 86_400_000, timezone), offsetAt(local + 86_400_000, timezone)];
  const fitting = [local - before, local - after].filter((instant) => instant + offsetAt(instant, timezone) === local);
  return fitting.length > 0 ? Math.min(...fitting) : local - before;
}

/** How far the clock of a zone is ahead of UTC at an instant, in milliseconds. */
export function offsetAt(instant: number, timezone: string): number {
  const parts = clockOf(timezone).formatToParts(instant);
  const field = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const shown = Date.UTC(field('year'), field('month') - 1, field('day'), field('hour'), field('minute'), field('second'));
  return shown - Math.floor(instant / 1000) * 1000;
}

/** Made once for each zone: making one costs a thousand times what asking it does. */
const CLOCKS = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = CLOCKS.get(timeZone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  CLOCKS.set(timeZone, clock);
  return clock;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads a span of time such as 90s, 15m, 12h, 7d or 2w, in seconds; undefined if it is none. */
export function parseTimeSpan(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text.trim()) ?? [];
  return number === undefined ? undefined : Number(number) * (SECONDS[unit] ?? 1);
}
