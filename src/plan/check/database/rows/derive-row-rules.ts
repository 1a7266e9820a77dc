import { quoteIdentifier, type TableName } from '../../../../model/names.ts';
import type { Column, Schema, Table } from '../../../../model/schema.ts';
import { Differences, tablePath } from '../differences.ts';
import { indexTail } from '../definitions.ts';
import { applyRenames } from '../renames.ts';
import { rulesOf, type Rule } from '../rules.ts';
import { mentions, renamed } from '../sql-text.ts';
import { indexKeys } from './index-keys.ts';
import type { RowRule, RowRules, RowTest, UntestedRule } from './row-rule.ts';
import { labelsOf, typeCondition } from './type-conditions.ts';

export interface RowRulesOptions {
  /** The database that has the rows. */
  readonly before: Schema;
  readonly after: Schema;
  readonly renames: ReadonlyMap<string, string>;
  /** The major version of its server. */
  readonly major: number;
}

/** Every new rule that rows of the old database may break. Pure. */
export function rowRules({ before, after, renames, major }: RowRulesOptions): RowRules {
  const old = applyRenames(before, renames, new Differences());
  const real = new Map(old.tables.map(({ name }, at): [TableName, Table | undefined] => [name, before.tables[at]]));
  const rules: RowRule[] = [];
  const untested: UntestedRule[] = [];
  for (const fresh of after.tables) {
    const former = old.tables.find(({ name }) => name === fresh.name);
    const there = real.get(fresh.name);
    if (!former || !there || (fresh.partitionOf && former.partitionOf)) continue;
    const table = new TableRules({ before: old, after, old: former, fresh, there, real, major });
    rules.push(...table.rules);
    untested.push(...table.untested);
  }
  return { rules, untested };
}

interface TableRulesOptions {
  /** In the new names. */
  readonly before: Schema;
  readonly after: Schema;
  readonly old: Table;
  readonly fresh: Table;
  /** The table with its own names. */
  readonly there: Table;
  readonly real: ReadonlyMap<TableName, Table | undefined>;
  readonly major: number;
}

class TableRules {
  readonly rules: RowRule[] = [];
  readonly untested: UntestedRule[] = [];
  readonly #options: TableRulesOptions;

  constructor(options: TableRulesOptions) {
    this.#options = options;
    const { before, after, old, fresh } = options;
    for (const column of fresh.columns) this.#column(column);
    const known = rulesOf(old, before);
    for (const rule of rulesOf(fresh, after)) {
      if (!known.some(({ kind, signature }) => kind === rule.kind && signature === rule.signature)) this.#rule(rule);
    }
  }

  #add(path: string, problem: RowRule['problem'], test: RowTest): void {
    this.rules.push({ table: this.#options.there.name, field_path: path, problem, test });
  }

  #leave(path: string, reason: string): void {
    this.untested.push({ table: this.#options.there.name, field_path: path, reason });
  }

  /** SQL of a column by its new name, as the old database calls it; undefined: it has none. */
  #sql(column: string, table = this.#options.old, there: Table | undefined = this.#options.there): string | undefined {
    const at = table.columns.findIndex(({ name }) => name === column);
    const found = at < 0 ? undefined : there?.columns[at];
    return found && quoteIdentifier(found.name);
  }

  #column(column: Column): void {
    const { old, fresh, after, before, major } = this.#options;
    const path = `${tablePath(fresh.name)}.columns.${column.name}`;
    const former = old.columns.find(({ name }) => name === column.name);
    const sql = this.#sql(column.name);
    if (!former || sql === undefined) {
      if (!column.nullable && column.default === undefined && column.identity === undefined && column.generated === undefined) this.#add(path, 'missing', { kind: 'row', breaks: 'true', mayFail: false });
      return;
    }
    if (former.nullable && !column.nullable) this.#add(path, 'nulls', { kind: 'row', breaks: `${sql} IS NULL`, mayFail: false });
    if (column.generated !== undefined) return;
    const [from, to] = [plain(former.type), plain(column.type)];
    if (from !== to) {
      const found = typeCondition({ column: sql, from: before.domains.find(({ schema, name }) => plain(`${schema}.${name}`) === from)?.baseType ?? from, to, after, major });
      if (found && 'untested' in found) this.#leave(path, found.untested);
      else if (found) this.#add(path, found.problem, { kind: 'row', breaks: found.breaks, mayFail: false });
      return;
    }
    const [labels, kept] = [labelsOf(to, before), labelsOf(to, after)];
    if (labels && kept && labels.some((label) => !kept.includes(label))) {
      const found = typeCondition({ column: sql, from: 'text', to, after, major });
      if (found && 'breaks' in found) this.#add(path, found.problem, { kind: 'row', breaks: found.breaks, mayFail: false });
    }
    this.#domain(to, sql, path);
  }

