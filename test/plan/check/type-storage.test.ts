import { loadModule } from 'libpg-query';
import { beforeAll, expect, it } from 'vitest';
import { readType, storageChange, type StorageChange, type TypeShape } from '../../../src/plan/check/database/hazards/type-storage.ts';

beforeAll(loadModule);

const shape = (text: string): TypeShape => readType(text) ?? expect.unreachable();

it.each<readonly [string, TypeShape | undefined]>([
  ['decimal(10, 2)', { name: 'numeric', sizes: [10, 2], array: false }],
  ['public.mood[]', { name: 'mood', sizes: [], array: true }],
  ['shop.mood', { name: 'shop.mood', sizes: [], array: false }],
  ['character', { name: 'bpchar', sizes: [1], array: false }],
  ['geometry(Point, 4326)', { name: 'geometry', sizes: [4326], array: false }],
  ['numeric(2, 0)', { name: 'numeric', sizes: [2, 0], array: false }],
  ['1; (', undefined],
  ['int4 + 1', undefined],
])('reads %s', (text, expected) => {
  expect(readType(text)).toEqual(expected);
});

it.each<readonly [string, string, StorageChange]>([
  ['integer', 'integer[]', 'refusing'],
  ['varchar(10)', 'varchar', 'kept'], ['varchar', 'varchar(10)', 'refusing'], ['varchar(10)[]', 'varchar(20)[]', 'rewritten'], ['varbit(5)[]', 'varbit(2)[]', 'refusing'],
  ['text', 'citext', 'kept'], ['varchar(10)', 'text', 'kept'], ['text', 'varchar(10)', 'refusing'], ['text[]', 'varchar[]', 'rewritten'], ['varbit(5)', 'varbit(9)', 'kept'], ['bit(5)', 'bit(9)', 'refusing'],
  ['char(5)', 'char(5)', 'kept'], ['char(5)', 'char(9)', 'refusing'], ['char(5)', 'bpchar', 'refusing'], ['char(5)', 'text', 'rewritten'],
  ['cidr', 'inet', 'kept'], ['inet', 'cidr', 'refusing'], ['xml', 'text', 'kept'], ['integer', 'oid', 'kept'],
  ['timestamp', 'timestamptz', 'timestamptz'], ['timestamp(3)', 'timestamptz', 'timestamptz'], ['timestamp', 'timestamptz(3)', 'rewritten'], ['timestamp(3)', 'timestamp(6)', 'kept'], ['timestamp', 'timestamp(3)', 'rewritten'], ['timestamp', 'timestamp(6)', 'kept'],
  ['time(3)', 'time(6)', 'kept'], ['timetz(3)', 'timetz(6)', 'kept'], ['time(6)', 'time(3)', 'rewritten'], ['interval(6)', 'interval(3)', 'rewritten'], ['date', 'timestamp', 'rewritten'], ['time', 'date', 'refusing'],
  ['numeric(10, 2)', 'numeric(12, 2)', 'kept'], ['numeric(10)', 'numeric(12)', 'kept'], ['numeric(10, 2)', 'numeric(12, 4)', 'rewritten'], ['numeric(10, 2)', 'numeric(10, 4)', 'refusing'], ['numeric', 'numeric(10)', 'refusing'], ['numeric(10)', 'numeric', 'kept'],
  ['smallint', 'bigint', 'rewritten'], ['bigint', 'integer', 'refusing'], ['integer', 'numeric', 'rewritten'], ['integer', 'numeric(3)', 'refusing'], ['numeric', 'double precision', 'refusing'], ['real', 'double precision', 'rewritten'],
  ['jsonb', 'json', 'rewritten'], ['json', 'jsonb', 'refusing'], ['boolean', 'integer', 'rewritten'], ['boolean', 'smallint', 'refusing'], ['uuid', 'text', 'rewritten'], ['uuid', 'varchar(36)', 'refusing'],
])('%s to %s: %s', (from, to, expected) => {
  expect(storageChange(shape(from), shape(to))).toBe(expected);
});
