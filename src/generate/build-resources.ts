import { BanyanError } from '../core/errors.ts';
import { splitTableName, type TableName } from '../model/names.ts';
import type { Column, Schema, Table, View } from '../model/schema.ts';
import { columnType } from './column-kind.ts';
import { camel, pascal, pluralWords, singularWords, TypeNames, UniqueNames, words } from './names.ts';
import type { ApiColumn, ApiRelation, ApiResource, KeyPart } from './resource.ts';
import type { ConstraintDefinition } from './template/lib/table.ts';

/** Columns of these names hold secrets: they can be written, but are never shown, filtered or sorted by. */
export const SECRET_COLUMNS =
  /(?:^|_)(?:password|passwd|pwd|passphrase|secret)(?:_|$)|(?:^|_)token(?:_hash)?$|password(?:Hash|Digest)/i;

export interface BuildOptions {
  /** The service's tables. Default: every table of the schema that is no partition of another. */
  readonly tables?: readonly TableName[];
  /** Which columns are write-only. Default {@link SECRET_COLUMNS}. */
  readonly isSecret?: (table: TableName, column: string) => boolean;
}

type Named = Pick<ApiResource, 'tableName' | 'schema' | 'table' | 'path' | 'type' | 'collection' | 'variable' | 'singular' | 'plural'>;

/**
 * The REST resources of a service: one for each of its tables, and one, read-only, for each view
 * that reads nothing but them. Ordered by path, so that the same schema always gives the same project.
 * @throws BANYAN_TABLE_UNKNOWN if a table is not in the schema.
 */
export function buildResources(schema: Schema, options: BuildOptions = {}): ApiResource[] {
  const tables = chooseTables(schema, options.tables);
  const own = new Set(tables.map((table) => table.name));
  const views = schema.views.filter((view) => view.reads.length > 0 && view.reads.every((name) => own.has(name)));
  const names = nameAll([...tables.map((table) => table.name), ...views.map((view) => view.name)]);
  const isSecret = options.isSecret ?? ((_table: TableName, column: string) => SECRET_COLUMNS.test(column));

  const resources = new Map<TableName, ApiResource>();
  for (const table of tables) {
    const named = names.get(table.name);
    if (named) resources.set(table.name, tableResource({ schema, table, named, own, isSecret }));
  }
  for (const view of views) {
    const named = names.get(view.name);
    if (named) resources.set(view.name, viewResource(view, named));
  }
  const related = [...resources.values()].map((resource) => ({
    ...resource,
    relations: relationsTo(resource, tables, resources),
  }));
  return related.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function chooseTables(schema: Schema, wanted: readonly TableName[] | undefined): Table[] {
  if (!wanted) {
    const all = new Set(schema.tables.map((table) => table.name));
    return schema.tables.filter((table) => !table.partitionOf || !all.has(table.partitionOf.parent));
  }
  return [...new Set(wanted)].map((name) => {
    const table = schema.tables.find((candidate) => candidate.name === name);
    if (!table) throw new BanyanError('BANYAN_TABLE_UNKNOWN', { message: `There is no table ${name}.`, details: { table: name } });
    return table;
  });
}

/**
 * Hands out names. Who comes first keeps the plain one: tables whose name is already plural, then
 * those of the schema that has most of the service's tables, then by name.
 */
function nameAll(tables: readonly TableName[]): Map<TableName, Named> {
  const types = new TypeNames();
  const paths = new UniqueNames((path) => pascal(words(path)));
  const named = new Map<TableName, Named>();
  const parts = (name: TableName): string[] => {
    const found = words(splitTableName(name).table);
    return found.length > 0 ? found : ['table'];
  };
  const isPlural = (name: TableName): boolean => pluralWords(parts(name)).join() === parts(name).join();
  const schemaOfTable = new Map(tables.map((name) => [name, splitTableName(name).schema]));
  const sizes = new Map<string | undefined, number>();
  for (const schema of schemaOfTable.values()) sizes.set(schema, (sizes.get(schema) ?? 0) + 1);
  const inSchema = (name: TableName): number => sizes.get(schemaOfTable.get(name)) ?? 0;
  const plurals = new Set(tables.filter(isPlural));
  const order = tables.toSorted(
    (a, b) => Number(plurals.has(b)) - Number(plurals.has(a)) || inSchema(b) - inSchema(a) || (a < b ? -1 : 1),
  );
  for (const tableName of order) {
    const { schema, table } = splitTableName(tableName);
    const plural = pluralWords(parts(tableName));
    const singular = singularWords(parts(tableName));
    const path = paths.claim(plural.join('-'), [...words(schema), ...plural].join('-'));
    const collection = pascal(words(path));
    // A path that had to give way takes its type with it: `auth-users` is AuthUser.
    const typeWords = path === plural.join('-') ? singular : singularWords(words(path));
    named.set(tableName, {
      tableName,
      schema,
      table,
      path,
      type: types.claim(pascal(typeWords)),
      collection,
      variable: camel(words(path)),
      singular: typeWords.join(' '),
      plural: words(path).join(' '),
    });
  }
  return named;
}

function apiColumn(schema: Schema, column: Column, isSecret: boolean, cutFrom: TableName | undefined): ApiColumn {
  const type = columnType(schema, column.type);
  const nullable = column.nullable && type.refusesNull === undefined;
  const domainDefault = schema.domains.some((domain) => domain.default !== undefined && column.type.endsWith(domain.name));
  const readOnly = column.generated !== undefined || column.identity === 'always';
  return {
    ...type,
    name: column.name,
    sqlType: column.type,
    nullable,
    readOnly,
    writeOnly: isSecret && !readOnly,
    required: !readOnly && !nullable && column.default === undefined && column.identity === undefined && !domainDefault,
    ...(column.comment === undefined ? {} : { comment: column.comment }),
    ...(cutFrom === undefined ? {} : { cutFrom }),
  };
}

/** The primary key, or else the first unique key without a nullable column. */
function keyColumns(table: Table): readonly string[] {
  if (table.primaryKey) return table.primaryKey.columns;
  const notNull = new Set(table.columns.filter((column) => !column.nullable).map((column) => column.name));
  return table.uniques.find((key) => key.columns.every((name) => notNull.has(name)))?.columns ?? [];
}

function keyParts(columns: readonly ApiColumn[], names: readonly string[]): KeyPart[] {
  const parameters = new UniqueNames();
  return names.flatMap((name, i) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (!column) return [];
    const parameter = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name !== '__proto__' ? name : `key${i + 1}`;
    return [{ column, parameter: parameters.claim(parameter, `key${i + 1}`) }];
  });
}

