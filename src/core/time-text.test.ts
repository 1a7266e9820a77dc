import { describe, expect, it } from 'vitest';
import { instantOf, parseMoment, parseTimeSpan } from './time-text.ts';

const instant = (text: string, timezone = 'UTC'): string | undefined => {
  const moment = parseMoment(text);
  return moment && new Date(instantOf(moment, timezone)).toISOString();
};

describe('a moment', () => {
  it.each([
    ['2026-12-01T09:00', 'UTC', '2026-12-01T09:00:00.000Z'],
    ['2026-12-01 09:00:30', 'Europe/Berlin', '2026-12-01T08:00:30.000Z'],
    ['2026-07-01T09:00', 'Europe/Berlin', '2026-07-01T07:00:00.000Z'],
    ['2026-07-01T09:00Z', 'Europe/Berlin', '2026-07-01T09:00:00.000Z'],
    ['2026-07-01T09:00-03:30', 'Europe/Berlin', '2026-07-01T12:30:00.000Z'],
    // The clock jumps from 2 to 3: half past two is half past three.
    ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
    // It shows half past two twice: the first.
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
    ['2026-10-25T03:00', 'Europe/Berlin', '2026-10-25T02:00:00.000Z'],
    ['2026-03-08T02:30', 'America/New_York', '2026-03-08T07:30:00.000Z'],
    ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
    // Half an hour only.
    ['2026-04-05T01:45', 'Australia/Lord_Howe', '2026-04-04T14:45:00.000Z'],
    ['2026-10-04T02:15', 'Australia/Lord_Howe', '2026-10-03T15:45:00.000Z'],
    ['2026-01-01T00:00', 'Asia/Kathmandu', '2025-12-31T18:15:00.000Z'],
    ['2024-02-29T12:00', 'Pacific/Apia', '2024-02-28T23:00:00.000Z'],
  ])('%s by the clock of %s is %s', (text, timezone, expected) => {
    expect(instant(text, timezone)).toBe(expected);
  });

  it.each(['', 'tomorrow', '2026-02-30T00:00', '2026-13-01T00:00', '2026-01-01', '2026-01-01T24:00', '2026-01-01T10:60', '2026-01-01T10:00+15:00', '2026-01-01T10:00+0100'])(
    '%s is none',
    (text) => {
      expect(parseMoment(text)).toBeUndefined();
    },
  );
});

it('a span of time has a number and a unit', () => {
  expect(['90s', '15m', '12h', '7d', '2w', '0s'].map(parseTimeSpan)).toEqual([90, 900, 43_200, 604_800, 1_209_600, 0]);
  expect(['', '5', 'h', '1.5h', '-1h', '1y'].map(parseTimeSpan)).toEqual(Array.from({ length: 6 }, () => undefined));
});
