import { quoteIdentifier, quoteTable, type TableName } from '../../model/names.ts';
import type { Schema, Table } from '../../model/schema.ts';
import type { Side } from '../../model/side.ts';
import type { PrerequisiteCheck } from '../../ports/prerequisites.ts';
import type { CaptureKind } from '../capture.ts';
import { TRIGGER_PREFIX } from '../trigger/install.ts';
import { holds, prerequisite } from './check.ts';
import type { TableFacts } from './table-facts.ts';

const KIND: Readonly<Record<string, string>> = { v: 'view', m: 'materialized view', f: 'foreign table' };

/** Whether the name is a table that can be moved at all. Pure. */
export function existenceCheck(name: TableName, facts: TableFacts | undefined): PrerequisiteCheck {
  const id = `${name}.exists`;
  const expected = 'a table of the monolith';
  if (facts === undefined) {
    return { id, ok: false, found: 'nothing', expected, remedy: 'Check the spelling, the schema and which database the URL names.' };
  }
  const kind = KIND[facts.kind];
  if (kind === undefined) return holds(id, 'table', expected);
  return { id, ok: false, found: kind, expected, remedy: `Take ${name} out of the service's tables; list the tables it reads instead.` };
}

/** What a table must be, to be followed row by row. Pure. */
export function tableChecks(options: {
  readonly table: Table;
  readonly facts: TableFacts;
  readonly schema: Schema;
  /** Whether both sides are written: then every row needs a key. */
  readonly bothWays: boolean;
  /** A trigger sees the whole row, whatever the replica identity is. */
  readonly capture?: CaptureKind;
}): readonly PrerequisiteCheck[] {
  const { table, facts, schema, bothWays, capture = 'wal' } = options;
  return [
    keyCheck(table, { whole: !bothWays && (capture === 'trigger' || table.replicaIdentity === 'full') }),
    ...(capture === 'trigger' ? [] : [replicaIdentityCheck(table, partitionsOf(table, schema)), generatedIdentityCheck(table, partitionsOf(table, schema))]),
    none(table, 'unlogged', [table, ...partitionsOf(table, schema)].filter((part) => part.unlogged).map((part) => part.name), {
      expected: 'logged: changes of an unlogged table are not in the WAL',
      remedy: `ALTER TABLE ${quoteTable(table.name)} SET LOGGED;`,
    }),
    none(table, 'row_security', table.rowSecurity ? ['enabled'] : [], {
      expected: 'none: policies are not copied, and could hide rows from the copy',
      remedy: `ALTER TABLE ${quoteTable(table.name)} DISABLE ROW LEVEL SECURITY;`,
    }),
    none(table, 'rules', facts.rules, {
      expected: 'none: a rule rewrites what is replayed',
      remedy: facts.rules.map((rule) => `DROP RULE ${quoteIdentifier(rule)} ON ${quoteTable(table.name)};`).join(' '),
    }),
    none(table, 'inheritance', facts.inherits ? ['parent or child by INHERITS'] : [], {
      expected: 'none but partitioning',
      remedy: 'Turn it into declarative partitions, or end it: ALTER TABLE … NO INHERIT …;',
    }),
    none(table, 'large_objects', facts.largeObjects, {
      expected: 'none: large objects are not in the logical stream',
      remedy: 'Store the content in a bytea column, or a plain number in a bigint column.',
    }),
    none(table, 'types', facts.handMadeTypes, {
      expected: 'built-in types, enums, domains, composite types, ranges, arrays of them and types of extensions',
      remedy: 'Change the columns to such a type: ALTER TABLE … ALTER COLUMN … TYPE …; (in the place of a row type of a table, a composite type).',
    }),
    none(table, 'partitions', facts.foreignPartitions, {
      expected: 'all partitions on this server',
      remedy: `ALTER TABLE ${quoteTable(table.name)} DETACH PARTITION …;`,
    }),
    parentCheck(table),
  ];
}

function none(
  table: Table,
  what: string,
  found: readonly string[],
  { expected, remedy }: { readonly expected: string; readonly remedy: string },
): PrerequisiteCheck {
  return prerequisite({
    id: `${table.name}.${what}`,
    ok: found.length === 0,
    found: found.length === 0 ? 'none' : found.join(', '),
    expected,
    remedy,
  });
}

function partitionsOf(table: Table, schema: Schema): readonly Table[] {
  return schema.tables
    .filter((part) => part.partitionOf?.parent === table.name)
    .flatMap((part) => [part, ...partitionsOf(part, schema)]);
}

