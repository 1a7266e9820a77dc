import { parseTableName, quoteIdentifier, quoteLiteral, quoteTable, splitTableName } from '../model/names.ts';
import type { Specification } from './specification.ts';

type TableChanges = NonNullable<Specification['schema_changes']>[number];
type Change = TableChanges['changes'][number];

/** One change of a table, parted so that old and new code can both run in between. */
export interface ChangeStep {
  readonly table: string;
  readonly name: string;
  /** Old code goes on as before. */
  readonly expand: string;
  /** Takes away what only old code needs; empty: nothing. */
  readonly contract: string;
  /** Undoes `expand`. */
  readonly rollback: string;
  /** Whether both forms stand side by side, as `expand` leaves them: one row, `t`. Empty: nothing is to be seen of it before `contract`. */
  readonly validate: string;
  /** Whether it is as `contract` leaves it. Absent: by `validate`. */
  readonly validateContract?: string;
  /** What undoing it can not bring back. */
  readonly loses?: string;
  /** Undoes `contract`, where a statement can. */
  readonly undoContract?: string;
  /** What undoing the contraction can not bring back. */
  readonly contractLoses?: string;
  /** Whether the database is as before `expand`, and as before `contract`: one row, `t`. */
  readonly undone?: string;
  readonly contractUndone?: string;
}

/** Each change of a specification as statements that lock no table for longer than a moment. What no rule here knows is left to a person, with its own definition. */
export function changeSteps(changes: readonly TableChanges[]): ChangeStep[] {
  return changes.flatMap(({ table, changes: each }) => each.map((change) => stepOf(table, change)));
}

const WAIT = "SET lock_timeout = '2s'; -- tried again if it is not had: whoever waits for a table keeps everybody behind it waiting";

