import { describe, expect, it } from 'vitest';
import type { AcceptedTables, CatalogColumn, CatalogTable } from '../model/catalog.ts';
import { tableName } from '../model/names.ts';
import { schemaFit, type SchemaFit, type SchemaFitOptions } from './schema-fit.ts';

const USERS = tableName('public', 'users');

function column(number: number, name: string, type = 'text', more: Partial<CatalogColumn> = {}): CatalogColumn {
  return { number, name, type, typeId: 25, modifier: -1, notNull: false, filled: more.default !== undefined, identity: false, ...more };
}

const ID = column(1, 'id', 'integer', { notNull: true });

function table(columns: readonly CatalogColumn[], more: Partial<CatalogTable> = {}): CatalogTable {
  return { name: USERS, columns: [ID, ...columns], key: ['id'], keyName: 'users_pkey', files: '1', lacking: [], role: 'app', ...more };
}

const both = (...columns: CatalogColumn[]): AcceptedTables => ({ source: table(columns), target: table(columns) });

function fit(source: CatalogTable | undefined, target: CatalogTable | undefined, options: Partial<SchemaFitOptions> = {}): SchemaFit {
  return schemaFit({ mapping: { monolith: USERS, service: USERS }, direction: 'monolith-to-service', additive: 'service', accepted: both(column(2, 'name')), source, target, ...options });
}

const NAME = column(2, 'name');

describe('tables of one form', () => {
  it('fit', () => expect(fit(table([NAME]), table([NAME]))).toMatchObject({ kind: 'fits', left: [] }));

  it('fit as they were found first, whatever their types', () => {
    expect(fit(table([NAME]), table([column(2, 'name', 'public.mood')]), { accepted: undefined })).toMatchObject({ kind: 'fits' });
  });

  it('fit while a difference that was accepted stays', () => {
    const accepted = { source: table([NAME]), target: table([column(2, 'name', 'public.mood')]) };
    expect(fit(accepted.source, accepted.target, { accepted })).toMatchObject({ kind: 'fits' });
  });
});

describe('a new column of the source', () => {
  it('is added where that is allowed, with the default that older rows have', () => {
    const level = column(3, 'level', 'integer', { default: '8', existing: "'7'::integer", existingText: '7', notNull: true });
    const change = { kind: 'add-column', table: USERS, column: level, notNull: true };
    expect(fit(table([NAME, level]), table([NAME]))).toEqual({ kind: 'additive', changes: [change] });
    const reverse = { direction: 'service-to-monolith' } as const;
    expect(fit(table([NAME, level]), table([NAME]), reverse)).toMatchObject({ kind: 'misfit', code: 'BANYAN_SCHEMA_CHANGED', steps: [{ side: 'monolith', change }] });
    expect(fit(table([NAME, level]), table([NAME]), { ...reverse, additive: 'everywhere' })).toMatchObject({ kind: 'additive' });
    expect(fit(table([NAME, level]), table([NAME]), { additive: 'pause' })).toMatchObject({ kind: 'misfit' });
  });

  it('is empty in older rows where its default came after it', () => {
    expect(fit(table([NAME, column(3, 'level', 'integer', { default: '8' })]), table([NAME]))).toMatchObject({ kind: 'additive' });
  });

  it.each<[string, CatalogColumn, Partial<CatalogTable>]>([
    ['whose rows were written anew', column(3, 'token', 'uuid', { default: 'gen_random_uuid()' }), { files: '2' }],
    ['that numbers its rows', column(3, 'n', 'integer', { identity: true, filled: true, notNull: true }), {}],
    ['that allows no null and has no default', column(3, 'n', 'integer', { notNull: true, existing: "'0'::integer" }), {}],
    ['that allows no null and whose older rows are not known', column(3, 'n', 'integer', { notNull: true, default: '1' }), {}],
  ])('%s is not guessed', (_, fresh, more) => {
    expect(fit(table([NAME, fresh], more), table([NAME]))).toMatchObject({ kind: 'misfit', code: 'BANYAN_SCHEMA_CHANGED' });
  });

  it('that the target got by itself fits if it is the same, and is a conflict if it is not', () => {
    const nick = column(3, 'nick');
    expect(fit(table([NAME, nick]), table([NAME, nick]))).toMatchObject({ kind: 'fits' });
    expect(fit(table([NAME, nick]), table([NAME, column(3, 'nick', 'integer')]))).toMatchObject({ kind: 'misfit', code: 'BANYAN_SCHEMA_CONFLICT' });
  });
});

