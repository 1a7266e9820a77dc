import { describe, expect, it } from 'vitest';
import { isExact, isExactBothWays } from './exact-types.ts';

const MOOD = new Set(['public.mood']);

describe('a change of type', () => {
  it.each([
    ['integer', 'bigint'], ['bigint', 'smallint'], ['integer', 'numeric'], ['character varying(10)', 'text'], ['text', 'character varying(3)'],
    ['public.mood', 'text'], ['text', 'public.mood'], ['numeric', 'bigint'], ['numeric(10,2)', 'numeric(10,2)'], ['uuid', 'uuid'],
  ])('between %s and %s keeps or refuses every value', (a, b) => {
    expect(isExactBothWays(a, b, MOOD)).toBe(true);
    expect(isExactBothWays(b, a, MOOD)).toBe(true);
  });

  it.each([
    ['uuid', 'text'], ['jsonb', 'text'], ['integer', 'text'], ['boolean', 'text'], ['numeric(10,2)', 'numeric'], ['numeric(10,2)', 'numeric(12,4)'],
    ['timestamp(3) without time zone', 'timestamp without time zone'],
  ])('from %s to %s does, but not the other way: the same value may be written in several ways, or more finely', (from, to) => {
    expect(isExact(from, to)).toBe(true);
    expect(isExactBothWays(from, to)).toBe(false);
  });

  it.each([
    ['json', 'jsonb'], ['date', 'timestamp without time zone'], ['timestamp without time zone', 'timestamp with time zone'],
    ['double precision', 'real'], ['boolean', 'integer'], ['integer', 'double precision'], ['numeric(4,4)', 'numeric(4,2)'],
  ])('from %s to %s does not', (from, to) => {
    expect(isExact(from, to, MOOD)).toBe(false);
  });
});
