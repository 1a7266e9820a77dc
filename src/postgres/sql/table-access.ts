import type { Node } from 'libpg-query';
import type { TableName } from '../../model/names.ts';
import type { WriteOperation } from '../../model/workload.ts';
import { relationName, type UnresolvedName } from './syntax-tree.ts';

/** The tables that one statement reads and writes. */
export interface TableAccess {
  readonly reads: ReadonlySet<TableName>;
  readonly writes: ReadonlySet<TableName>;
  /** What it does to the rows of the tables written. */
  readonly operations: readonly WriteOperation[];
}

const WRITING = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'] as const;

/**
 * Walks a syntax tree and collects the relations it names. A name that a WITH of the same statement
 * defines is not a table; a system catalogue is left out.
 */
export function tableAccess(tree: Node, fallbackSchema = 'public'): TableAccess {
  const reads = new Set<TableName>();
  const writes = new Set<TableName>();
  const operations: WriteOperation[] = [];
  const defined = new Set<string>();
  collectDefined(tree, defined);

  const add = (relation: UnresolvedName, into: Set<TableName>): void => {
    if (relation.relname === undefined) return;
    if (relation.schemaname === undefined && defined.has(relation.relname)) return;
    if (relation.schemaname === 'pg_catalog' || relation.schemaname === 'information_schema') return;
    if (relation.schemaname === undefined && relation.relname.startsWith('pg_')) return;
    into.add(relationName(relation, fallbackSchema));
  };

  const walk = (value: unknown, key: string): void => {
    if (Array.isArray(value)) {
      for (const item of value) walk(item, key);
      return;
    }
    if (!isRecord(value)) return;
    if (key === 'RangeVar') {
      add(value, reads);
      return;
    }
    const statement = WRITING.find((name) => name === key);
    if (statement !== undefined) {
      if (isRecord(value['relation'])) {
        add(value['relation'], writes);
        operations.push(...operationsOf(statement, value, relationName(value['relation'], fallbackSchema)));
      }
      if (statement === 'UpdateStmt' || statement === 'MergeStmt' || statement === 'DeleteStmt') {
        // The written table is also read: its condition names it. Joins count it once.
        if (isRecord(value['relation'])) add(value['relation'], reads);
      }
    } else if (key === 'TruncateStmt') {
      for (const relation of asArray(value['relations'])) {
        if (!isRecord(relation) || !isRecord(relation['RangeVar'])) continue;
        add(relation['RangeVar'], writes);
        operations.push({ table: relationName(relation['RangeVar'], fallbackSchema), kind: 'delete' });
      }
      return;
    } else if (key === 'CopyStmt' && isRecord(value['relation'])) {
      add(value['relation'], value['is_from'] === true ? writes : reads);
      if (value['is_from'] === true) operations.push({ table: relationName(value['relation'], fallbackSchema), kind: 'insert' });
    } else if (key === 'SelectStmt' && isRecord(value['lockingClause'])) {
      walk(value['lockingClause'], 'lockingClause');
    }
    for (const [name, child] of Object.entries(value)) {
      if (name === 'lockedRels') continue;
      walk(child, name);
    }
  };
  walk(tree, '');
  return { reads, writes, operations: operations.filter(({ table }) => writes.has(table)) };
}

/** What a writing statement does to its own table; a MERGE and an upsert do several things. */
function operationsOf(statement: (typeof WRITING)[number], value: Readonly<Record<string, unknown>>, table: TableName): WriteOperation[] {
  if (statement === 'DeleteStmt') return [{ table, kind: 'delete' }];
  if (statement === 'UpdateStmt') return [updateOf(table, value['targetList'])];
  if (statement === 'InsertStmt') {
    const conflict = value['onConflictClause'];
    const upsert = isRecord(conflict) && conflict['action'] === 'ONCONFLICT_UPDATE' ? [updateOf(table, conflict['targetList'])] : [];
    return [{ table, kind: 'insert' }, ...upsert];
  }
  return asArray(value['mergeWhenClauses']).flatMap((item): WriteOperation[] => {
    const clause = isRecord(item) && isRecord(item['MergeWhenClause']) ? item['MergeWhenClause'] : {};
    if (clause['commandType'] === 'CMD_INSERT') return [{ table, kind: 'insert' }];
    if (clause['commandType'] === 'CMD_DELETE') return [{ table, kind: 'delete' }];
    return clause['commandType'] === 'CMD_UPDATE' ? [updateOf(table, clause['targetList'])] : [];
  });
}

function updateOf(table: TableName, targets: unknown): WriteOperation {
  const columns: string[] = [];
  const relative: string[] = [];
  const falling: string[] = [];
  for (const item of asArray(targets)) {
    const target = isRecord(item) ? item['ResTarget'] : undefined;
    if (!isRecord(target) || typeof target['name'] !== 'string') continue;
    columns.push(target['name']);
    if (namesColumn(target['val'], target['name'])) relative.push(target['name']);
    if (takesFrom(target['val'], target['name'])) falling.push(target['name']);
  }
  return { table, kind: 'update', columns, ...(relative.length === 0 ? {} : { relative }), ...(falling.length === 0 ? {} : { falling }) };
}

/** Whether an expression subtracts from the column of this name. */
function takesFrom(value: unknown, column: string): boolean {
  if (Array.isArray(value)) return value.some((item) => takesFrom(item, column));
  if (!isRecord(value)) return false;
  const operator = asArray(value['name'])[0];
  const minus = isRecord(operator) && isRecord(operator['String']) && operator['String']['sval'] === '-';
  if (minus && namesColumn(value['lexpr'], column)) return true;
  return Object.values(value).some((item) => takesFrom(item, column));
}

/** Whether an expression reads the column of this name. */
function namesColumn(value: unknown, column: string): boolean {
  if (Array.isArray(value)) return value.some((item) => namesColumn(item, column));
  if (!isRecord(value)) return false;
  const reference = value['ColumnRef'];
  if (isRecord(reference)) {
    const names = asArray(reference['fields']).map((field) => (isRecord(field) && isRecord(field['String']) ? field['String']['sval'] : undefined));
    return names.at(-1) === column && names[0] !== 'excluded';
  }
  return Object.values(value).some((item) => namesColumn(item, column));
}

function collectDefined(value: unknown, into: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collectDefined(item, into);
  } else if (isRecord(value)) {
    const expression = value['CommonTableExpr'];
    if (isRecord(expression) && typeof expression['ctename'] === 'string') into.add(expression['ctename']);
    for (const child of Object.values(value)) collectDefined(child, into);
  }
}

/** The tables one statement joins: all it names, in order of name, if there are two or more. */
export function joinedTables(access: TableAccess): TableName[] {
  const all = [...new Set([...access.reads, ...access.writes])].sort();
  return all.length > 1 ? all : [];
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
