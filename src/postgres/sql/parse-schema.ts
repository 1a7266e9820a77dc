import type { CommentStmt, CreateExtensionStmt, IndexStmt, Node, ViewStmt } from 'libpg-query';
import { messageOf } from '../../core/errors.ts';
import { splitTableName, tableName, type TableName } from '../../model/names.ts';
import type { Index, Schema } from '../../model/schema.ts';
import type { Routine, UnreadStatement } from '../../model/workload.ts';
import { alterTable } from './alter-table.ts';
import { unreadStatement } from './parse-workload.ts';
import { dropObjects } from './drop-object.ts';
import { alterPolicy, changeGrants, createPolicy } from './privilege-definition.ts';
import { moveObject, renameObject } from './rename-object.ts';
import { routineDefinition } from './routine-definition.ts';
import { emptyDraft, finishSchema, type SchemaDraft } from './schema-draft.ts';
import { splitStatements } from './split-statements.ts';
import {
  listStrings,
  loadGrammar,
  parseStatements,
  qualifiedName,
  relationName,
  sourceText,
  strings,
  type SourceText,
} from './syntax-tree.ts';
import { createSequence } from './sequence-definition.ts';
import { readRoutine } from './routine-body.ts';
import { createStatistics } from './statistics-definition.ts';
import { tableAccess } from './table-access.ts';
import { createTable } from './table-definition.ts';
import { changedLabels, createComposite, createDomain, createRange } from './type-definition.ts';

export interface ParsedSchema {
  readonly schema: Schema;
  /** Functions and procedures with the tables they touch. */
  readonly routines: readonly Routine[];
  readonly statements: number;
  /** Statements that PostgreSQL's grammar refused; everything else was used. */
  readonly unread: readonly UnreadStatement[];
}

/**
 * Reads SQL that builds a schema (hand-written, migrations in order, or what pg_dump prints) into
 * the same shape that a catalogue gives. Reads with PostgreSQL's own grammar, statement by
 * statement, so one that it refuses costs only itself. Statements that define nothing here (grants,
 * data, settings) are passed over. Row counts and sizes are unknown (-1 and 0).
 */
export async function parseSchema(text: string): Promise<ParsedSchema> {
  await loadGrammar();
  const state: State = { draft: emptyDraft(), schema: 'public', routines: new Map() };
  const unread: UnreadStatement[] = [];
  let statements = 0;
  for (const statement of splitStatements(text)) {
    statements += 1;
    try {
      for (const tree of parseStatements(statement.text)) {
        apply(tree, state, { text: statement.text, source: sourceText(statement.text) });
      }
    } catch (error) {
      unread.push(unreadStatement(statement, messageOf(error)));
    }
  }
  return { schema: finishSchema(state.draft), routines: [...state.routines.values()], statements, unread };
}

interface State {
  readonly draft: SchemaDraft;
  /** What an unqualified name means now: the first schema of the search path. */
  schema: string;
  readonly routines: Map<TableName, Routine>;
}

interface Statement {
  readonly text: string;
  readonly source: SourceText;
}

