import type { CollateClause, ColumnDef, Constraint, CreateStmt, Node } from 'libpg-query';
import { splitTableName, type TableName } from '../../model/names.ts';
import type { ForeignKeyAction, Key } from '../../model/schema.ts';
import {
  columnList,
  constraintName,
  emptyTable,
  ownedSequence,
  type DraftColumn,
  type DraftTable,
  type SchemaDraft,
} from './schema-draft.ts';
import { setSequence } from './sequence-definition.ts';
import { columnOf, constraintOf, constraintsIn, relationName, strings, type SourceText } from './syntax-tree.ts';
import { typeText } from './type-text.ts';

/** What a definition is read against. */
export interface DefinitionContext {
  readonly draft: SchemaDraft;
  readonly source: SourceText;
  /** The schema of names that carry none. */
  readonly schema: string;
}

/** CREATE TABLE, partitions and LIKE included. */
export function createTable(statement: CreateStmt, context: DefinitionContext): void {
  const name = relationName(statement.relation, context.schema);
  const table = emptyTable(name);
  table.unlogged = statement.relation?.relpersistence === 'u';
  const parent = firstRelation(statement.inhRelations);
  if (parent !== undefined) {
    const parentName = relationName(parent, context.schema);
    inheritColumns(table, context.draft.tables.get(parentName));
    if (statement.partbound) {
      table.kind = 'partition';
      const from = partitionBoundStart(context.source, statement.partbound.location ?? 0);
      table.partitionOf = { parent: parentName, bound: endTrimmed(context.source.slice(from)).replace(/\s+partition\s+by\s[\s\S]*$/i, '') };
    }
  }
  if (statement.partspec) {
    if (table.kind === 'table') table.kind = 'partitioned';
    const clause = context.source.slice(statement.partspec.location ?? 0).replace(/^partition\s+by\s+/i, '');
    table.partitionBy = endTrimmed(clause).replace(/\)\s*(?:tablespace|with|using)\b[\s\S]*$/i, ')');
  }
  context.draft.tables.set(name, table);
  const elements = statement.tableElts ?? [];
  elements.forEach((element, index) => {
    const next = elements[index + 1];
    const end = next === undefined ? undefined : elementLocation(next);
    const column = columnOf(element);
    const constraint = constraintOf(element);
    if (column) addColumn(table, column, context, end);
    else if (constraint) addConstraint(table, constraint, context, { end });
    else if ('TableLikeClause' in element) {
      inheritColumns(table, context.draft.tables.get(relationName(element.TableLikeClause.relation, context.schema)));
    }
  });
}

/** One column with the constraints written behind it. `end` is where the next element begins. */
export function addColumn(table: DraftTable, node: ColumnDef, context: DefinitionContext, end?: number): void {
  const name = node.colname ?? '';
  const { text: type, serial } = typeText(node.typeName);
  const column: DraftColumn = { name, type, nullable: !serial };
  const collation = collationText(node.collClause);
  if (collation !== undefined) column.collation = collation;
  const own = ownedSequence({ table: table.name, column: name, type, identity: !serial });
  table.columns = [...table.columns.filter((existing) => existing.name !== name), column];
  if (serial) {
    column.default = `nextval('${own.name}'::regclass)`;
    context.draft.sequences.set(own.name, own.sequence);
  }
  const constraints = withTheirTiming(constraintsIn(node.constraints));
  constraints.forEach((constraint, index) => {
    const collated = node.collClause?.location ?? 0;
    const until = collated > (constraint.location ?? 0) ? Math.min(collated, constraints[index + 1]?.location ?? collated) : (constraints[index + 1]?.location ?? end);
    if (constraint.contype === 'CONSTR_NOTNULL') column.nullable = false;
    else if (constraint.contype === 'CONSTR_NULL') column.nullable = true;
    else if (constraint.contype === 'CONSTR_IDENTITY') {
      column.identity = constraint.generated_when === 'a' ? 'always' : 'by default';
      column.nullable = false;
      context.draft.sequences.set(own.name, { ...own.sequence });
      setSequence(own.name, constraint.options, context);
    } else if (constraint.contype === 'CONSTR_DEFAULT') {
      column.default = elementText(context.source, constraint, until).replace(/^default\s+/i, '');
    } else if (constraint.contype === 'CONSTR_GENERATED') {
      column.generated = textInBrackets(elementText(context.source, constraint, until));
      if (constraint.generated_kind === 'v') column.virtual = true;
    } else {
      addConstraint(table, constraint, context, { column: name, end: until });
    }
  });
}