function stepOf(table: string, change: Change): ChangeStep {
  const of = quoteTable(parseTableName(table));
  const column = quoteIdentifier(change.column ?? '');
  const alter = (what: string): string => `${WAIT}\nALTER TABLE ${of} ${what};`;
  const about = (name: string): Pick<ChangeStep, 'table' | 'name'> => ({ table, name });
  const not = (query: string): string => query.replace(/^SELECT /, 'SELECT NOT ');
  const hasConstraint = (name: string): string => `SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${quoteLiteral(of)}::regclass AND conname = ${quoteLiteral(name)})`;
  const hasColumn = (name: string): string =>
    `SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${quoteLiteral(of)}::regclass AND attname = ${quoteLiteral(name)} AND NOT attisdropped)`;
  const columnIs = (name: string, what: string): string => hasColumn(name).replace('NOT attisdropped', `NOT attisdropped AND ${what}`);
  switch (change.type) {
    case 'add_column': {
      if (change.column === undefined) break;
      const value = change.default === undefined ? '' : ` DEFAULT ${typeof change.default === 'string' ? change.default : JSON.stringify(change.default)}`;
      const strict = change.nullable === false;
      return {
        ...about(`add column ${change.column}`),
        expand: alter(`ADD COLUMN IF NOT EXISTS ${column} ${change.data_type ?? 'text'}${value}`),
        // Checked beside the writers; the constraint then spares the server a scan under its lock.
        contract: strict ? notNull(of, change.column) : '',
        rollback: alter(`DROP COLUMN IF EXISTS ${column}`),
        validate: hasColumn(change.column),
        undone: not(hasColumn(change.column)),
        loses: `what was written to ${table}.${change.column} since`,
        ...(strict ? { undoContract: alter(`ALTER COLUMN ${column} DROP NOT NULL`), contractUndone: columnIs(change.column, 'NOT attnotnull'), validateContract: columnIs(change.column, 'attnotnull') } : {}),
      };
    }
    case 'modify_column': {
      if (change.column === undefined) break;
      const type = change.new_type ?? change.data_type ?? 'text';
      const fresh = `${change.column}_new`;
      return {
        ...about(`change column ${change.column} from ${change.old_type ?? 'its type'} to ${type}`),
        expand: [
          alter(`ADD COLUMN IF NOT EXISTS ${quoteIdentifier(fresh)} ${type}`),
          `-- then by keys, some thousand rows at a time, while a trigger keeps both columns the same:`,
          `UPDATE ${of} SET ${quoteIdentifier(fresh)} = ${column}::${type} WHERE ${quoteIdentifier(fresh)} IS DISTINCT FROM ${column}::${type};`,
        ].join('\n'),
        contract: `${WAIT}\nBEGIN;\nALTER TABLE ${of} RENAME COLUMN ${column} TO ${quoteIdentifier(`${change.column}_old`)};\nALTER TABLE ${of} RENAME COLUMN ${quoteIdentifier(fresh)} TO ${column};\nCOMMIT;`,
        rollback: alter(`DROP COLUMN IF EXISTS ${quoteIdentifier(fresh)}`),
        validate: `SELECT NOT EXISTS (SELECT FROM ${of} WHERE ${quoteIdentifier(fresh)} IS DISTINCT FROM ${column}::${type})`,
        validateContract: `${hasColumn(`${change.column}_old`)} AND NOT ${hasColumn(fresh).replace('SELECT ', '')}`,
        undone: not(hasColumn(fresh)),
        undoContract: [
          `${WAIT}\nBEGIN;\nALTER TABLE ${of} RENAME COLUMN ${column} TO ${quoteIdentifier(fresh)};\nALTER TABLE ${of} RENAME COLUMN ${quoteIdentifier(`${change.column}_old`)} TO ${column};\nCOMMIT;`,
          ...(change.old_type === undefined ? [] : [`-- what was written since; a value that ${change.old_type} does not hold stops here, and is for a person:\nUPDATE ${of} SET ${column} = ${quoteIdentifier(fresh)}::${change.old_type} WHERE ${column} IS DISTINCT FROM ${quoteIdentifier(fresh)}::${change.old_type};`]),
        ].join('\n'),
        contractUndone: hasColumn(fresh),
        contractLoses: change.old_type === undefined ? `what was written to ${table}.${change.column} since` : `values of ${table}.${change.column} that ${change.old_type} does not hold`,
      };
    }
    case 'drop_column':
      if (change.column === undefined) break;
      return {
        ...about(`drop column ${change.column}`),
        expand: alter(`ALTER COLUMN ${column} DROP NOT NULL`),
        contract: `${keepColumn(table, change.column)}\n${alter(`DROP COLUMN IF EXISTS ${column}`)}`,
        rollback: change.nullable === false ? notNull(of, change.column) : `-- The column is still there: new rows have null in it.`,
        undoContract: bringColumnBack(table, change.column),
        contractUndone: hasColumn(change.column),
        contractLoses: `${table}.${change.column} of rows written since, its default and its indexes`,
        // Until it is dropped nothing may be left that asks for a value of it.
        validate: columnIs(change.column, 'NOT attnotnull'),
        validateContract: not(hasColumn(change.column)),
      };
    case 'rename_column': {
      const [from, to] = [change.old_name ?? change.column, change.new_name];
      if (from === undefined || to === undefined) break;
      return {
        ...about(`rename column ${from} to ${to}`),
        expand: `${likeColumn(of, { from, to })}\n-- then by keys, some thousand rows at a time, while a trigger keeps both columns the same:\nUPDATE ${of} SET ${quoteIdentifier(to)} = ${quoteIdentifier(from)} WHERE ${quoteIdentifier(to)} IS DISTINCT FROM ${quoteIdentifier(from)};`,
        contract: alter(`DROP COLUMN IF EXISTS ${quoteIdentifier(from)}`),
        undoContract: `${likeColumn(of, { from: to, to: from })}\nUPDATE ${of} SET ${quoteIdentifier(from)} = ${quoteIdentifier(to)} WHERE ${quoteIdentifier(from)} IS DISTINCT FROM ${quoteIdentifier(to)};`,
        undone: not(hasColumn(to)),
        contractUndone: hasColumn(from),
        contractLoses: `the default, the indexes and the constraints of ${table}.${from}`,
        rollback: alter(`DROP COLUMN IF EXISTS ${quoteIdentifier(to)}`),
        validate: `SELECT NOT EXISTS (SELECT FROM ${of} WHERE ${quoteIdentifier(to)} IS DISTINCT FROM ${quoteIdentifier(from)})`,
        validateContract: `${hasColumn(to)} AND NOT ${hasColumn(from).replace('SELECT ', '')}`,
        loses: `what only ${table}.${to} was written with`,
      };
    }
    case 'add_constraint': {
      if (change.definition === undefined) break;
      const name = change.constraint_name ?? `${parseTableName(table).replaceAll(/\W/g, '_')}_${(change.constraint_type ?? 'check').toLowerCase().replaceAll(/\W/g, '_')}`;
      const { definition } = change;
      const kind = (change.constraint_type ?? '').toLowerCase().replaceAll('_', ' ');
      const body = /^\s*(unique|check|foreign|primary|exclude)/i.test(definition) || kind === '' ? definition : `${kind.toUpperCase()} ${definition}`;
      const validatable = /^\s*(check|foreign)/i.test(body);
      return {
        ...about(`add constraint ${name}`),
        expand: validatable ? alter(`ADD CONSTRAINT ${quoteIdentifier(name)} ${body} NOT VALID`) : `-- Its index is built beside the writers first: CREATE UNIQUE INDEX CONCURRENTLY.\n${alter(`ADD CONSTRAINT ${quoteIdentifier(name)} ${body}`)}`,
        contract: validatable ? `ALTER TABLE ${of} VALIDATE CONSTRAINT ${quoteIdentifier(name)};` : '',
        rollback: alter(`DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)}`),
        validate: hasConstraint(name),
        undone: not(hasConstraint(name)),
        ...(validatable ? { validateContract: hasConstraint(name).replace(/\)$/, ' AND convalidated)'), undoContract: alter(`DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)}, ADD CONSTRAINT ${quoteIdentifier(name)} ${body} NOT VALID`), contractUndone: hasConstraint(name) } : {}),
      };
    }
    case 'drop_constraint':
      if (change.constraint_name === undefined) break;
      return {
        ...about(`drop constraint ${change.constraint_name}`),
        expand: '', contract: alter(`DROP CONSTRAINT IF EXISTS ${quoteIdentifier(change.constraint_name)}`),
        ...undoDropConstraint(of, change.constraint_name, change.definition),
        contractUndone: hasConstraint(change.constraint_name),
        validate: '',
        validateContract: not(hasConstraint(change.constraint_name)),
      };
    case 'add_index': {
      const name = change.constraint_name ?? `${parseTableName(table).replaceAll(/\W/g, '_')}_idx`;
      const columns = change.columns ?? (change.column === undefined ? [] : [change.column]);
      if (columns.length === 0 && change.definition === undefined) break;
      return {
        ...about(`add index ${name}`),
        expand: change.definition ?? `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${quoteIdentifier(name)} ON ${of} (${columns.map(quoteIdentifier).join(', ')});`,
        contract: '',
        rollback: `DROP INDEX CONCURRENTLY IF EXISTS ${quoteIdentifier(splitTableName(parseTableName(table)).schema)}.${quoteIdentifier(name)};`,
        validate: `SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ${quoteLiteral(of)}::regclass AND c.relname = ${quoteLiteral(name)} AND i.indisvalid)`,
        undone: `SELECT to_regclass(${quoteLiteral(`${quoteIdentifier(splitTableName(parseTableName(table)).schema)}.${quoteIdentifier(name)}`)}) IS NULL`,
      };
    }
  }
  return {
    ...about(`${change.type.replaceAll('_', ' ')}${change.column === undefined ? '' : ` of ${change.column}`}`),
    expand: change.definition ?? `-- ${change.type} on ${table}: to be written by a person.`, contract: '', rollback: `-- Undo ${change.type} on ${table}: to be written by a person.`, validate: `SELECT to_regclass(${quoteLiteral(of)}) IS NOT NULL`,
  };
}

