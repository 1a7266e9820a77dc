import { instantOf, offsetAt } from '../core/time-text.ts';
import type { Appointment, MigrationPlan } from './plan-document.ts';
import { zoneOf, type Specification } from './specification.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Phases that work in a window, where there is one: the others bring no user anything to feel. */
const IN_WINDOW: ReadonlySet<string> = new Set(['cutover', 'redirect', 'contract', 'canary', 'switch_reads', 'deployment', 'retire', 'decommission', 'migrate', 'migration', 'expand']);

/** Beyond this many days nobody plans by the hour; it also ends a window that never comes. */
const FURTHEST_DAYS = 750;

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * When each phase is due. Phases follow each other; those that users may feel begin in the preferred window, and are
 * not worked at in critical business hours. Clocks are those of the windows' own zones, as they stand on that day.
 */
export function timelineOf(specification: Specification, phases: readonly { readonly name: string; readonly duration_hours: number }[]): NonNullable<MigrationPlan['timeline']> | undefined {
  const { start_date: startDate, business_continuity: continuity = {} } = specification;
  if (startDate === undefined) return undefined;
  const window = spanOf(continuity.preferred_migration_window);
  const busy = spanOf(continuity.critical_business_hours);
  const zone = window?.zone ?? busy?.zone ?? 'UTC';
  const [year = 0, month = 0, day = 0] = startDate.split('-').map(Number);
  let now = instantOf({ local: Date.UTC(year, month - 1, day), offsetMinutes: null }, zone);
  const notes: string[] = [];
  const appointments: Appointment[] = [];
  for (const { name, duration_hours: hours } of phases) {
    const careful = IN_WINDOW.has(name);
    const open = careful && window ? [window] : [];
    const closed = careful && busy ? [busy] : [];
    const { begins, ends, left } = worked({ from: now, ms: hours * HOUR, open, closed });
    appointments.push({ phase: name, begins: inZone(begins, zone), ends: inZone(ends, zone) });
    if (careful && window && hours * HOUR > (window.end - window.start)) notes.push(`${name} takes ${hours} h: it goes on in the windows of several days.`);
    if (left > 0) notes.push(`${name} finds no time: its window lies within the critical business hours.`);
    now = ends;
  }
  return { timezone: zone, phases: appointments, notes };
}

interface DailySpan extends Span {
  readonly zone: string;
}

/** Milliseconds after midnight; one that goes over midnight ends beyond 24 hours. */
function spanOf(hours: { readonly start?: string; readonly end?: string; readonly timezone?: string } | undefined): DailySpan | undefined {
  if (hours?.start === undefined || hours.end === undefined) return undefined;
  const [start, end] = [msOf(hours.start), msOf(hours.end)];
  return { start, end: end <= start ? end + DAY : end, zone: zoneOf(hours.timezone) };
}

function msOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(':').map(Number);
  return hours * HOUR + minutes * MINUTE;
}

/** From when to when `ms` of work take that is done within `open` (if there is one), and outside of `closed`. */
function worked({ from, ms, open, closed }: { readonly from: number; readonly ms: number; readonly open: readonly DailySpan[]; readonly closed: readonly DailySpan[] }): { readonly begins: number; readonly ends: number; readonly left: number } {
  let begins: number | undefined;
  let left = ms;
  let now = from;
  const furthest = from + FURTHEST_DAYS * DAY;
  while (now < furthest) {
    const shut = closed.map((span) => around(now, span)).find((span) => span !== undefined);
    const opened = open.map((span) => around(now, span) ?? next(now, span));
    const opens = opened.length === 0 ? now : Math.min(...opened.map(({ start }) => start));
    if (shut) now = shut.end;
    else if (opens > now) now = opens;
    else {
      const until = Math.min(...opened.map(({ end }) => end), ...closed.map((span) => next(now, span).start), now + left);
      begins ??= now;
      left -= until - now;
      now = until;
      if (left <= 0) break;
    }
  }
  return { begins: begins ?? now, ends: now, left };
}

/** The span that `at` lies in, on the clock of its zone. */
function around(at: number, span: DailySpan): Span | undefined {
  for (const day of [localDay(at, span.zone) - DAY, localDay(at, span.zone)]) {
    const found = onDay(day, span);
    if (found.start <= at && at < found.end) return found;
  }
  return undefined;
}

/** The first span that begins after `at`. */
function next(at: number, span: DailySpan): Span {
  let day = localDay(at, span.zone);
  for (;;) {
    const found = onDay(day, span);
    if (found.start > at) return found;
    day += DAY;
  }
}

function onDay(day: number, { start, end, zone }: DailySpan): Span {
  return { start: instantOf({ local: day + start, offsetMinutes: null }, zone), end: instantOf({ local: day + end, offsetMinutes: null }, zone) };
}

/** Midnight of the day that the zone's clock shows, as if it were UTC's. */
function localDay(at: number, zone: string): number {
  const local = at + offsetAt(at, zone);
  return local - (((local % DAY) + DAY) % DAY);
}

function inZone(at: number, zone: string): string {
  const offset = offsetAt(at, zone);
  const minutes = Math.abs(Math.round(offset / MINUTE));
  const sign = offset < 0 ? '-' : '+';
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${new Date(at + offset).toISOString().slice(0, 19)}${offset === 0 ? 'Z' : `${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`}`;
}
