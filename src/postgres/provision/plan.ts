import { splitTableName, type TableName } from '../../model/names.ts';
import type { ForeignKey, Schema, Sequence, Table } from '../../model/schema.ts';
import type {
  CutForeignKey,
  ProvisionMismatch,
  ProvisionStatement,
  TriggerLeftBehind,
} from '../../ports/provisioner.ts';
import { compareDomain, compareEnum, compareSequence, compareStructuredType, compareTable } from './compare.ts';
import {
  addConstraint,
  attachPartition,
  commentsOf,
  createDomain,
  createEnum,
  createExtension,
  createSchema,
  createSequence,
  createStructuredType,
  createTable,
  ownSequence,
  setReplicaIdentity,
} from './statements.ts';

export interface StructurePlan {
  readonly beforeCopy: readonly ProvisionStatement[];
  readonly afterCopy: readonly ProvisionStatement[];
  readonly mismatches: readonly ProvisionMismatch[];
  readonly cuts: readonly CutForeignKey[];
  readonly triggers: readonly TriggerLeftBehind[];
}

/**
 * What `target` lacks to hold the tables of `source`, each object compared by its name. Pure.
 * @param options.source The moved tables only; a foreign key to any other table is a cut.
 * @param options.target Everything that the target has.
 */
export function planStructure(options: { readonly source: Schema; readonly target: Schema; readonly targetSchemas: readonly string[] }): StructurePlan {
  const { source, target } = options;
  const mismatches: ProvisionMismatch[] = [];
  const there = new Map(target.tables.map((table) => [table.name, table]));
  const moved = new Set(source.tables.map((table) => table.name));
  const tables = parentsFirst(source.tables);
  for (const table of tables) {
    const other = there.get(table.name);
    if (other) mismatches.push(...compareTable(table, other));
  }
  const lacking = tables.filter((table) => !there.has(table.name));
  const sequences = planSequences({ source, target, lacking, mismatches });

  const beforeCopy = [
    ...neededSchemas(source)
      .filter((schema) => !options.targetSchemas.includes(schema))
      .map(createSchema),
    ...planExtensions(source, target, mismatches),
    ...lackingBy(source.enums, target.enums, (here, other) => mismatches.push(...compareEnum(here, other))).map(createEnum),
    ...planMadeTypes(source, target, mismatches),
    ...sequences.create,
    ...lacking.map((table) => createTable(table, identitiesOf(source, table))),
    ...lacking.flatMap((table) => (table.partitionOf ? [attachPartition(table.name, table.partitionOf)] : [])),
    ...sequences.own,
    ...lacking.flatMap(commentsOf),
  ];

  // A parent's index adopts the equal ones of its partitions, and makes those that it does not find.
  const childrenFirst = tables.toReversed();
  const foreignKeys = tables.flatMap((table) => table.foreignKeys.map((key) => ({ table, key })));
  const afterCopy = [
    ...childrenFirst.flatMap((table) => keysLacking(table, there.get(table.name))),
    ...tables.flatMap((table) =>
      withoutNames(table.checks, there.get(table.name)?.checks).map((check) => addConstraint(table.name, 'check', check)),
    ),
    ...tables.filter((table) => !sameReplicaIdentity(table, there.get(table.name))).map(setReplicaIdentity),
    ...foreignKeys
      .filter(({ key }) => moved.has(key.references))
      .flatMap(({ table, key }) =>
        withoutNames([key], there.get(table.name)?.foreignKeys).map(() => addConstraint(table.name, 'foreign key', key)),
      ),
  ];
  return {
    beforeCopy,
    afterCopy,
    mismatches,
    cuts: foreignKeys.filter(({ key }) => !moved.has(key.references)).map(({ table, key }) => cutOf(table.name, key)),
    triggers: tables.flatMap((table) =>
      table.triggers.map(({ name, calls, definition }) => ({ table: table.name, name, calls, definition })),
    ),
  };
}

function cutOf(table: TableName, key: ForeignKey): CutForeignKey {
  const { name, columns, references, onDelete, definition } = key;
  return { table, name, columns, references, onDelete, definition };
}

function neededSchemas(source: Schema): readonly string[] {
  const named = [...source.enums, ...source.domains, ...(source.structuredTypes ?? []), ...source.sequences].map((object) => object.schema);
  const ofExtensions = source.extensions.flatMap((name) => source.extensionSchemas?.[name] ?? []);
  const ofTables = source.tables.map((table) => splitTableName(table.name).schema);
  return [...new Set([...ofTables, ...named, ...ofExtensions])].sort();
}

function planExtensions(source: Schema, target: Schema, mismatches: ProvisionMismatch[]): readonly ProvisionStatement[] {
  return source.extensions.flatMap((name) => {
    const schema = source.extensionSchemas?.[name];
    if (!target.extensions.includes(name)) return [createExtension(name, schema)];
    const other = target.extensionSchemas?.[name];
    if (schema !== undefined && other !== undefined && schema !== other) {
      mismatches.push({ object: `extension ${name}`, property: 'schema', monolith: schema, service: other });
    }
    return [];
  });
}

