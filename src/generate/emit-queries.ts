import { canChange, canCreate, canDelete, canRead, type ApiColumn, type ApiResource } from './resource.ts';
import { access, literal, value } from './source.ts';
import { docComment } from './source.ts';
import type { ConstraintDefinition } from './template/lib/table.ts';

/** `src/resources/…/queries.ts`: the table and the statements on it. */
export function emitQueries(resource: ApiResource): string {
  const { type, collection, singular, plural } = resource;
  const readable = canRead(resource);
  const statements = [
    'selectPage',
    ...(readable ? ['selectRow'] : []),
    ...(canCreate(resource) ? ['insertRow'] : []),
    ...(canChange(resource) ? ['updateRow'] : []),
    ...(canDelete(resource) ? ['deleteRow'] : []),
  ].sort();
  const types = ['Condition', 'Page', ...(readable || canCreate(resource) ? ['Row'] : []), ...(canCreate(resource) ? ['Values'] : [])];
  const bytesInKey = resource.key.some((part) => part.column.kind === 'bytes');

  const blocks: string[] = [
    [
      ...(canDelete(resource) ? ["import type { Pool } from 'pg';"] : []),
      `import type { Db${readable ? ', Parameter' : ''} } from '../../db.ts';`,
      ...(canDelete(resource) ? [`import { changeRow${canChange(resource) ? ', patchRow' : ''} } from '../../lib/change.ts';`] : []),
      ...(bytesInKey ? ["import { keyParameter } from '../../lib/kinds.ts';"] : []),
      "import type { ListQuery } from '../../lib/list-query.ts';",
      `import { ${[...statements, ...types.map((name) => `type ${name}`)].join(', ')} } from '../../lib/statements.ts';`,
      `import { defineTable${readable ? ', type Column' : ''} } from '../../lib/table.ts';`,
    ].join('\n'),
    emitTable(resource),
  ];

  if (readable) {
    blocks.push(
      [
        `/** What tells one ${singular} from another, as a path has it. */`,
        `export interface ${type}Key {`,
        ...resource.key.map((part) => `  readonly ${part.parameter}: string;`),
        '}',
      ].join('\n'),
      [
        `const parameters = (key: ${type}Key): Parameter[] => [${resource.key
          .map((part) =>
            part.column.kind === 'bytes' ? `keyParameter('bytes', ${access('key', part.parameter)})` : access('key', part.parameter),
          )
          .join(', ')}];`,
      ].join('\n'),
    );
  }
  blocks.push(
    [
      `/** One page of ${plural}; \`within\` narrows it to those of another resource. */`,
      `export async function list${collection}(db: Db, query: ListQuery, within?: Condition): Promise<Page> {`,
      '  return selectPage(db, table, query, within);',
      '}',
    ].join('\n'),
  );
  if (readable) {
    blocks.push(
      [
        `export async function get${type}(db: Db, key: ${type}Key, columns?: readonly Column[]): Promise<Row | undefined> {`,
        '  return selectRow(db, table, parameters(key), columns ? { columns } : {});',
        '}',
      ].join('\n'),
    );
  }
  if (canCreate(resource)) {
    blocks.push(
      [
        `export async function create${type}(db: Db, values: Values): Promise<Row | undefined> {`,
        '  return insertRow(db, table, values);',
        '}',
      ].join('\n'),
    );
  }
  if (canChange(resource)) {
    blocks.push(
      [
        `export async function replace${type}(pool: Pool, key: ${type}Key, values: Values, ifMatch?: string): Promise<Row | undefined> {`,
        '  return changeRow(pool, table, parameters(key), ifMatch, async (db) => updateRow(db, table, parameters(key), values));',
        '}',
      ].join('\n'),
      [
        `export async function patch${type}(pool: Pool, key: ${type}Key, values: Values, ifMatch?: string): Promise<Row | undefined> {`,
        '  return patchRow(pool, table, parameters(key), ifMatch, values);',
        '}',
      ].join('\n'),
    );
  }
  if (canDelete(resource)) {
    blocks.push(
      [
        `/** Whether there was such a ${singular}. */`,
        `export async function delete${type}(pool: Pool, key: ${type}Key, ifMatch?: string): Promise<boolean> {`,
        '  return changeRow(pool, table, parameters(key), ifMatch, async (db) => deleteRow(db, table, parameters(key)));',
        '}',
      ].join('\n'),
    );
  }
  return `${blocks.join('\n\n')}\n`;
}

function emitTable(resource: ApiResource): string {
  return [
    docComment(resource.comment ?? `The ${resource.view ? 'view' : 'table'} ${resource.tableName}.`),
    'export const table = defineTable({',
    `  schema: ${literal(resource.schema)},`,
    `  table: ${literal(resource.table)},`,
    `  singular: ${literal(resource.singular)},`,
    `  key: ${value(resource.key.map((part) => part.column.name))},`,
    '  columns: [',
    ...resource.columns.map((column) => `    ${value(columnDefinition(column))},`),
    '  ],',
    ...emitConstraints(resource.constraints),
    '});',
  ].join('\n');
}

function columnDefinition(column: ApiColumn): object {
  return {
    name: column.name,
    kind: column.kind,
    ...(column.array ? { array: true } : {}),
    ...(column.nullable ? { nullable: true } : {}),
    ...(column.readOnly ? { readOnly: true } : {}),
    ...(column.writeOnly ? { writeOnly: true } : {}),
  };
}

function emitConstraints(constraints: readonly ConstraintDefinition[]): string[] {
  if (constraints.length === 0) return ['  constraints: [],'];
  return ['  constraints: [', ...constraints.map((constraint) => `    ${value(constraint)},`), '  ],'];
}
