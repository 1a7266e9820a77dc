import { expect, it } from 'vitest';
import { timelineOf } from './timeline.ts';
import type { Specification } from './specification.ts';

const spec = (continuity: NonNullable<Specification['business_continuity']>, start: string): Specification => ({ type: 'database', source: 'a', target: 'b', start_date: start, business_continuity: continuity });
const due = (specification: Specification, ...phases: (readonly [string, number])[]): (readonly [string, string])[] | undefined =>
  timelineOf(specification, phases.map(([name, hours]) => ({ name, duration_hours: hours })))?.phases.map(({ begins, ends }) => [begins, ends] as const);

it('is left out where nobody says on which day to begin', () => {
  expect(timelineOf({ type: 'database', source: 'a', target: 'b' }, [])).toBeUndefined();
});

it('lets phases follow each other, and careful ones wait for their window', () => {
  const nights = spec({ preferred_migration_window: { start: '22:00', end: '04:00', timezone: 'Europe/Berlin' } }, '2027-01-11');
  expect(due(nights, ['preparation', 20], ['cutover', 4], ['cleanup', 2])).toEqual([
    ['2027-01-11T00:00:00+01:00', '2027-01-11T20:00:00+01:00'],
    ['2027-01-11T22:00:00+01:00', '2027-01-12T02:00:00+01:00'],
    ['2027-01-12T02:00:00+01:00', '2027-01-12T04:00:00+01:00'],
  ]);
});

it('goes on in the next window with what does not fit into one', () => {
  const nights = spec({ preferred_migration_window: { start: '22:00', end: '04:00', timezone: 'UTC' } }, '2027-01-11');
  // Two hours of the night before midnight have passed: the day begins within a window.
  expect(due(nights, ['cutover', 12])).toEqual([['2027-01-11T00:00:00Z', '2027-01-13T00:00:00Z'].map((each, i) => (i === 0 ? each : '2027-01-13T00:00:00Z'))]);
});

it('works the hours that there are when clocks change, forward and back', () => {
  const nights = (start: string): Specification => spec({ preferred_migration_window: { start: '01:00', end: '05:00', timezone: 'Europe/Berlin' } }, start);
  // On 28 March 2027 the clock leaves out 02:00 to 03:00: this window has three hours.
  expect(due(nights('2027-03-28'), ['cutover', 4])).toEqual([['2027-03-28T01:00:00+01:00', '2027-03-29T02:00:00+02:00']]);
  // On 31 October it shows that hour twice: five hours.
  expect(due(nights('2027-10-31'), ['cutover', 5])).toEqual([['2027-10-31T01:00:00+02:00', '2027-10-31T05:00:00+01:00']]);
});

it('stays out of critical hours, for other zones as well', () => {
  const shop = spec({ critical_business_hours: { start: '09:00', end: '17:00', timezone: 'America/New_York' } }, '2027-01-11');
  expect(due(shop, ['preparation', 8], ['cutover', 3])).toEqual([
    ['2027-01-11T00:00:00-05:00', '2027-01-11T08:00:00-05:00'],
    ['2027-01-11T08:00:00-05:00', '2027-01-11T19:00:00-05:00'],
  ]);
});

it('says so where there is no time at all', () => {
  const never = spec({ critical_business_hours: { start: '00:00', end: '00:00' }, preferred_migration_window: { start: '01:00', end: '02:00' } }, '2027-01-11');
  expect(timelineOf(never, [{ name: 'cutover', duration_hours: 1 }])?.notes[0]).toContain('finds no time');
});
