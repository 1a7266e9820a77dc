import { parsePlPgSQLSync, parseSync, type CommentStmt, type DropStmt, type Node, type RenameStmt } from 'libpg-query';
import { splitTableName, tableName, type TableName } from '../../../../model/names.ts';
import { alterTableForms, relationOf, strings } from './alter-table-forms.ts';
import { use, type FormUse } from './form-use.ts';
import type { SchemaSoFar } from './schema-so-far.ts';
import { touched, type Touched } from './touched.ts';
import { isRecord } from './tree.ts';

/** A form as a statement uses it, with the relations it touches when the statement runs. */
export interface ReadUse extends FormUse {
  readonly touched: Touched;
}

/** One statement as it was read, with the forms it is of. */
export interface ReadStatement {
  readonly sql: string;
  readonly uses: readonly ReadUse[];
}

/** The statements of a text, those in DO blocks too, as they are there without looking at conditions. The grammar must be loaded. */
export function readStatements(sql: string, sofar: SchemaSoFar): ReadStatement[] {
  const bytes = Buffer.from(sql);
  let statements: NonNullable<ReturnType<typeof parseSync>['stmts']>;
  try {
    statements = parseSync(sql).stmts ?? [];
  } catch {
    return [readAs(sql, [use('unknown')], sofar)];
  }
  return statements.flatMap(({ stmt, stmt_location: from = 0, stmt_len: length }) => {
    if (!stmt) return [];
    const text = bytes.subarray(from, length === undefined ? undefined : from + length).toString().trim();
    if ('DoStmt' in stmt) return blockStatements(text, sofar);
    // Drops have named their partitions themselves; what else a statement changes leaves its own reach as it was.
    return [readAs(text, statementForms(stmt, sofar), sofar)];
  });
}

function readAs(sql: string, uses: readonly FormUse[], sofar: SchemaSoFar): ReadStatement {
  return { sql, uses: uses.map((each) => ({ ...each, touched: touched(each, sofar) })) };
}

/** What a DO block runs. A statement that it puts together itself is not known. */
function blockStatements(text: string, sofar: SchemaSoFar): ReadStatement[] {
  let tree: unknown;
  try {
    tree = parsePlPgSQLSync(text);
  } catch {
    return [readAs(text, [use('unknown')], sofar)];
  }
  return queriesOf(tree).flatMap((query): ReadStatement[] => (query === undefined ? [readAs(text, [use('unknown')], sofar)] : readStatements(query, sofar)));
}

function queriesOf(value: unknown): (string | undefined)[] {
  if (Array.isArray(value)) return value.flatMap(queriesOf);
  if (!isRecord(value)) return [];
  const dynamic = value['PLpgSQL_stmt_dynexecute'];
  if (dynamic !== undefined) return [constantQuery(dynamic)];
  const statement = value['PLpgSQL_stmt_execsql'];
  if (isRecord(statement)) return [queryIn(statement['sqlstmt'])];
  const loops = ['PLpgSQL_stmt_fors', 'PLpgSQL_stmt_dynfors'] as const;
  return Object.entries(value).flatMap(([key, each]) => {
    if (!isRecord(each) || !loops.some((loop) => loop === key)) return queriesOf(each);
    // What the loop goes through may write too: FOR … IN DELETE … RETURNING.
    return [key === 'PLpgSQL_stmt_fors' ? queryIn(each['query']) : constantQuery(each), ...queriesOf(each['body'])];
  });
}

function queryIn(expression: unknown): string | undefined {
  const query = isRecord(expression) && isRecord(expression['PLpgSQL_expr']) ? expression['PLpgSQL_expr']['query'] : undefined;
  return typeof query === 'string' ? query : undefined;
}

/** The text of EXECUTE '…', where it is written as it is; what follows ALTER SEQUENCE … can only be more options of it, and OWNER TO, whom. */
function constantQuery(statement: unknown): string | undefined {
  const query = isRecord(statement) ? queryIn(statement['query']) : undefined;
  const [, text, rest = ''] = /^'((?:[^']|'')*)'([\s\S]*)$/.exec(query?.trim() ?? '') ?? [];
  if (text !== undefined && /^ALTER VIEW\b.*\bOWNER TO $/.test(text)) return `${text.replaceAll("''", "'")}CURRENT_USER`;
  return text !== undefined && (rest === '' || /^ALTER SEQUENCE\b/.test(text)) ? text.replaceAll("''", "'") : undefined;
}