/** A row is found by its primary key, else by a unique index of columns that are not null; one way, also by all it holds. */
function keyCheck(table: Table, { whole }: { readonly whole: boolean }): PrerequisiteCheck {
  const key = table.primaryKey;
  const generated = key?.columns.filter((name) => isGenerated(table, name)) ?? [];
  const candidate = uniqueKeyOf(table);
  let found = key ? key.definition : candidate ? `unique index ${candidate.name}` : 'none';
  if (generated.length > 0) found += `, of generated columns (${generated.join(', ')})`;
  if (whole && !key && !candidate) found = 'none; rows are told apart by all they hold';
  const sqlName = quoteTable(table.name);
  const columns = (candidate?.columns ?? key?.columns)?.map((name) => quoteIdentifier(name)).join(', ');
  return prerequisite({
    id: `${table.name}.key`,
    ok: (key !== undefined && !key.deferrable && generated.length === 0) || candidate !== undefined || whole,
    found,
    expected: 'a primary key that is not deferrable, or a unique index of columns that are not null (one way also REPLICA IDENTITY FULL): a row is found by it on the other side',
    remedy: key?.deferrable
      ? `ALTER TABLE ${sqlName} DROP CONSTRAINT ${quoteIdentifier(key.name)}, ADD PRIMARY KEY (${columns});`
      : `ALTER TABLE ${sqlName} ADD PRIMARY KEY (${columns ?? '…'});${columns === undefined ? ` Or give it one: ALTER TABLE ${sqlName} ADD COLUMN id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY; (it rewrites the table)` : ''}`,
  });
}

/** The unique index that stands in for a primary key, chosen as the applier does. */
export function uniqueKeyOf(table: Table): { readonly name: string; readonly columns: readonly string[] } | undefined {
  const named = (columns: readonly (string | null)[]): columns is readonly string[] =>
    columns.length > 0 && columns.every((name) => name !== null && isNotNull(table, name) && !isGenerated(table, name));
  const keys = table.uniques.filter(({ deferrable }) => !deferrable);
  const indexes = table.indexes.filter(({ unique, partial }) => unique && !partial);
  const usable = [...keys, ...indexes].flatMap(({ name, columns }) => (named(columns) ? [{ name, columns }] : []));
  return usable.find(({ name }) => name === table.replicaIdentityIndex) ?? usable.sort((a, b) => (a.name < b.name ? -1 : 1))[0];
}

const isGenerated = (table: Table, name: string): boolean =>
  table.columns.some((column) => column.name === name && column.generated !== undefined);

function isNotNull(table: Table, name: string): boolean {
  return table.columns.some((column) => column.name === name && !column.nullable);
}

/** The log must carry the old primary key of every UPDATE and DELETE, in each place where rows are. */
function replicaIdentityCheck(table: Table, partitions: readonly Table[]): PrerequisiteCheck {
  const stores = table.kind === 'partitioned' ? partitions.filter((part) => part.partitionBy === undefined) : [table];
  const wrong = stores.filter((store) => {
    if (store.replicaIdentity === 'full') return false;
    if (store.replicaIdentity === 'nothing') return true;
    if (store.replicaIdentity === 'default') return store.primaryKey === undefined;
    const identity = [...store.indexes, ...store.uniques].find(({ name }) => name === store.replicaIdentityIndex);
    if (store.primaryKey?.name === store.replicaIdentityIndex) return false;
    const key = store.primaryKey && !store.primaryKey.deferrable ? store.primaryKey : uniqueKeyOf(store);
    return !key?.columns.every((column) => identity?.columns.includes(column));
  });
  return prerequisite({
    id: `${table.name}.replica_identity`,
    ok: wrong.length === 0,
    found: wrong.length === 0 ? 'covers the primary key' : wrong.map((store) => `${store.name}: ${store.replicaIdentity}`).join(', '),
    expected: 'DEFAULT with a primary key, FULL, or an index that covers the key',
    remedy: wrong.map((store) => `ALTER TABLE ${quoteTable(store.name)} REPLICA IDENTITY ${identityFor(store)};`).join(' '),
  });
}

function identityFor(store: Table): string {
  if (store.primaryKey) return 'DEFAULT';
  const key = uniqueKeyOf(store);
  return key ? `USING INDEX ${quoteIdentifier(key.name)}` : 'FULL';
}