  /** What a domain of the same name asks for now. */
  #domain(type: string, sql: string, path: string): void {
    const of = ({ domains }: Schema): Schema['domains'][number] | undefined => domains.find(({ schema, name }) => plain(`${schema}.${name}`) === type);
    const [old, fresh] = [of(this.#options.before), of(this.#options.after)];
    if (!old || !fresh) return;
    if (old.nullable && !fresh.nullable) this.#add(path, 'nulls', { kind: 'row', breaks: `${sql} IS NULL`, mayFail: false });
    for (const { definition } of fresh.checks.filter((check) => !old.checks.some((each) => each.definition === check.definition) && !NOT_VALID.test(check.definition))) {
      const body = bodyOf(definition);
      if (body === undefined) this.#leave(path, 'a condition of its domain could not be taken apart');
      else this.#add(path, 'refused_by_check', { kind: 'row', breaks: `(${withValue(body, sql)}) IS FALSE`, mayFail: true });
    }
  }

  #rule(rule: Rule): void {
    const { fresh } = this.#options;
    const path = `${tablePath(fresh.name)}.${rule.kind === 'index' ? 'indexes' : 'constraints'}.${rule.name}`;
    if (NOT_VALID.test(rule.text) || (rule.kind === 'index' && !rule.unique)) return;
    if (rule.kind === 'exclusion') return this.#leave(path, 'which rows exclude each other is seen when it is built');
    if (rule.kind === 'foreign_key') return this.#foreignKey(rule, path);
    if (rule.kind === 'check') {
      const body = bodyOf(rule.text);
      if (body === undefined) return this.#leave(path, 'its condition could not be taken apart');
      const sql = this.#expression(body, path);
      if (sql !== undefined) this.#add(path, 'refused_by_check', { kind: 'row', breaks: `(${sql}) IS FALSE`, mayFail: true });
      return;
    }
    const key = [...(fresh.primaryKey ? [fresh.primaryKey] : []), ...fresh.uniques].find(({ name }) => name === rule.name);
    const index = fresh.indexes.find(({ name }) => name === rule.name);
    if (key && /WITHOUT OVERLAPS/i.test(key.definition)) return this.#leave(path, 'which rows overlap is seen when it is built');
    const keys = key ? { values: key.columns.map(quoteIdentifier), nullsNotDistinct: key.nullsNotDistinct } : index && indexKeys(indexTail(index));
    if (!keys) return this.#leave(path, 'its expressions could not be taken apart');
    const values = keys.values.map((value) => this.#expression(value, path));
    const where = 'where' in keys && keys.where !== undefined ? this.#expression(keys.where, path) : undefined;
    if (values.includes(undefined) || ('where' in keys && keys.where !== undefined && where === undefined)) return;
    const mayFail = index?.columns.includes(null) === true || where !== undefined;
    this.#add(path, 'duplicates', { kind: 'duplicates', values: values.flatMap((value) => value ?? []), nullsNotDistinct: keys.nullsNotDistinct || rule.kind === 'primary_key', ...(where === undefined ? {} : { where }), mayFail });
  }

  #foreignKey({ key }: Rule, path: string): void {
    if (!key) return;
    const { before, real, old } = this.#options;
    const target = before.tables.find(({ name }) => name === key.references);
    const there = real.get(key.references);
    if (!target || !there) return this.#leave(path, `the table that it refers to is not there yet`);
    if (/\bPERIOD\b/i.test(key.definition)) return this.#leave(path, 'which periods are covered is seen when it is added');
    const columns = key.columns.map((name) => this.#sql(name));
    const referenced = key.referencedColumns.map((name) => this.#sql(name, target, there));
    if (columns.includes(undefined) || referenced.includes(undefined)) return this.#leave(path, 'it names a column that is not there yet');
    const typeIn = (table: Table, name: string): string => plain(table.columns.find((column) => column.name === name)?.type ?? '').replace(/\(.*\)/, '');
    const asText = key.columns.some((name, at) => typeIn(old, name) !== typeIn(target, key.referencedColumns[at] ?? '') && family(typeIn(old, name)) !== family(typeIn(target, key.referencedColumns[at] ?? '')));
    this.#add(path, 'orphans', { kind: 'orphans', columns: columns.flatMap((each) => each ?? []), references: there.name, referencedColumns: referenced.flatMap((each) => each ?? []), full: /MATCH\s+FULL/i.test(key.definition), asText });
  }

  /** An expression in the old database's names; undefined, with the reason, where it could not say the same there. */
  #expression(expression: string, path: string): string | undefined {
    const { old, fresh, there } = this.#options;
    for (const column of fresh.columns) {
      if (!mentions(expression, column.name)) continue;
      const former = old.columns.find(({ name }) => name === column.name);
      const reason = !former ? `it names column ${column.name}, which is not there yet` : plain(former.type) !== plain(column.type) && expression !== quoteIdentifier(column.name) ? `column ${column.name} is of another type then` : undefined;
      if (reason === undefined) continue;
      this.#leave(path, reason);
      return undefined;
    }
    return old.columns.reduce((text, { name }, at) => (there.columns[at] && there.columns[at].name !== name ? renamed(text, name, there.columns[at].name) : text), expression);
  }
}

/** No row is looked at when such a one is made. */
const NOT_VALID = /\s+NOT (VALID|ENFORCED)\s*$/i;

function plain(type: string): string {
  return type.replace(/^public\./, '');
}

/** Types that the server compares with each other. */
function family(type: string): string {
  return /^(smallint|integer|bigint|numeric|real|double precision)$/.test(type) ? 'number' : /^(text|character varying|character)$/.test(type) ? 'text' : type;
}

/** What stands in the brackets of CHECK (…). */
function bodyOf(definition: string): string | undefined {
  return /^\s*CHECK\s*\(([\s\S]*)\)\s*(?:NO INHERIT)?\s*$/i.exec(definition)?.[1];
}

function withValue(body: string, sql: string): string {
  return body.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\bVALUE\b/gi, (token) => (/^value$/i.test(token) ? sql : token));
}