/** Columns that a CHECK mentions, by the words of its text. */
function mentioned(columns: readonly ApiColumn[], definition: string): string[] {
  const found = new Set(definition.match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []);
  return columns.map((column) => column.name).filter((name) => found.has(name) || definition.includes(`"${name.replaceAll('"', '""')}"`));
}

function constraintsOf(table: Table, columns: readonly ApiColumn[]): ConstraintDefinition[] {
  const uniqueIndexes = table.indexes.filter((index) => index.unique);
  return [
    ...[...(table.primaryKey ? [table.primaryKey] : []), ...table.uniques].map((key) => ({
      name: key.name,
      kind: 'unique' as const,
      columns: key.columns,
    })),
    ...uniqueIndexes.map((index) => ({
      name: index.name,
      kind: 'unique' as const,
      columns: index.columns.filter((name) => name !== null),
    })),
    ...table.foreignKeys.map((key) => ({ name: key.name, kind: 'foreign key' as const, columns: key.columns })),
    ...table.checks.map((check) => ({ name: check.name, kind: 'check' as const, columns: mentioned(columns, check.definition) })),
  ];
}

function tableResource(options: {
  readonly schema: Schema;
  readonly table: Table;
  readonly named: Named;
  readonly own: ReadonlySet<TableName>;
  readonly isSecret: (table: TableName, column: string) => boolean;
}): ApiResource {
  const { schema, table, named, own, isSecret } = options;
  const keyNames = keyColumns(table);
  const cutFrom = (column: string): TableName | undefined =>
    table.foreignKeys.find((key) => key.columns.includes(column) && !own.has(key.references))?.references;
  const columns = table.columns.map((column) =>
    apiColumn(schema, column, isSecret(table.name, column.name) && !keyNames.includes(column.name), cutFrom(column.name)),
  );
  const key = keyParts(columns, keyNames);
  const addressable = key.length > 0 && key.every((part) => !part.column.array && part.column.kind !== 'opaque');
  return {
    ...named,
    ...(table.comment === undefined ? {} : { comment: table.comment }),
    view: false,
    columns,
    key: addressable ? key : [],
    relations: [],
    constraints: constraintsOf(table, columns),
  };
}

function viewResource(view: View, named: Named): ApiResource {
  const columns = view.columns.map((name): ApiColumn => ({
    name,
    sqlType: 'unknown',
    kind: 'any',
    array: false,
    nullable: true,
    required: false,
    readOnly: true,
    writeOnly: false,
  }));
  return { ...named, view: true, columns, key: [], relations: [], constraints: [] };
}

function relationsTo(parent: ApiResource, tables: readonly Table[], resources: ReadonlyMap<TableName, ApiResource>): ApiRelation[] {
  const found: { child: ApiResource; pairs: { child: string; parameter: string }[] }[] = [];
  for (const table of tables) {
    const child = resources.get(table.name);
    if (!child || parent.key.length === 0) continue;
    for (const key of table.foreignKeys) {
      if (key.references !== parent.tableName || key.columns.length !== parent.key.length) continue;
      const pairs = key.columns.flatMap((column, i) => {
        const part = parent.key.find((candidate) => candidate.column.name === key.referencedColumns[i]);
        return part ? [{ child: column, parameter: part.parameter }] : [];
      });
      if (pairs.length === parent.key.length) found.push({ child, pairs });
    }
  }
  const paths = new UniqueNames();
  return found
    .sort((a, b) => (relationOrder(a) < relationOrder(b) ? -1 : 1))
    .map(({ child, pairs }) => {
      // `/users/{id}/messages-by-sender` where `/messages` would not say which, or would name the parent itself.
      const several = child === parent || found.filter((other) => other.child === child).length > 1;
      const by = pairs.flatMap((pair) => words(pair.child.replace(/_?id$/i, '') || pair.child));
      return { path: paths.claim(several ? [child.path, 'by', ...by].join('-') : child.path), child: child.path, columns: pairs };
    });
}

const relationOrder = ({ child, pairs }: { child: ApiResource; pairs: readonly { child: string }[] }): string =>
  JSON.stringify([child.path, ...pairs.map((pair) => pair.child)]);