function undoDropConstraint(table: string, name: string, definition: string | undefined): Pick<ChangeStep, 'rollback' | 'undoContract'> {
  const undo = definition === undefined
    ? '-- Add it again as it was: the specification does not say how.'
    : `${WAIT}\nALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)}, ADD CONSTRAINT ${quoteIdentifier(name)} ${definition};`;
  return { rollback: undo, undoContract: undo };
}

/** A column of the same type as another, which only the server knows. */
function likeColumn(table: string, { from, to }: { readonly from: string; readonly to: string }): string {
  const add = `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${quoteIdentifier(to)} `;
  return [
    WAIT, 'DO $banyan$ BEGIN',
    `  EXECUTE ${quoteLiteral(add)} || (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = ${quoteLiteral(table)}::regclass AND attname = ${quoteLiteral(from)} AND NOT attisdropped);`,
    'END $banyan$;',
  ].join('\n');
}

function savedName(table: string, column: string): string {
  const { schema, table: name } = splitTableName(parseTableName(table));
  return `${quoteIdentifier(schema)}.${quoteIdentifier(`${name}_${column}_saved`.slice(-63))}`;
}

const KEY = (table: string): string => `pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indrelid = ${quoteLiteral(table)}::regclass AND indisprimary`;

/** Its values beside their keys, so that dropping it can be undone. */
function keepColumn(table: string, column: string): string {
  const [of, saved] = [quoteTable(parseTableName(table)), savedName(table, column)];
  return [
    'DO $banyan$ DECLARE key text; BEGIN',
    `  IF to_regclass(${quoteLiteral(saved)}) IS NULL THEN`,
    `    SELECT string_agg(quote_ident(attname), ', ') INTO key FROM ${KEY(of)};`,
    `    IF key IS NULL THEN RAISE EXCEPTION ${quoteLiteral('%')}, ${quoteLiteral(`${of} has no primary key: copy ${column} by hand before it is dropped`)}; END IF;`,
    `    EXECUTE ${quoteLiteral(`CREATE TABLE ${saved} AS SELECT `)} || key || ${quoteLiteral(`, ${quoteIdentifier(column)} FROM ${of}`)};`,
    '  END IF;', 'END $banyan$;',
  ].join('\n');
}