/** A constraint of a table, or of its column `column`. */
export function addConstraint(
  table: DraftTable,
  node: Constraint,
  context: DefinitionContext,
  options: { readonly column?: string; readonly end?: number | undefined },
): void {
  const single = options.column === undefined ? [] : [options.column];
  const common = { deferrable: node.deferrable ?? false, nullsNotDistinct: node.nulls_not_distinct ?? false };
  if (node.contype === 'CONSTR_PRIMARY' || node.contype === 'CONSTR_UNIQUE') {
    const primary = node.contype === 'CONSTR_PRIMARY';
    const columns = node.keys ? strings(node.keys) : [...(indexColumns(table, node.indexname) ?? single)];
    const word = primary ? 'PRIMARY KEY' : 'UNIQUE';
    const automatic = primary ? [[], 'pkey'] as const : [[...columns, ...strings(node.including)], 'key'] as const;
    const key: Key = {
      name: node.conname ?? node.indexname ?? constraintName(table, automatic[0], automatic[1]),
      columns,
      definition: `${word}${common.nullsNotDistinct ? ' NULLS NOT DISTINCT' : ''} (${columnList(columns)})${node.including ? ` INCLUDE (${columnList(strings(node.including))})` : ''}${timingText(node)}`,
      ...common,
    };
    // An index that a key is made of is told as the key.
    table.indexes = table.indexes.filter(({ name }) => name !== node.indexname);
    if (primary) {
      table.primaryKey = key;
      for (const column of table.columns) if (columns.includes(column.name)) column.nullable = false;
    } else {
      table.uniques.push(key);
    }
  } else if (node.contype === 'CONSTR_FOREIGN') {
    const columns = options.column === undefined ? strings(node.fk_attrs) : single;
    const references = relationName(node.pktable, context.schema);
    const referencedColumns = strings(node.pk_attrs);
    const onDelete = action(node.fk_del_action);
    const onUpdate = action(node.fk_upd_action);
    table.foreignKeys.push({
      name: node.conname ?? constraintName(table, columns, 'fkey'),
      columns,
      references,
      referencedColumns,
      onDelete,
      onUpdate,
      definition: foreignKeyText({ columns, references, referencedColumns, onDelete, onUpdate }, node),
    });
  } else if (node.contype === 'CONSTR_CHECK') {
    const text = elementText(context.source, node, options.end).replace(/^constraint\s+(?:"(?:[^"]|"")*"|\S+)\s+/i, '');
    const definition = `CHECK (${textInBrackets(text)})${node.is_no_inherit ? ' NO INHERIT' : ''}${node.skip_validation ? ' NOT VALID' : ''}`;
    table.checks.push({ name: node.conname ?? constraintName(table, checkedColumn(node.raw_expr, single), 'check'), definition });
  } else if (node.contype === 'CONSTR_EXCLUSION') {
    const columns = (node.exclusions ?? []).flatMap((each) => (each && 'List' in each ? (each.List.items ?? []) : [])).flatMap((item) => ('IndexElem' in item ? [item.IndexElem.name ?? 'expr'] : []));
    const definition = elementText(context.source, node, options.end).replace(/^constraint\s+(?:"(?:[^"]|"")*"|\S+)\s+/i, '').replaceAll(/\s+/g, ' ');
    table.exclusions = [...(table.exclusions ?? []), { name: node.conname ?? constraintName(table, columns, 'excl'), definition }];
  }
}

function foreignKeyText(key: {
  readonly columns: readonly string[];
  readonly references: TableName;
  readonly referencedColumns: readonly string[];
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
}, node: Constraint): string {
  const { schema, table } = splitTableName(key.references);
  const target = schema === 'public' ? columnList([table]) : key.references;
  const list = key.referencedColumns.length > 0 ? `(${columnList(key.referencedColumns)})` : '';
  const actions = [
    key.onUpdate === 'no action' ? '' : ` ON UPDATE ${key.onUpdate.toUpperCase()}`,
    key.onDelete === 'no action' ? '' : ` ON DELETE ${key.onDelete.toUpperCase()}${node.fk_del_set_cols ? ` (${columnList(strings(node.fk_del_set_cols))})` : ''}`,
  ];
  return `FOREIGN KEY (${columnList(key.columns)}) REFERENCES ${target}${list}${node.fk_matchtype === 'f' ? ' MATCH FULL' : ''}${actions.join('')}${timingText(node)}${node.skip_validation ? ' NOT VALID' : ''}`;
}

