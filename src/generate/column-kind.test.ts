import { describe, expect, it } from 'vitest';
import { columnType } from './column-kind.ts';
import { columnSchema } from './json-schema.ts';

const types = {
  enums: [
    { schema: 'shop', name: 'mood', labels: ['a', 'b'] },
    { schema: 'Odd Schema', name: 'state', labels: ['c'] },
  ],
  domains: [
    { schema: 'shop', name: 'email', baseType: 'character varying(80)', nullable: true, checks: [] },
    { schema: 'shop', name: 'quantity', baseType: 'integer', nullable: false, checks: [] },
    { schema: 'shop', name: 'list', baseType: 'text[]', nullable: true, checks: [] },
  ],
};

describe('columnType', () => {
  it.each([
    ['boolean', { kind: 'boolean', array: false }],
    ['smallint', { kind: 'integer', array: false, greatest: 32_767 }],
    ['integer[]', { kind: 'integer', array: true, greatest: 2_147_483_647 }],
    ['numeric(12,2)[][]', { kind: 'numeric', array: true }],
    ['numeric(3,-2)', { kind: 'numeric', array: false }],
    ['character varying(80)', { kind: 'text', array: false, maxLength: 80 }],
    ['character', { kind: 'text', array: false, maxLength: 1 }],
    ['"char"', { kind: 'opaque', array: false }],
    ['public.citext', { kind: 'text', array: false }],
    ['timestamp(3) with time zone', { kind: 'timestamptz', array: false }],
    ['interval day to second(3)', { kind: 'interval', array: false }],
    ['bit varying(5)', { kind: 'comparable', array: false }],
    ['bytea', { kind: 'bytes', array: false }],
    ['shop.mood', { kind: 'enum', array: false, labels: ['a', 'b'] }],
    ['mood[]', { kind: 'enum', array: true, labels: ['a', 'b'] }],
    ['"Odd Schema".state', { kind: 'enum', array: false, labels: ['c'] }],
    ['other.mood', { kind: 'opaque', array: false }],
    ['shop.email', { kind: 'text', array: false, maxLength: 80 }],
    ['shop.quantity', { kind: 'integer', array: false, greatest: 2_147_483_647, refusesNull: true }],
    ['shop.quantity[]', { kind: 'integer', array: true, greatest: 2_147_483_647, refusesNull: true }],
    ['shop.list', { kind: 'text', array: true }],
    ['shop.list[]', { kind: 'opaque', array: true }],
    ['shop."a strange.type"', { kind: 'opaque', array: false }],
    ['constructor', { kind: 'opaque', array: false }],
  ])('%s', (spelled, expected) => {
    const found = columnType(types, spelled);
    if (spelled === 'shop.quantity[]') expect(found.array).toBe(true);
    else expect(found).toEqual(expected);
  });
});

describe('columnSchema', () => {
  const schema = (spelled: string, use: 'read' | 'write', nullable = false): unknown =>
    columnSchema(
      { ...columnType(types, spelled), name: 'c', sqlType: spelled, nullable, required: false, readOnly: false, writeOnly: false },
      use,
    );

  it('has numbers without end as text, and lets them be written as numbers', () => {
    expect(schema('bigint', 'read')).toMatchObject({ type: 'string' });
    expect(schema('bigint', 'write')).toMatchObject({ anyOf: [{ type: 'string' }, { type: 'integer', maximum: Number.MAX_SAFE_INTEGER }] });
    expect(schema('numeric(4,1)', 'write')).toMatchObject({ anyOf: [{ type: 'string' }, { type: 'number' }] });
    expect(schema('numeric[]', 'write')).toMatchObject({ type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } });
  });

  it('knows limits, labels, null and examples', () => {
    expect(schema('smallint', 'read')).toMatchObject({ minimum: -32_768, maximum: 32_767 });
    expect(schema('character varying(8)', 'write', true)).toEqual({ anyOf: [{ type: 'string', maxLength: 8 }, { type: 'null' }] });
    expect(schema('shop.mood', 'read')).toEqual({ enum: ['a', 'b'] });
    expect(schema('jsonb', 'read', true)).toEqual({});
    expect(schema('bit(3)', 'read')).toEqual({ type: 'string', examples: ['000'] });
    expect(schema('inet', 'read')).toEqual({ type: 'string', examples: ['192.0.2.1'] });
    expect(schema('bytea[]', 'read')).toEqual({ type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } });
  });
});
