import { expect, it } from 'vitest';
import { asSpelled } from './as-spelled.ts';
import { finding } from './table-context.ts';

// As version 18 and version 13 print one check.
const spelled = finding('check_changed', { object: 'check', source: "CHECK ((POSITION(('@'::text) IN (email)) > 1))", target: 'CHECK (("position"(email, \'@\'::text) > 1))' });
const others = [
  finding('unique_missing', { object: 'unique', source: 'UNIQUE (a)', target: null }),
  finding('column_type', { object: 'column', source: 'integer', target: 'bigint' }),
  finding('check_missing', { object: 'check', source: 'CHECK ((a > 0))', target: null }),
];

it('two servers of one version that print an expression in two ways mean two things', () => {
  expect(asSpelled([spelled, ...others], true)).toEqual([spelled, ...others]);
});

it('of two versions they may mean the same; what is missing or has another type is as it was', () => {
  expect(asSpelled([spelled, ...others], false)).toEqual([{ ...spelled, severity: 'warning' }, ...others]);
});
