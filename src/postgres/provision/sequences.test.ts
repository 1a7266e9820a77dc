import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTableName, type TableName } from '../../model/names.ts';
import type { Schema, Sequence, Table } from '../../model/schema.ts';
import { sequenceDistances, sequencePlan, type SequenceState } from './sequences.ts';

const NAME = parseTableName('app.ids');
const base: Sequence = { schema: 'app', name: 'ids', type: 'bigint', increment: '1', min: '1', max: '9223372036854775807', cycle: false };

function schemaOf(sequence: Partial<Sequence> = {}, column?: { readonly type: string; readonly default?: string }): Schema {
  const table: Table = {
    name: parseTableName('app.t'), kind: 'table', columns: column ? [{ name: 'id', nullable: false, ...column }] : [], uniques: [],
    foreignKeys: [], checks: [], indexes: [], triggers: [], replicaIdentity: 'default', unlogged: false, rowSecurity: false,
    estimatedRows: -1, bytes: 0,
  };
  return {
    dialect: 'postgresql', tables: [table], enums: [], sequences: [{ ...base, ...sequence }], views: [], extensions: [],
    domains: [{ schema: 'app', name: 'short_id', baseType: 'smallint', nullable: false, checks: [] }],
  };
}

const at = (drawn: bigint, start = 1n, stored?: bigint): ReadonlyMap<TableName, SequenceState> =>
  new Map([[NAME, { drawn, start, ...(stored !== undefined && { stored }) }]]);
const nowhere: ReadonlyMap<TableName, SequenceState> = new Map();
const OWNER = { table: parseTableName('app.t'), column: 'id', identity: false };

describe('sequencePlan', () => {
  it('sets START and RESTART together, quoted', () => {
    const plan = sequencePlan({ source: schemaOf(), monolith: at(41n), service: nowhere });
    expect(plan.statements).toEqual([
      { object: 'sequence app.ids', sql: 'ALTER SEQUENCE "app"."ids" START WITH 1000000042 RESTART' },
    ]);
  });

  it('is limited by the narrowest column that draws from it', () => {
    const limit = (source: Schema): bigint | undefined => sequencePlan({ source, monolith: at(0n), service: nowhere }).blocks[0]?.limit;
    expect(limit(schemaOf({ ownedBy: OWNER }, { type: 'integer' }))).toBe(2_147_483_647n);
    expect(limit(schemaOf({}, { type: 'app.short_id', default: "nextval('app.ids'::regclass)" }))).toBe(32_767n);
    expect(limit(schemaOf({}, { type: 'text', default: "('u'::text || nextval('app.ids'::regclass))" }))).toBe(9_223_372_036_854_775_807n);
    expect(limit(schemaOf({}, { type: 'integer', default: "nextval('app.other'::regclass)" }))).toBe(9_223_372_036_854_775_807n);
    expect(limit(schemaOf({ max: '99999' }, { type: 'integer', default: "nextval('app.ids'::regclass)" }))).toBe(99_999n);
  });

  it('splits what is left where the gap does not fit, and refuses when too little is', () => {
    const source = schemaOf({ type: 'integer', max: '2147483647' });
    expect(sequencePlan({ source, monolith: at(2_000_000_000n), service: nowhere }).blocks[0]?.start).toBe(2_073_741_824n);
    expect(() => sequencePlan({ source, monolith: at(2_147_482_000n), service: nowhere })).toThrow(
      expect.objectContaining({ code: 'BANYAN_SEQUENCE_ROOM', details: { sequences: ['app.ids'] } }) as Error,
    );
  });

  it('counts from the beginning where the monolith says nothing', () => {
    expect(sequencePlan({ source: schemaOf(), monolith: nowhere, service: nowhere }).blocks[0]).toMatchObject({ highest: 0n });
    expect(sequencePlan({ source: schemaOf(), monolith: nowhere, service: at(7n, 9n) }).blocks[0]).toMatchObject({ highest: 7n });
  });

  it('begins above rows that no sequence numbered, on either side', () => {
    const start = (monolith: bigint, service: bigint) =>
      sequencePlan({ source: schemaOf(), monolith: at(1n, 1n, monolith), service: at(0n, 1n, service), gap: 1_000n }).blocks[0]?.start;
    expect([start(5_000n, 1n), start(1n, 7_000n), start(0n, 0n)]).toEqual([6_001n, 8_001n, 1_002n]);
  });

  it("leaves a block alone when the service's rows have arrived in the monolith", () => {
    const plan = sequencePlan({ source: schemaOf(), monolith: at(9n, 1n, 1_000_000_077n), service: at(1_000_000_077n, 1_000_000_001n) });
    expect(plan.blocks).toMatchObject([{ alreadyPlaced: true, start: 1_000_000_001n, highest: 9n }]);
  });

  it('keeps the two apart, wherever they stand', () => {
    const number = fc.bigInt({ min: 0n, max: 2n ** 62n });
    fc.assert(
      fc.property(number, number, number, (monolith, service, serviceStart) => {
        const plan = sequencePlan({ source: schemaOf(), monolith: at(monolith), service: at(service, serviceStart) });
        const block = plan.blocks[0]!;
        expect(block.start).toBeGreaterThan(monolith);
        if (!block.alreadyPlaced) expect(block.start).toBeGreaterThan(service + 999n);
        expect(block.start).toBeLessThanOrEqual(block.limit - 1_000n);
        // What was placed once is found again.
        const again = sequencePlan({ source: schemaOf(), monolith: at(monolith + 1n), service: at(service, block.start) });
        if (block.start > monolith + 1n) expect(again.blocks[0]).toMatchObject({ alreadyPlaced: true, start: block.start });
      }),
    );
  });
});

describe('sequenceDistances', () => {
  const distance = (monolith: bigint, serviceStart: bigint, source = schemaOf()) =>
    sequenceDistances({ source, monolith: at(monolith), service: at(serviceStart, serviceStart) })[0];

  it('is fine with a tenth of the room left, and not with less', () => {
    expect(distance(0n, 1_000_000_001n)).toMatchObject({ remaining: 1_000_000_000n, ok: true });
    expect(distance(900_000_000n, 1_000_000_001n)).toMatchObject({ remaining: 100_000_000n, ok: true });
    expect(distance(900_000_001n, 1_000_000_001n)).toMatchObject({ remaining: 99_999_999n, ok: false });
    expect(distance(1_000_000_007n, 1_000_000_001n)).toMatchObject({ remaining: 0n, ok: false });
  });

  it('measures a small type by its own room', () => {
    const source = schemaOf({ type: 'smallint', max: '32767' });
    expect(distance(14_000n, 16_384n, source)).toMatchObject({ remaining: 2_383n, ok: true });
    expect(distance(15_000n, 16_384n, source)).toMatchObject({ remaining: 1_383n, ok: false });
  });

  it('is not fine before a block was placed', () => {
    expect(distance(0n, 1n)).toMatchObject({ remaining: 0n, ok: false });
  });

  it('leaves out what cycles or is on one side only', () => {
    expect(distance(0n, 5n, schemaOf({ cycle: true }))).toBeUndefined();
    expect(sequenceDistances({ source: schemaOf(), monolith: at(1n), service: nowhere })).toEqual([]);
  });
});