/** From PostgreSQL 18 on, a published table refuses every UPDATE and DELETE when its identity has a generated column (42P10, measured). */
function generatedIdentityCheck(table: Table, partitions: readonly Table[]): PrerequisiteCheck {
  const wrong = [table, ...partitions].filter((store) => {
    const generated = new Set(store.columns.filter((column) => column.generated !== undefined).map((column) => column.name));
    if (store.replicaIdentity === 'full') return generated.size > 0;
    if (store.replicaIdentity !== 'index') return false;
    const identity = [...store.indexes, ...store.uniques].find(({ name }) => name === store.replicaIdentityIndex);
    return identity?.columns.some((column) => column !== null && generated.has(column)) ?? false;
  });
  return prerequisite({
    id: `${table.name}.generated_identity`,
    ok: wrong.length === 0,
    found: wrong.length === 0 ? 'none' : wrong.map((store) => store.name).join(', '),
    expected: 'no generated column in the replica identity: PostgreSQL 18 would refuse updates once the table is published',
    remedy: wrong.map((store) => `ALTER TABLE ${quoteTable(store.name)} REPLICA IDENTITY DEFAULT;`).join(' '),
  });
}

function parentCheck(table: Table): PrerequisiteCheck {
  return prerequisite({
    id: `${table.name}.partition_of`,
    ok: table.partitionOf === undefined,
    found: table.partitionOf === undefined ? 'none' : table.partitionOf.parent,
    expected: 'none: a partition moves with its parent',
    remedy: `List ${table.partitionOf?.parent ?? 'the parent'} in the service's tables instead of ${table.name}.`,
  });
}

/** Publications demand the owner; writing rows does too, for simplicity of grants. Pure. */
export function ownerCheck(side: Side, facts: TableFacts, role: string): PrerequisiteCheck {
  return prerequisite({
    id: `${side}.${facts.name}.owner`,
    ok: facts.owned,
    found: facts.owned ? 'owned' : 'owned by another role',
    expected: `role ${role} owns the table or is a member of its owner; publications need it`,
    remedy: `GRANT <owner of ${facts.name}> TO ${quoteIdentifier(role)};`,
  });
}

/** Triggers that fire even for replayed rows fail; ordinary ones are told. Pure. */
export function triggerCheck(side: Side, table: Table, target: boolean): PrerequisiteCheck {
  const id = `${side}.${table.name}.triggers`;
  const firing = target ? table.triggers.filter(({ name, enabled }) => (enabled === 'always' || enabled === 'replica') && !name.startsWith(TRIGGER_PREFIX)) : [];
  if (firing.length > 0) {
    return {
      id,
      ok: false,
      found: firing.map((trigger) => `${trigger.name} (${trigger.enabled})`).join(', '),
      expected: 'none that fires for replayed rows: its effects arrive in the stream as well',
      remedy: firing
        .map((trigger) => `ALTER TABLE ${quoteTable(table.name)} ENABLE TRIGGER ${quoteIdentifier(trigger.name)};`)
        .join(' '),
    };
  }
  const names = table.triggers.map((trigger) => `${trigger.name} calls ${trigger.calls}`).join(', ');
  const note = side === 'monolith' ? '; not copied to the service: it fires for writes of the monolith only' : '';
  return holds(id, names === '' ? 'none' : `${names}${note}`);
}

/** Foreign keys across the border, as facts: which rule nobody enforces any more, and where. Pure. */
export function borderFacts(schema: Schema, moved: ReadonlySet<TableName>): readonly PrerequisiteCheck[] {
  const keys = schema.tables.flatMap((table) => table.foreignKeys.map((key) => ({ from: table.name, key })));
  const describe = (list: typeof keys): string =>
    list.length === 0 ? 'none' : list.map(({ from, key }) => `${from} (${key.columns.join(', ')}) -> ${key.references}`).join('; ');
  const acts = ({ key }: (typeof keys)[number]): boolean => key.onDelete !== 'no action' && key.onDelete !== 'restrict';
  const withAction = (list: typeof keys): string =>
    list.length === 0 ? 'none' : list.map(({ from, key }) => `${from} -> ${key.references}: ${key.onDelete}`).join('; ');
  const leaving = keys.filter(({ from, key }) => moved.has(from) && !moved.has(key.references));
  const entering = keys.filter(({ from, key }) => !moved.has(from) && moved.has(key.references));
  return [
    holds('foreign_keys.leaving', describe(leaving), "the service's tables do without them; the monolith's keep them"),
    holds('foreign_keys.entering', describe(entering), 'enforced for writes of the monolith, not for replayed ones'),
    holds('cascades.into', withAction(leaving.filter(acts)), 'they act in the monolith, and the service follows'),
    holds(
      'cascades.out',
      withAction(entering.filter(acts)),
      "a row that the service deletes leaves these rows of the monolith behind: delete them in the service's own code",
    ),
  ];
}
