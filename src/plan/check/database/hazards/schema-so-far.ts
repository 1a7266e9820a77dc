import { parseSync, type Constraint, type Node, type TypeName } from 'libpg-query';
import { splitTableName, tableName, type TableName } from '../../../../model/names.ts';
import type { Schema } from '../../../../model/schema.ts';
import type { TableSize } from './size-severity.ts';
import { readType, typeShape, type TypeShape } from './type-storage.ts';

type ConstraintKind = 'check' | 'foreign_key' | 'other';

interface ConstraintSoFar {
  readonly kind: ConstraintKind;
  readonly references?: TableName;
  readonly valid: boolean;
  /** Columns that it keeps from being null, while it is valid. */
  readonly notNull: () => readonly string[];
}

interface ColumnSoFar {
  readonly type: () => TypeShape | undefined;
  readonly nullable: boolean;
  readonly generated: boolean;
}

interface TableSoFar {
  readonly columns: Map<string, ColumnSoFar>;
  readonly constraints: Map<string, ConstraintSoFar>;
  readonly parent?: TableName;
  readonly isDefault: boolean;
}

/** What is known of the tables when a statement runs: the schema before the first one, and what those before it changed. */
export class SchemaSoFar {
  readonly #tables = new Map<TableName, TableSoFar>();
  /** Indexes by their qualified name. */
  readonly indexes = new Map<string, { readonly table: TableName; readonly columns: readonly string[] }>();
  readonly reads = new Map<TableName, readonly TableName[]>();
  readonly domains: Map<string, { readonly constrained: boolean; readonly base: () => TypeShape | undefined }>;
  readonly #sizes = new Map<TableName, TableSize>();
  readonly #made = new Set<TableName>();
  readonly #children = new Map<TableName, readonly TableName[]>();

  /** The server's major version; undefined: the newest is meant. */
  readonly major: number | undefined;

