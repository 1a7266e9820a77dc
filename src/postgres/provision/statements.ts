import { quoteIdentifier, quoteLiteral, quoteTable, splitTableName, tableName, type TableName } from '../../model/names.ts';
import type { Column, DomainType, EnumType, Sequence, StructuredType, Table } from '../../model/schema.ts';
import type { ProvisionStatement } from '../../ports/provisioner.ts';

/* The SQL of each kind of object. Every name is quoted and qualified, so the search_path plays no part. */

const qualified = (object: { readonly schema: string; readonly name: string }): string =>
  `${quoteIdentifier(object.schema)}.${quoteIdentifier(object.name)}`;

/** `kind schema.name`, as people read it. */
export const labelOf = (kind: string, object: { readonly schema: string; readonly name: string }): string =>
  `${kind} ${tableName(object.schema, object.name)}`;

export function createSchema(schema: string): ProvisionStatement {
  return { object: `schema ${quoteIdentifier(schema)}`, sql: `CREATE SCHEMA ${quoteIdentifier(schema)}` };
}

export function createExtension(name: string, schema: string | undefined): ProvisionStatement {
  const where = schema === undefined ? '' : ` SCHEMA ${quoteIdentifier(schema)}`;
  return { object: `extension ${name}`, sql: `CREATE EXTENSION ${quoteIdentifier(name)}${where}` };
}

export function createEnum(type: EnumType): ProvisionStatement {
  const labels = type.labels.map(quoteLiteral).join(', ');
  return { object: labelOf('type', type), sql: `CREATE TYPE ${qualified(type)} AS ENUM (${labels})` };
}

export function createDomain(domain: DomainType): ProvisionStatement {
  const clauses = [
    `CREATE DOMAIN ${qualified(domain)} AS ${domain.baseType}`,
    ...(domain.default === undefined ? [] : [`DEFAULT ${domain.default}`]),
    ...(domain.nullable ? [] : ['NOT NULL']),
    ...domain.checks.map((check) => `CONSTRAINT ${quoteIdentifier(check.name)} ${check.definition}`),
  ];
  return { object: labelOf('domain', domain), sql: clauses.join(' ') };
}

export function createStructuredType(type: StructuredType): ProvisionStatement {
  return { object: labelOf('type', type), sql: `CREATE TYPE ${qualified(type)} ${type.definition}` };
}

export function createSequence(sequence: Sequence): ProvisionStatement {
  return {
    object: labelOf('sequence', sequence),
    sql: `CREATE SEQUENCE ${qualified(sequence)} AS ${sequence.type} ${sequenceOptions(sequence)}`,
  };
}

export function ownSequence(sequence: Sequence, owner: { readonly table: TableName; readonly column: string }): ProvisionStatement {
  return {
    object: labelOf('sequence', sequence),
    sql: `ALTER SEQUENCE ${qualified(sequence)} OWNED BY ${quoteTable(owner.table)}.${quoteIdentifier(owner.column)}`,
  };
}

function sequenceOptions(sequence: Sequence): string {
  return [
    ...(sequence.start === undefined ? [] : [`START WITH ${sequence.start}`]),
    `INCREMENT BY ${sequence.increment} MINVALUE ${sequence.min} MAXVALUE ${sequence.max}`,
    ...(sequence.cache === undefined ? [] : [`CACHE ${sequence.cache}`]),
    sequence.cycle ? 'CYCLE' : 'NO CYCLE',
  ].join(' ');
}

/**
 * A table with its primary key. A partition is made as a table of its own and attached afterwards, so
 * that its columns' order and its keys' names are those of the monolith.
 */
export function createTable(table: Table, identities: ReadonlyMap<string, Sequence>): ProvisionStatement {
  const lines = table.columns.map((column) => columnLine(table, column, identities.get(column.name)));
  if (table.primaryKey) lines.push(`CONSTRAINT ${quoteIdentifier(table.primaryKey.name)} ${table.primaryKey.definition}`);
  const partitioned = table.partitionBy === undefined ? '' : ` PARTITION BY ${table.partitionBy}`;
  const body = lines.length === 0 ? '()' : `(\n  ${lines.join(',\n  ')}\n)`;
  return {
    object: `table ${table.name}`,
    sql: `CREATE ${table.unlogged ? 'UNLOGGED ' : ''}TABLE ${quoteTable(table.name)} ${body}${partitioned}`,
  };
}

export function columnLine(table: Table, column: Column, identity: Sequence | undefined): string {
  const clauses = [`${quoteIdentifier(column.name)} ${column.type}`];
  if (column.collation !== undefined) clauses.push(`COLLATE ${column.collation}`);
  // Attaching gives a partition its parent's identity (17 and newer) and refuses one that has its own.
  if (column.identity !== undefined && table.kind !== 'partition') {
    const options = identity === undefined ? '' : ` (SEQUENCE NAME ${qualified({ schema: splitTableName(table.name).schema, name: identity.name })} ${sequenceOptions(identity)})`;
    clauses.push(`GENERATED ${column.identity.toUpperCase()} AS IDENTITY${options}`);
  }
  if (column.generated !== undefined) {
    clauses.push(`GENERATED ALWAYS AS (${column.generated}) ${column.virtual === true ? 'VIRTUAL' : 'STORED'}`);
  }
  if (column.default !== undefined) clauses.push(`DEFAULT ${column.default}`);
  if (!column.nullable) clauses.push('NOT NULL');
  return clauses.join(' ');
}

export function attachPartition(table: TableName, of: { readonly parent: TableName; readonly bound: string }): ProvisionStatement {
  return {
    object: `table ${table}`,
    sql: `ALTER TABLE ${quoteTable(of.parent)} ATTACH PARTITION ${quoteTable(table)} ${of.bound}`,
  };
}

export function commentsOf(table: Table): readonly ProvisionStatement[] {
  const object = `comment of ${table.name}`;
  return [
    ...(table.comment === undefined
      ? []
      : [{ object, sql: `COMMENT ON TABLE ${quoteTable(table.name)} IS ${quoteLiteral(table.comment)}` }]),
    ...table.columns.flatMap(({ name, comment }) => {
      if (comment === undefined) return [];
      const column = `${quoteTable(table.name)}.${quoteIdentifier(name)}`;
      return [{ object, sql: `COMMENT ON COLUMN ${column} IS ${quoteLiteral(comment)}` }];
    }),
  ];
}

/** `definition` is what follows the constraint's name. */
export function addConstraint(table: TableName, kind: string, constraint: { readonly name: string; readonly definition: string }): ProvisionStatement {
  return {
    object: `${kind} ${constraint.name} of ${table}`,
    sql: `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(constraint.name)} ${constraint.definition}`,
  };
}

export function setReplicaIdentity(table: Table): ProvisionStatement {
  const identity =
    table.replicaIdentity === 'index' && table.replicaIdentityIndex !== undefined
      ? `USING INDEX ${quoteIdentifier(table.replicaIdentityIndex)}`
      : table.replicaIdentity.toUpperCase();
  return {
    object: `replica identity of ${table.name}`,
    sql: `ALTER TABLE ${quoteTable(table.name)} REPLICA IDENTITY ${identity}`,
  };
}