const NO_TABLE: ReadonlySet<string> = new Set([
  'VariableSetStmt', 'VariableShowStmt', 'SelectStmt', 'CreateSchemaStmt', 'CreateExtensionStmt', 'AlterExtensionStmt', 'CreateFunctionStmt', 'AlterFunctionStmt', 'TransactionStmt', 'CreateRoleStmt', 'AlterRoleStmt', 'AlterDefaultPrivilegesStmt',
  'DefineStmt', 'CreateCastStmt', 'CreateOpClassStmt', 'CreateForeignServerStmt', 'CreateFdwStmt', 'CreateEventTrigStmt', 'AlterOwnerStmt', 'NotifyStmt', 'DiscardStmt', 'CreatedbStmt',
]);

/** The forms of a statement; `sofar` then knows what it changed. */
export function statementForms(node: Node, sofar: SchemaSoFar): FormUse[] {
  const [kind = ''] = Object.keys(node);
  if (NO_TABLE.has(kind)) return [use('no-table')];
  if ('AlterTableStmt' in node) {
    const { relation, objtype } = node.AlterTableStmt;
    if (objtype === 'OBJECT_TABLE') return alterTableForms(node.AlterTableStmt, relationOf(relation), sofar);
    return objtype === 'OBJECT_SEQUENCE' ? [use('alter-sequence', { sequence: [relationOf(relation)] })] : [use('unknown', { table: [relationOf(relation)] })];
  }
  if ('CreateStmt' in node) return createTable(node, sofar);
  if ('DropStmt' in node) return drop(node.DropStmt, sofar);
  if ('RenameStmt' in node) return rename(node.RenameStmt, sofar);
  if ('IndexStmt' in node) {
    const { relation, unique, concurrent, idxname, indexParams = [] } = node.IndexStmt;
    const table = relationOf(relation);
    if (idxname !== undefined) sofar.addIndex(tableName(splitTableName(table).schema, idxname), table, indexParams.flatMap((each) => ('IndexElem' in each && each.IndexElem.name !== undefined ? [each.IndexElem.name] : [])));
    return [use(`create-${unique ? 'unique-' : ''}index${concurrent ? '-concurrently' : ''}`, { table: [table] })];
  }
  if ('ReindexStmt' in node) {
    const relation = relationOf(node.ReindexStmt.relation);
    const concurrently = node.ReindexStmt.params?.some((param) => 'DefElem' in param && param.DefElem.defname === 'concurrently');
    const { kind: of } = node.ReindexStmt;
    const table = of === 'REINDEX_OBJECT_INDEX' ? sofar.indexes.get(relation)?.table : of === 'REINDEX_OBJECT_TABLE' ? relation : undefined;
    // A whole schema, or an index that nobody knows: no table could be named.
    if (table === undefined) return [use('unknown')];
    return [use(concurrently ? 'reindex-concurrently' : 'reindex', { table: [table] })];
  }
  if ('VacuumStmt' in node) {
    const { is_vacuumcmd: isVacuum, options = [], rels = [] } = node.VacuumStmt;
    const full = options.some((option) => 'DefElem' in option && option.DefElem.defname === 'full');
    // Without a table it is every one.
    if (full && rels.length === 0) return [use('unknown')];
    return [use(isVacuum ? (full ? 'vacuum-full' : 'vacuum') : 'analyze', { table: rels.flatMap((each) => ('VacuumRelation' in each ? [relationOf(each.VacuumRelation.relation)] : [])) })];
  }
  if ('ClusterStmt' in node) return [node.ClusterStmt.relation ? use('cluster', { table: [relationOf(node.ClusterStmt.relation)] }) : use('unknown')];
  if ('TruncateStmt' in node) return [use('truncate', { table: (node.TruncateStmt.relations ?? []).flatMap((each) => ('RangeVar' in each ? [relationOf(each.RangeVar)] : [])) })];
  if ('CreateTrigStmt' in node) return [use('create-trigger', { table: [relationOf(node.CreateTrigStmt.relation)] })];
  if ('CreatePolicyStmt' in node) return [use('create-policy', { table: [relationOf(node.CreatePolicyStmt.table)] })];
  if ('AlterPolicyStmt' in node) return [use('create-policy', { table: [relationOf(node.AlterPolicyStmt.table)] })];
  if ('RuleStmt' in node) return [use('create-rule', { table: [relationOf(node.RuleStmt.relation)] })];
  if ('CreateStatsStmt' in node) return [use('create-statistics', { table: relationsIn(node.CreateStatsStmt.relations) })];
  return otherForms(node, sofar);
}