  constructor(schema: Schema, { major }: { readonly major?: number } = {}) {
    this.major = major;
    for (const { name, columns, foreignKeys, checks, primaryKey, uniques, indexes, partitionOf, estimatedRows: rows, bytes } of schema.tables) {
      this.#sizes.set(name, { rows: rows < 0 ? null : rows, bytes: bytes <= 0 && rows < 0 ? null : bytes });
      this.#tables.set(name, {
        columns: new Map(columns.map(({ name: column, type, nullable, generated }) => [column, { type: () => readType(type), nullable, generated: generated !== undefined }])),
        constraints: new Map([
          ...foreignKeys.map((key): [string, ConstraintSoFar] => [key.name, { kind: 'foreign_key', references: key.references, valid: !/NOT VALID$/i.test(key.definition), notNull: () => [] }]),
          ...checks.map((check): [string, ConstraintSoFar] => [check.name, { kind: 'check', valid: !/NOT VALID$/i.test(check.definition), notNull: () => keptFromNull(parsedCheck(check.definition)) }]),
        ]),
        isDefault: /^DEFAULT$/i.test(partitionOf?.bound.trim() ?? ''), ...(partitionOf ? { parent: partitionOf.parent } : {}),
      });
      const { schema: own } = splitTableName(name);
      for (const index of [...indexes, ...uniques, ...(primaryKey ? [primaryKey] : [])]) this.addIndex(tableName(own, index.name), name, index.columns.flatMap((column) => column ?? []));
      if (partitionOf) this.#adopt(partitionOf.parent, name);
    }
    for (const view of schema.views) this.reads.set(view.name, view.reads);
    this.domains = new Map(schema.domains.map((domain) => [domain.schema === 'public' ? domain.name : `${domain.schema}.${domain.name}`, { constrained: !domain.nullable || domain.checks.length > 0, base: () => readType(domain.baseType) }]));
  }

  addIndex(name: TableName, table: TableName, columns: readonly string[]): void {
    this.indexes.set(name, { table, columns });
  }

  indexColumns(table: TableName, index: string): readonly string[] | undefined {
    return this.indexes.get(tableName(splitTableName(table).schema, index))?.columns;
  }

  table(name: TableName): TableSoFar | undefined {
    return this.#tables.get(name);
  }

  /** Whether a statement that was read has made it, so that it has no rows of before. */
  isNew(name: TableName): boolean {
    return this.#made.has(name);
  }

  /** Time goes by: what was made has rows by now, nobody knows how many. */
  settle(): void {
    this.#made.clear();
  }

  /** As it was before the first statement; undefined: there was no such table. */
  size(name: TableName): TableSize | undefined {
    return this.#sizes.get(name);
  }

  /** Its partitions, theirs too. */
  partitions(name: TableName): TableName[] {
    return this.#childrenOf(name).flatMap((child) => [child, ...this.partitions(child)]);
  }

  defaultPartition(name: TableName): TableName | undefined {
    return this.#childrenOf(name).find((child) => this.#tables.get(child)?.isDefault);
  }

  /** Tables with a column of the type, as the grammar names it. */
  tablesWith(type: string): TableName[] {
    return [...this.#tables].filter(([, { columns }]) => [...columns.values()].some((column) => column.type()?.name === type)).map(([name]) => name);
  }

  create(name: TableName, parent?: TableName): void {
    this.#tables.set(name, { columns: new Map(), constraints: new Map(), isDefault: false, ...(parent === undefined ? {} : { parent }) });
    this.#made.add(name);
    if (parent !== undefined) this.#adopt(parent, name);
  }

  createDomain(name: string, base: TypeName | undefined, constrained: boolean): void {
    this.domains.set(name, { constrained, base: () => (base ? typeShape(base) : undefined) });
  }

  /** Columns of the type are of its new name. */
  renameType(from: string, to: string): void {
    const domain = this.domains.get(from);
    if (domain) this.domains.set(to, domain);
    for (const { columns } of this.#tables.values()) {
      for (const [name, column] of columns) {
        const type = (): TypeShape | undefined => {
          const shape = column.type();
          return shape?.name === from ? { ...shape, name: to } : shape;
        };
        columns.set(name, { ...column, type });
      }
    }
  }

  drop(name: TableName): void {
    this.detach(name);
    this.#tables.delete(name);
  }

  attach(parent: TableName, name: TableName, isDefault: boolean): void {
    const table = this.#tables.get(name);
    if (table) this.#tables.set(name, { ...table, parent, isDefault });
    this.#adopt(parent, name);
  }

  detach(name: TableName): void {
    const table = this.#tables.get(name);
    if (table?.parent === undefined) return;
    const { parent, ...rest } = table;
    this.#children.set(parent, this.#childrenOf(parent).filter((child) => child !== name));
    this.#tables.set(name, { ...rest, isDefault: false });
  }

  rename(from: TableName, to: TableName): void {
    const table = this.#tables.get(from);
    if (!table) return;
    this.#tables.delete(from);
    this.#tables.set(to, table);
    const children = this.#childrenOf(from);
    this.#children.delete(from);
    this.#children.set(to, children);
    for (const child of children) {
      const found = this.#tables.get(child);
      if (found) this.#tables.set(child, { ...found, parent: to });
    }
    if (table.parent !== undefined) this.#children.set(table.parent, this.#childrenOf(table.parent).map((child) => (child === from ? to : child)));
    for (const [name, index] of this.indexes) if (index.table === from) this.indexes.set(name, { ...index, table: to });
    const size = this.#sizes.get(from);
    if (size) this.#sizes.set(to, size);
    if (this.#made.delete(from)) this.#made.add(to);
    else this.#made.delete(to);
  }

  renameColumn(table: TableName, from: string, to: string): void {
    const columns = this.#tables.get(table)?.columns;
    const column = columns?.get(from);
    if (!column) return;
    columns?.delete(from);
    columns?.set(to, column);
  }

  constrain(table: TableName, { conname, contype, pktable, skip_validation: unproven, raw_expr: expression }: Constraint): void {
    if (conname === undefined) return;
    const kind = contype === 'CONSTR_FOREIGN' ? 'foreign_key' : contype === 'CONSTR_CHECK' ? 'check' : 'other';
    this.#tables.get(table)?.constraints.set(conname, { kind, valid: !unproven, notNull: () => keptFromNull(expression), ...(pktable ? { references: tableName(pktable.schemaname ?? 'public', pktable.relname ?? '') } : {}) });
  }

  validate(table: TableName, name: string): void {
    const constraints = this.#tables.get(table)?.constraints;
    const found = constraints?.get(name);
    if (found) constraints?.set(name, { ...found, valid: true });
  }

  setColumn(table: TableName, column: string, change: Partial<ColumnSoFar>): void {
    const columns = this.#tables.get(table)?.columns;
    columns?.set(column, { type: () => undefined, nullable: true, generated: false, ...columns.get(column), ...change });
  }

  /** Whether a valid check, or the column itself, keeps nulls out. */
  isProvenNotNull(table: TableName, column: string): boolean {
    const found = this.#tables.get(table);
    if (!found) return false;
    return found.columns.get(column)?.nullable === false || [...found.constraints.values()].some(({ kind, valid, notNull }) => kind === 'check' && valid && notNull().includes(column));
  }

  #adopt(parent: TableName, child: TableName): void {
    this.#children.set(parent, [...this.#childrenOf(parent), child]);
  }

  #childrenOf(parent: TableName): readonly TableName[] {
    return this.#children.get(parent) ?? [];
  }
}

function parsedCheck(definition: string): Node | undefined {
  try {
    const statement = parseSync(`ALTER TABLE t ADD CONSTRAINT c ${definition}`).stmts?.[0]?.stmt;
    const command = statement && 'AlterTableStmt' in statement ? statement.AlterTableStmt.cmds?.[0] : undefined;
    const constraint = command && 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    return constraint && 'Constraint' in constraint ? constraint.Constraint.raw_expr : undefined;
  } catch {
    return undefined;
  }
}

/** Columns that `a IS NOT NULL AND b IS NOT NULL AND …` names. */
function keptFromNull(expression: Node | undefined): string[] {
  if (!expression) return [];
  if ('BoolExpr' in expression && expression.BoolExpr.boolop === 'AND_EXPR') return (expression.BoolExpr.args ?? []).flatMap(keptFromNull);
  if (!('NullTest' in expression) || expression.NullTest.nulltesttype !== 'IS_NOT_NULL') return [];
  const { arg } = expression.NullTest;
  const last = arg && 'ColumnRef' in arg ? arg.ColumnRef.fields?.at(-1) : undefined;
  return last && 'String' in last ? [last.String.sval ?? ''] : [];
}