/** The server names a check by its column, if it has one only. */
function checkedColumn(expression: Node | undefined, single: readonly string[]): readonly string[] {
  if (single.length > 0) return single;
  const names = new Set([...JSON.stringify(expression ?? {}).matchAll(/"ColumnRef":\{"fields":\[(.*?)\]/g)].map(([, fields = '']) => /"sval":"((?:[^"\\]|\\.)*)"\}\}$/.exec(fields)?.[1] ?? ''));
  return names.size === 1 ? [...names] : [];
}

function timingText({ deferrable, initdeferred }: Constraint): string {
  return `${deferrable ? ' DEFERRABLE' : ''}${initdeferred ? ' INITIALLY DEFERRED' : ''}`;
}

/** Behind a column the grammar gives DEFERRABLE and the like as constraints of their own. */
function withTheirTiming(constraints: readonly Constraint[]): Constraint[] {
  const own: Constraint[] = [];
  for (const constraint of constraints) {
    const last = own.at(-1);
    if (last && (constraint.contype === 'CONSTR_ATTR_DEFERRABLE' || constraint.contype === 'CONSTR_ATTR_DEFERRED')) {
      own[own.length - 1] = { ...last, deferrable: true, ...(constraint.contype === 'CONSTR_ATTR_DEFERRED' ? { initdeferred: true } : {}) };
    } else if (!constraint.contype?.startsWith('CONSTR_ATTR_')) own.push(constraint);
  }
  return own;
}

/** As the server spells it: quoted where it must be, and without pg_catalog. */
export function collationText(clause: CollateClause | undefined): string | undefined {
  const parts = strings(clause?.collname);
  if (parts.length === 0 || parts.at(-1) === 'default') return undefined;
  return (parts[0] === 'pg_catalog' ? parts.slice(1) : parts).map((part) => columnList([part])).join('.');
}

const ACTIONS: Readonly<Record<string, ForeignKeyAction>> = {
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
};

function action(letter: string | undefined): ForeignKeyAction {
  return ACTIONS[letter ?? 'a'] ?? 'no action';
}

function indexColumns(table: DraftTable, index: string | undefined): readonly string[] | undefined {
  const found = table.indexes.find((candidate) => candidate.name === index);
  return found?.columns.flatMap((column) => (column === null ? [] : [column]));
}

function inheritColumns(table: DraftTable, parent: DraftTable | undefined): void {
  if (!parent) return;
  table.columns.push(...parent.columns.map((column) => ({ ...column })));
  if (parent.primaryKey) table.primaryKey = parent.primaryKey;
}

function firstRelation(nodes: readonly Node[] | undefined): { schemaname?: string; relname?: string } | undefined {
  const first = nodes?.[0];
  return first && 'RangeVar' in first ? first.RangeVar : undefined;
}

function elementLocation(node: Node): number | undefined {
  return (columnOf(node) ?? constraintOf(node))?.location;
}

/** The text of one element: from its location to the comma or bracket that ends it. */
function elementText(source: SourceText, node: Constraint, end: number | undefined): string {
  return untilSeparator(source.slice(node.location ?? 0, end)).trim();
}

function partitionBoundStart(source: SourceText, location: number): number {
  return Buffer.byteLength(source.slice(0, location).replace(/for\s+values\s+$/i, ''));
}

function endTrimmed(text: string): string {
  return text.replace(/[\s;]+$/, '').replaceAll(/\s+/g, ' ');
}

/** Strings, quoted names and comments: what stands in them is no syntax. */
const OPAQUE = /(?<![\w$])e'(?:[^'\\]|\\[\s\S])*'|'[^']*'|"[^"]*"|(?<![\w$])(\$\w*\$)[\s\S]*?\1|--.*|\/\*[\s\S]*?\*\//iy;

/** Cuts at the first comma or closing bracket that is not inside brackets, quotes or comments, and leaves comments out. */
export function untilSeparator(text: string): string {
  return until(text, /[,)\]]/);
}

/** What stands between the first opening bracket and its partner. */
export function textInBrackets(text: string): string {
  return until(text.slice(text.indexOf('(') + 1), /[)\]]/).trim();
}

function until(text: string, end: RegExp): string {
  let depth = 0;
  let kept = '';
  for (let at = 0; at < text.length; ) {
    OPAQUE.lastIndex = at;
    const opaque = OPAQUE.exec(text)?.[0];
    const char = text.charAt(at);
    if (opaque !== undefined) kept += /^(?:--|\/\*)/.test(opaque) ? ' ' : opaque;
    else {
      if (depth === 0 && end.test(char)) return kept;
      if (char === '(' || char === '[') depth += 1;
      else if (char === ')' || char === ']') depth -= 1;
      kept += char;
    }
    at += opaque?.length ?? 1;
  }
  return kept;
}