function apply(node: Node, state: State, statement: Statement): void {
  const { draft, schema } = state;
  const context = { draft, schema, source: statement.source };
  if ('CreateStmt' in node) {
    if (!(node.CreateStmt.if_not_exists && draft.tables.has(relationName(node.CreateStmt.relation, schema)))) {
      createTable(node.CreateStmt, context);
    }
  } else if ('AlterTableStmt' in node) alterTable(node.AlterTableStmt, { ...context, text: statement.text });
  else if ('IndexStmt' in node) addIndex(node.IndexStmt, state, statement);
  else if ('ViewStmt' in node) addView(node.ViewStmt, state, statement);
  else if ('CreateTableAsStmt' in node) {
    const into = node.CreateTableAsStmt.into?.rel;
    const name = relationName(into, schema);
    if (node.CreateTableAsStmt.objtype === 'OBJECT_MATVIEW' && node.CreateTableAsStmt.query) {
      const reads = [...tableAccess(node.CreateTableAsStmt.query, schema).reads].sort();
      draft.views.set(name, { name, materialized: true, columns: strings(node.CreateTableAsStmt.into?.colNames), definition: bodyOf(statement.text), reads });
    }
  } else if ('CreateEnumStmt' in node) {
    const name = qualifiedName(strings(node.CreateEnumStmt.typeName), schema);
    const parts = splitTableName(name);
    draft.enums.set(name, { schema: parts.schema, name: parts.table, labels: strings(node.CreateEnumStmt.vals) });
  } else if ('AlterEnumStmt' in node) {
    const name = qualifiedName(strings(node.AlterEnumStmt.typeName), schema);
    const known = draft.enums.get(name);
    if (known && node.AlterEnumStmt.newVal) {
      draft.enums.set(name, { ...known, labels: changedLabels(known.labels, node.AlterEnumStmt) });
    }
  } else if ('CompositeTypeStmt' in node) createComposite(node.CompositeTypeStmt, context);
  else if ('CreateRangeStmt' in node) {
    createRange(node.CreateRangeStmt, context);
  } else if ('CreateDomainStmt' in node) createDomain(node.CreateDomainStmt, context);
  else if ('CreateSeqStmt' in node) {
    createSequence(node.CreateSeqStmt.sequence, node.CreateSeqStmt.options, context);
  } else if ('AlterSeqStmt' in node) createSequence(node.AlterSeqStmt.sequence, node.AlterSeqStmt.options, context);
  else if ('CreateFunctionStmt' in node) {
    const routine = readRoutine(node.CreateFunctionStmt, statement.text, schema);
    state.routines.set(routine.name, routine);
    const definition = routineDefinition(node.CreateFunctionStmt, context);
    draft.routines.set(`${routine.name}(${definition.signature})`, definition);
  } else if ('CreateTrigStmt' in node) {
    const table = draft.tables.get(relationName(node.CreateTrigStmt.relation, schema));
    const calls = qualifiedName(strings(node.CreateTrigStmt.funcname), schema);
    table?.triggers.push({ name: node.CreateTrigStmt.trigname ?? '', definition: oneLine(statement.text), calls });
  } else if ('CommentStmt' in node) addComment(node.CommentStmt, state);
  else if ('CreatePolicyStmt' in node) createPolicy(node.CreatePolicyStmt, context);
  else if ('AlterPolicyStmt' in node) alterPolicy(node.AlterPolicyStmt, context);
  else if ('CreateStatsStmt' in node) createStatistics(node.CreateStatsStmt, context);
  else if ('GrantStmt' in node) changeGrants(node.GrantStmt, context);
  else if ('CreateExtensionStmt' in node) addExtension(node.CreateExtensionStmt, draft);
  else if ('AlterExtensionStmt' in node) {
    const version = versionIn(node.AlterExtensionStmt.options);
    if (version !== undefined) draft.extensionVersions.set(node.AlterExtensionStmt.extname ?? '', version);
  } else if ('CreateSchemaStmt' in node) {
    const { schemaname, authrole } = node.CreateSchemaStmt;
    const inner = { ...state, schema: schemaname ?? authrole?.rolename ?? schema };
    for (const element of node.CreateSchemaStmt.schemaElts ?? []) apply(element, inner, statement);
  } else if ('DropStmt' in node) {
    dropObjects(node.DropStmt, context);
    const left = new Set([...draft.routines.values()].map((routine) => tableName(routine.schema, routine.name)));
    for (const name of state.routines.keys()) if (!left.has(name)) state.routines.delete(name);
  } else if ('RenameStmt' in node) renameObject(node.RenameStmt, context);
  else if ('AlterObjectSchemaStmt' in node) moveObject(node.AlterObjectSchemaStmt, context);
  else if ('VariableSetStmt' in node && node.VariableSetStmt.name === 'search_path') {
    const [first] = node.VariableSetStmt.args ?? [];
    const path = first && 'A_Const' in first ? (first.A_Const.sval?.sval ?? '') : '';
    state.schema = path === '' || path === 'pg_catalog' ? 'public' : path;
  }
}

function addIndex(node: IndexStmt, state: State, statement: Statement): void {
  const name = relationName(node.relation, state.schema);
  const table = state.draft.tables.get(name);
  const view = state.draft.views.get(name);
  if (!table && !view) return;
  const columns = (node.indexParams ?? []).map((item) => ('IndexElem' in item ? (item.IndexElem.name ?? null) : null));
  const index: Index = {
    name: node.idxname ?? `${splitTableName(name).table}_${columns.map((c) => c ?? 'expr').join('_')}_idx`,
    columns,
    unique: node.unique ?? false,
    partial: node.whereClause !== undefined,
    definition: oneLine(statement.text),
  };
  if (table) table.indexes.push(index);
  else if (view) state.draft.views.set(name, { ...view, indexes: [...(view.indexes ?? []), index] });
}

function addExtension({ extname, options }: CreateExtensionStmt, draft: SchemaDraft): void {
  if (extname === undefined || extname === 'plpgsql') return;
  draft.extensions.add(extname);
  const version = versionIn(options);
  if (version !== undefined) draft.extensionVersions.set(extname, version);
}

function versionIn(options: readonly Node[] = []): string | undefined {
  const found = options.flatMap((item) => ('DefElem' in item && item.DefElem.defname === 'new_version' ? [item.DefElem.arg] : []))[0];
  return found && 'String' in found ? found.String.sval : undefined;
}

function addView(node: ViewStmt, state: State, statement: Statement): void {
  const name = relationName(node.view, state.schema);
  const reads = node.query ? [...tableAccess(node.query, state.schema).reads].sort() : [];
  const columns = strings(node.aliases);
  state.draft.views.set(name, { name, materialized: false, columns, definition: bodyOf(statement.text), reads });
}

function addComment(node: CommentStmt, state: State): void {
  const parts = listStrings(node.object);
  if (node.comment === undefined) return;
  if (node.objtype === 'OBJECT_TABLE') {
    const table = state.draft.tables.get(qualifiedName(parts, state.schema));
    if (table) table.comment = node.comment;
  } else if (node.objtype === 'OBJECT_COLUMN') {
    const table = state.draft.tables.get(qualifiedName(parts.slice(0, -1), state.schema));
    const column = table?.columns.find((candidate) => candidate.name === parts.at(-1));
    if (column) column.comment = node.comment;
  }
}

function bodyOf(text: string): string {
  const match = /\bas\b([\s\S]*)$/i.exec(text);
  return (match?.[1] ?? text).trim();
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