/** Sequences of their own, and those of serial columns; an identity's comes with its table. */
function planSequences(options: {
  readonly source: Schema;
  readonly target: Schema;
  readonly lacking: readonly Table[];
  readonly mismatches: ProvisionMismatch[];
}): { readonly create: readonly ProvisionStatement[]; readonly own: readonly ProvisionStatement[] } {
  const free = options.source.sequences.filter((sequence) => sequence.ownedBy?.identity !== true);
  const create = lackingBy(free, options.target.sequences, (here, other) => {
    options.mismatches.push(...compareSequence(here, other));
  });
  // Owners are set only where both are new: an existing sequence or table keeps what it has.
  const newTables = new Set(options.lacking.map((table) => table.name));
  return {
    create: create.map(createSequence),
    own: create.flatMap((sequence) => {
      const owner = sequence.ownedBy;
      return owner && newTables.has(owner.table) ? [ownSequence(sequence, owner)] : [];
    }),
  };
}

function identitiesOf(source: Schema, table: Table): ReadonlyMap<string, Sequence> {
  const identities = source.sequences.filter(({ ownedBy }) => ownedBy?.identity === true && ownedBy.table === table.name);
  return new Map(identities.map((sequence) => [sequence.ownedBy?.column ?? '', sequence]));
}

/** Those of `source` that `target` lacks; the others are handed to `compare`. */
function lackingBy<T extends { readonly schema: string; readonly name: string }>(
  source: readonly T[],
  target: readonly T[],
  compare: (here: T, other: T) => void,
): readonly T[] {
  return source.filter((here) => {
    const other = target.find(({ schema, name }) => schema === here.schema && name === here.name);
    if (other) compare(here, other);
    return other === undefined;
  });
}

function withoutNames<T extends { readonly name: string }>(wanted: readonly T[], present: readonly T[] = []): readonly T[] {
  const names = new Set(present.map(({ name }) => name));
  return wanted.filter(({ name }) => !names.has(name));
}

function keysLacking(table: Table, other: Table | undefined): readonly ProvisionStatement[] {
  return [
    ...withoutNames(table.uniques, other?.uniques).map((key) => addConstraint(table.name, 'unique', key)),
    ...withoutNames(table.indexes, other?.indexes).map((index) => ({
      object: `index ${index.name} of ${table.name}`,
      sql: index.definition,
    })),
    ...withoutNames(table.exclusions ?? [], other?.exclusions).map((rule) => addConstraint(table.name, 'exclusion', rule)),
  ];
}

function sameReplicaIdentity(table: Table, other: Table | undefined): boolean {
  return (
    table.replicaIdentity === (other?.replicaIdentity ?? 'default') &&
    table.replicaIdentityIndex === other?.replicaIdentityIndex
  );
}

/** A partition after the table it is part of; otherwise the order that was given. */
function parentsFirst(tables: readonly Table[]): readonly Table[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const ordered = new Set<Table>();
  const add = (table: Table): void => {
    const parent = table.partitionOf && byName.get(table.partitionOf.parent);
    if (parent) add(parent);
    ordered.add(table);
  };
  tables.forEach(add);
  return [...ordered];
}

/** Domains, composite types and ranges may be made of each other. */
function planMadeTypes(source: Schema, target: Schema, mismatches: ProvisionMismatch[]): readonly ProvisionStatement[] {
  const domains = lackingBy(source.domains, target.domains, (here, other) => mismatches.push(...compareDomain(here, other)));
  const structured = lackingBy(source.structuredTypes ?? [], target.structuredTypes ?? [], (here, other) =>
    mismatches.push(...compareStructuredType(here, other)),
  );
  return partsFirst([
    ...domains.map((domain) => ({ ...domain, parts: [domain.baseType], statement: createDomain(domain) })),
    ...structured.map((type) => ({ ...type, statement: createStructuredType(type) })),
  ]).map(({ statement }) => statement);
}

interface MadeType {
  readonly schema: string;
  readonly name: string;
  /** The types it is made from, as the server spells them. */
  readonly parts: readonly string[];
  readonly statement: ProvisionStatement;
}

/** A type after those it is made from. */
function partsFirst(types: readonly MadeType[]): readonly MadeType[] {
  const ordered = new Set<MadeType>();
  const add = (type: MadeType): void => {
    const parts = type.parts.map((part) => part.replace(/\[\]$/, ''));
    for (const other of types) {
      if (other !== type && baseNames(other.schema, other.name).some((name) => parts.includes(name))) add(other);
    }
    ordered.add(type);
  };
  types.forEach(add);
  return [...ordered];
}

/** How the server may spell a type: each part quoted or not. */
function baseNames(schema: string, name: string): readonly string[] {
  const spellings = (part: string): readonly string[] => [part, `"${part.replaceAll('"', '""')}"`];
  return spellings(schema).flatMap((first) => spellings(name).map((second) => `${first}.${second}`));
}
