import { describe, expect, it } from 'vitest';
import { holdsValuesOf } from './wider-type.ts';

describe('a type', () => {
  it.each([
    ['integer', 'integer'], ['bigint', 'integer'], ['integer', 'smallint'], ['numeric', 'bigint'], ['numeric', 'numeric(12,2)'], ['numeric(14,2)', 'numeric(12,2)'],
    ['text', 'character varying(9)'], ['character varying(20)', 'character varying(9)'], ['character varying', 'text'], ['double precision', 'real'], ['bigint[]', 'integer[]'],
  ])('%s holds every text of %s', (wide, narrow) => expect(holdsValuesOf(wide, narrow)).toBe(true));

  it.each([
    ['integer', 'bigint'], ['numeric(12,2)', 'numeric'], ['numeric(14,4)', 'numeric(12,2)'], ['numeric(10,2)', 'integer'], ['character varying(8)', 'character varying(9)'],
    ['character varying(9)', 'text'], ['character(9)', 'character varying(5)'], ['text', 'integer'], ['date', 'timestamp with time zone'], ['integer', 'integer[]'], ['public.mood', 'text'],
  ])('%s does not hold every text of %s', (wide, narrow) => expect(holdsValuesOf(wide, narrow)).toBe(false));
});