function otherForms(node: Node, sofar: SchemaSoFar): FormUse[] {
  if ('ViewStmt' in node) {
    const reads = relationsIn(node.ViewStmt.query);
    sofar.reads.set(relationOf(node.ViewStmt.view), reads);
    return [use('create-view', { read: reads })];
  }
  if ('CreateTableAsStmt' in node) {
    const { into, objtype, query } = node.CreateTableAsStmt;
    const [name, reads] = [relationOf(into?.rel), relationsIn(query)];
    if (objtype === 'OBJECT_MATVIEW') sofar.reads.set(name, reads);
    else sofar.create(name);
    return [use('create-materialized-view', { read: reads })];
  }
  if ('RefreshMatViewStmt' in node) {
    const view = relationOf(node.RefreshMatViewStmt.relation);
    return [use(node.RefreshMatViewStmt.concurrent ? 'refresh-view-concurrently' : 'refresh-view', { view: [view], read: sofar.reads.get(view) ?? [] })];
  }
  if ('CreateSeqStmt' in node) return [use('create-sequence')];
  if ('AlterSeqStmt' in node) return [use('alter-sequence', { sequence: [relationOf(node.AlterSeqStmt.sequence)] })];
  if ('CreateDomainStmt' in node) {
    const { domainname, typeName, constraints = [] } = node.CreateDomainStmt;
    sofar.createDomain(typeKey(strings(domainname)), typeName, constraints.some((each) => 'Constraint' in each && each.Constraint.contype !== 'CONSTR_DEFAULT' && each.Constraint.contype !== 'CONSTR_NULL'));
    return [use('create-type')];
  }
  if ('CreateEnumStmt' in node || 'CompositeTypeStmt' in node || 'CreateRangeStmt' in node) return [use('create-type')];
  if ('AlterEnumStmt' in node) return [use(node.AlterEnumStmt.oldVal === undefined ? 'add-enum-value' : 'alter-type')];
  if ('AlterDomainStmt' in node) {
    const { subtype, def, typeName } = node.AlterDomainStmt;
    const adds = subtype === 'C' && !(def && 'Constraint' in def && def.Constraint.skip_validation);
    const form = adds || subtype === 'O' ? 'restrict-domain' : subtype === 'V' ? 'validate-domain' : 'alter-domain';
    return [use(form, form === 'alter-domain' ? {} : { table: sofar.tablesWith(typeKey(strings(typeName))) })];
  }
  if ('AlterObjectSchemaStmt' in node) {
    const { objectType, relation, object, newschema = '' } = node.AlterObjectSchemaStmt;
    if (objectType === 'OBJECT_TABLE') {
      const name = relationOf(relation);
      sofar.rename(name, tableName(newschema, splitTableName(name).table));
      return [use('set-schema', { table: [name] })];
    }
    if (objectType !== 'OBJECT_TYPE' && objectType !== 'OBJECT_DOMAIN') return [use('unknown')];
    const parts = object && 'List' in object ? strings(object.List.items) : [];
    sofar.renameType(typeKey(parts), typeKey([newschema, ...parts.slice(-1)]));
    return [use('alter-type')];
  }
  if ('CommentStmt' in node) return [comment(node.CommentStmt)];
  if ('GrantStmt' in node) return [use('grant', { table: relationsIn(node.GrantStmt.objects) })];
  if ('GrantRoleStmt' in node) return [use('no-table')];
  if ('InsertStmt' in node) return [use('insert', { table: [relationOf(node.InsertStmt.relation)] })];
  if ('UpdateStmt' in node) return [use('update', { table: [relationOf(node.UpdateStmt.relation)] })];
  if ('DeleteStmt' in node) return [use('delete', { table: [relationOf(node.DeleteStmt.relation)] })];
  return [use('unknown')];
}

function createTable({ CreateStmt: { relation, inhRelations, partbound, tableElts, constraints } }: Extract<Node, { CreateStmt: unknown }>, sofar: SchemaSoFar): FormUse[] {
  const name = relationOf(relation);
  const parent = partbound ? relationsIn(inhRelations)[0] : undefined;
  const beside = parent === undefined ? undefined : sofar.defaultPartition(parent);
  const referenced = [...referencesIn(tableElts), ...referencesIn(constraints)].filter((each) => each !== name);
  sofar.create(name, parent);
  return [
    ...(parent === undefined ? [] : [beside === undefined ? use('create-partition', { parent: [parent] }) : use('create-partition-beside-default', { parent: [parent], partition: [beside] })]),
    ...(referenced.length > 0 ? [use('create-table-referencing', { referenced })] : parent === undefined ? [use('create-table')] : []),
  ];
}