describe('a column that changed', () => {
  it('its type waits until the target holds all of it', () => {
    const accepted = both(column(2, 'n', 'integer'));
    const wide = table([column(2, 'n', 'bigint')]);
    expect(fit(wide, accepted.target, { accepted })).toMatchObject({ kind: 'misfit', steps: [{ side: 'service', change: { kind: 'change-type', column: 'n', type: 'bigint' } }] });
    expect(fit(wide, wide, { accepted })).toMatchObject({ kind: 'fits' });
    expect(fit(accepted.source, wide, { accepted })).toMatchObject({ kind: 'fits' });
    expect(fit(wide, table([column(2, 'n', 'text')]), { accepted })).toMatchObject({ kind: 'misfit', code: 'BANYAN_SCHEMA_CONFLICT' });
  });

  it('its name is known by its number, on either side', () => {
    const renamed = table([column(2, 'title')]);
    expect(fit(renamed, table([NAME]))).toMatchObject({ kind: 'misfit', steps: [{ side: 'service', change: { kind: 'rename-column', from: 'name', to: 'title' } }] });
    expect(fit(table([NAME]), renamed)).toMatchObject({ kind: 'misfit', steps: [{ side: 'monolith', change: { kind: 'rename-column', from: 'name', to: 'title' } }] });
    expect(fit(renamed, table([column(2, 'label')]))).toMatchObject({ kind: 'misfit', code: 'BANYAN_SCHEMA_CONFLICT' });
    const done = fit(renamed, renamed);
    expect(done).toMatchObject({ kind: 'fits', accepted: { source: { columns: [{ name: 'id' }, { name: 'title', formerly: ['name'] }] } } });
    const later = done.kind === 'fits' ? fit(table([column(2, 'heading')]), table([column(2, 'heading')]), { accepted: done.accepted }) : done;
    expect(later).toMatchObject({ accepted: { target: { columns: [{ name: 'id' }, { formerly: ['name', 'title'] }] } } });
  });
});

describe('a column that was dropped', () => {
  it('at the source is left as it is, and told, as long as it stays', () => {
    const first = fit(table([]), table([NAME]));
    expect(first).toMatchObject({ kind: 'fits', left: ['name'] });
    expect(first.kind === 'fits' && fit(table([]), table([NAME]), { accepted: first.accepted })).toMatchObject({ kind: 'fits', left: ['name'] });
  });

  it('at the source waits where the target wants a value', () => {
    const demanding = column(2, 'name', 'text', { notNull: true });
    expect(fit(table([]), table([demanding]), { accepted: both(demanding) })).toMatchObject({ kind: 'misfit', steps: [{ side: 'service', change: { kind: 'allow-null', column: 'name' } }] });
  });

  it('at the target waits while the source writes it', () => {
    expect(fit(table([NAME]), table([]))).toMatchObject({ kind: 'misfit', steps: [{ side: 'monolith', change: { kind: 'drop-column', column: 'name' } }] });
  });
});

describe('a table', () => {
  it('that is gone on one side waits', () => {
    expect(fit(undefined, table([NAME]))).toMatchObject({ kind: 'misfit' });
    expect(fit(table([NAME]), undefined)).toMatchObject({ kind: 'misfit' });
  });

  it('with another key waits', () => {
    expect(fit(table([NAME], { key: ['name'] }), table([NAME]))).toMatchObject({ kind: 'misfit', steps: [{ side: 'service', change: { kind: 'change-key', columns: ['name'], formerKey: 'users_pkey' } }] });
  });

  it('of which only some columns are mapped does not care for the others', () => {
    const mapping = { monolith: USERS, service: USERS, columns: [{ monolith: 'id', service: 'id' }, { monolith: 'name', service: 'name' }] };
    expect(fit(table([NAME, column(3, 'more')]), table([NAME]), { mapping })).toMatchObject({ kind: 'fits' });
  });
});