function bringColumnBack(table: string, column: string): string {
  const [of, saved, name] = [quoteTable(parseTableName(table)), savedName(table, column), quoteIdentifier(column)];
  return [
    WAIT, 'DO $banyan$ BEGIN',
    `  IF to_regclass(${quoteLiteral(saved)}) IS NULL THEN RETURN; END IF;`,
    `  EXECUTE ${quoteLiteral(`ALTER TABLE ${of} ADD COLUMN IF NOT EXISTS ${name} `)} || (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(${quoteLiteral(saved)}) AND attname = ${quoteLiteral(column)});`,
    'END $banyan$;',
    '-- on its own, so that the lock above is not held for as long:',
    'DO $banyan$ BEGIN',
    `  IF to_regclass(${quoteLiteral(saved)}) IS NULL THEN RETURN; END IF;`,
    `  EXECUTE ${quoteLiteral(`UPDATE ${of} AS t SET ${name} = s.${name} FROM ${saved} AS s WHERE `)} || (SELECT string_agg(format('t.%I = s.%I', attname, attname), ' AND ') FROM ${KEY(of)});`,
    'END $banyan$;',
    `DROP TABLE IF EXISTS ${saved};`,
  ].join('\n');
}

function notNull(table: string, column: string): string {
  const name = quoteIdentifier(`${column}_not_null`);
  return [
    `${WAIT}\nALTER TABLE ${table} ADD CONSTRAINT ${name} CHECK (${quoteIdentifier(column)} IS NOT NULL) NOT VALID;`,
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`,
    `ALTER TABLE ${table} ALTER COLUMN ${quoteIdentifier(column)} SET NOT NULL;`,
    `ALTER TABLE ${table} DROP CONSTRAINT ${name};`,
  ].join('\n');
}