function drop({ removeType, concurrent, objects = [] }: DropStmt, sofar: SchemaSoFar): FormUse[] {
  const parts = objects.map((each) => ('List' in each ? strings(each.List.items) : []));
  const names = parts.map((each) => tableName(each.at(-2) ?? 'public', each.at(-1) ?? ''));
  // A trigger's or a policy's last part is its own name.
  const tables = parts.map((each) => tableName(each.at(-3) ?? 'public', each.at(-2) ?? ''));
  const kind: string = removeType ?? '';
  switch (kind) {
    case 'OBJECT_TABLE':
      return names.map((name) => {
        const table = sofar.table(name);
        const referenced = [...(table?.constraints.values() ?? [])].flatMap(({ references }) => (references === undefined || references === name ? [] : [references]));
        const form = use('drop-table', { table: [name, ...sofar.partitions(name)], referenced, parent: table?.parent === undefined ? [] : [table.parent] });
        sofar.drop(name);
        return form;
      });
    case 'OBJECT_INDEX':
      return names.map((index) => use(concurrent ? 'drop-index-concurrently' : 'drop-index', { index: [index], table: [sofar.indexes.get(index)?.table ?? []].flat() }));
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
      return [use('drop-view', { view: names })];
    case 'OBJECT_SEQUENCE':
      return [use('drop-sequence', { sequence: names })];
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN':
      return [use('drop-type')];
    case 'OBJECT_TRIGGER':
      return [use('drop-trigger', { table: tables })];
    case 'OBJECT_POLICY':
      return [use('create-policy', { table: tables })];
    case 'OBJECT_RULE':
      return [use('create-rule', { table: tables })];
    case 'OBJECT_FUNCTION':
    case 'OBJECT_PROCEDURE':
    case 'OBJECT_SCHEMA':
    case 'OBJECT_EXTENSION':
    case 'OBJECT_STATISTIC_EXT':
      return [use('no-table')];
    default:
      return [use('unknown')];
  }
}

/** As `typeShape` names a type. */
function typeKey(parts: readonly string[]): string {
  return parts.filter((part) => part !== 'public').join('.');
}

function rename({ renameType, relationType, relation, object, subname = '', newname = '' }: RenameStmt, sofar: SchemaSoFar): FormUse[] {
  const name = relationOf(relation);
  const kind: string = renameType ?? '';
  switch (kind) {
    case 'OBJECT_TABLE':
      sofar.rename(name, tableName(relation?.schemaname ?? 'public', newname));
      return [use('rename-table', { table: [name] })];
    case 'OBJECT_COLUMN':
      if (relationType === 'OBJECT_TABLE') sofar.renameColumn(name, subname, newname);
      return [relationType === 'OBJECT_VIEW' || relationType === 'OBJECT_MATVIEW' ? use('unknown', { view: [name] }) : use('rename-column', { table: [name] })];
    case 'OBJECT_TABCONSTRAINT':
      return [use('rename-constraint', { table: [name] })];
    case 'OBJECT_INDEX':
      return [use('rename-index', { index: [name] })];
    case 'OBJECT_TRIGGER':
      return [use('rename-trigger', { table: [name] })];
    case 'OBJECT_SEQUENCE':
      return [use('rename-sequence', { sequence: [name] })];
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN': {
      const parts = object && 'List' in object ? strings(object.List.items) : [];
      sofar.renameType(typeKey(parts), typeKey([...parts.slice(0, -1), newname]));
      return [use('alter-type')];
    }
    case 'OBJECT_DOMCONSTRAINT':
      return [use('alter-type')];
    case 'OBJECT_POLICY':
      return [use('create-policy', { table: [name] })];
    default:
      return [use('unknown')];
  }
}

function comment({ objtype, object }: CommentStmt): FormUse {
  const parts = object && 'List' in object ? strings(object.List.items) : [];
  if (objtype === 'OBJECT_TABLE') return use('comment', { table: [tableName(parts.at(-2) ?? 'public', parts.at(-1) ?? '')] });
  if (objtype === 'OBJECT_COLUMN' || objtype === 'OBJECT_TABCONSTRAINT' || objtype === 'OBJECT_TRIGGER' || objtype === 'OBJECT_POLICY') return use(objtype === 'OBJECT_COLUMN' ? 'comment' : 'comment-on-rule', { table: [tableName(parts.at(-3) ?? 'public', parts.at(-2) ?? '')] });
  return use('comment-elsewhere');
}

/** Every relation that stands in a tree, each once. */
function relationsIn(value: unknown): TableName[] {
  return [...new Set(rangesIn(value))];
}

function rangesIn(value: unknown): TableName[] {
  if (Array.isArray(value)) return value.flatMap(rangesIn);
  if (!isRecord(value)) return [];
  const range = value['RangeVar'];
  const own = isRecord(range) && typeof range['relname'] === 'string' ? [tableName(typeof range['schemaname'] === 'string' ? range['schemaname'] : 'public', range['relname'])] : [];
  return [...own, ...Object.values(value).flatMap(rangesIn)];
}

/** The tables that foreign keys in it refer to. */
function referencesIn(value: unknown): TableName[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap(referencesIn))];
  if (!isRecord(value)) return [];
  const table = value['pktable'];
  const own = isRecord(table) && typeof table['relname'] === 'string' ? [tableName(typeof table['schemaname'] === 'string' ? table['schemaname'] : 'public', table['relname'])] : [];
  return [...own, ...Object.values(value).flatMap(referencesIn)];
}
