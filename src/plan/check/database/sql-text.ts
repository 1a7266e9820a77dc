import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../../../model/names.ts';

/** Strings, quoted names and dollar quotes: what stands in them is no syntax. */
const OPAQUE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)[\s\S]*?\1/g;

/**
 * One spelling of an expression, so that what a person wrote and what the server prints of it can be held against
 * each other: without blanks that mean nothing, casts of literals and doubled brackets. Pure.
 */
export function canonical(expression: string): string {
  const kept: string[] = [];
  let text = expression.replaceAll(OPAQUE, (part) => `\uE000${kept.push(/^"[a-z_][a-z0-9_$]*"$/.test(part) ? part.slice(1, -1) : part) - 1}\uE001`);
  text = text.toLowerCase().replaceAll(/\s+/g, ' ').replaceAll(/\s*([(),;]|::|[<>=!]+)\s*/g, '$1').trim().replace(/;$/, '');
  // 'x'::character varying, (0)::numeric, NULL::text, (name)::text: what the server adds by itself.
  const type = String.raw`(?:(?:[\w.]+|\uE000\d+\uE001)(?: varying| precision| with(?:out)? time zone)?(?:\(\d+(?:,\d+)?\))?(?: with(?:out)? time zone)?(?:\[\])*)`;
  text = text.replaceAll(new RegExp(String.raw`(\uE000\d+\uE001|\bnull)::${type}`, 'g'), '$1').replaceAll(new RegExp(String.raw`\((-?[\d.]+)\)::${type}`, 'g'), '$1');
  text = text.replaceAll(new RegExp(String.raw`\((\w+|\uE000\d+\uE001)\)::text\b`, 'g'), '$1').replaceAll(/\bpublic\./g, '');
  for (let before = ''; before !== text;) {
    before = text;
    text = text.replaceAll(/\(\(([^()]*)\)\)/g, '($1)').replace(/^\(([^()]*)\)$/, '$1');
  }
  return text.replaceAll(/\uE000(\d+)\uE001/g, (_, at: string) => kept[Number(at)] ?? '');
}

/** Whether an expression names a column. May say yes of another thing with the name; never no of the column. */
export function mentions(expression: string, column: string): boolean {
  return tokens(expression).some((token) => token === column);
}

function tokens(expression: string): string[] {
  return [...expression.replaceAll(/'(?:[^']|'')*'/g, "''").matchAll(/"((?:[^"]|"")*)"|[\p{L}_][\p{L}\p{N}_$]*/gu)].map(([all, quoted]) => quoted?.replaceAll('""', '"') ?? all.toLowerCase());
}

export { renamed, spelled } from '../../../model/sql-words.ts';

export function columnsText(columns: readonly string[]): string {
  return `(${columns.map(quoteIdentifier).join(', ')})`;
}

/** Whoever waits for a table keeps everybody behind it waiting; better to give up and try again. */
export const WAIT = "SET lock_timeout = '2s';";

/** Statements under the wait, each with its semicolon. */
export function waiting(...statements: readonly string[]): string {
  return [WAIT, ...statements.map(ended)].join('\n');
}

function ended(statement: string): string {
  return /;\s*$/.test(statement) ? statement : `${statement};`;
}

/** Statements that run only where a condition holds, so that a second run does nothing. */
export function guarded(condition: string, ...statements: readonly string[]): string {
  const body = statements.map(ended).join('\n    ');
  let tag = '$banyan$';
  for (let n = 1; body.includes(tag) || condition.includes(tag); n++) tag = `$banyan${n}$`;
  return `DO ${tag} BEGIN\n  IF ${condition} THEN\n    ${body}\n  END IF;\nEND ${tag};`;
}

/** The text with what {@link guarded} made of statements taken back, as if every condition held: far quicker to read. What only a block knows stays in it. */
export function unguarded(text: string): string {
  return text.replaceAll(/DO (\$banyan\d*\$) BEGIN\n  IF [\s\S]*? THEN\n    ([\s\S]*?)\n  END IF;\nEND \1;/g, (block: string, _tag, body: string) => (/^\s*(?:EXECUTE|PERFORM|ELSE|ELSIF)\b/m.test(body) ? block : body));
}

/** A text in one line, whatever it has in it: the body of a block begins on a line of its own. */
export const literal = (text: string): string => (text.includes('\n') ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n')}'` : quoteLiteral(text));

export const regclass = (table: TableName): string => `to_regclass(${quoteLiteral(quoteTable(table))})`;

export function hasConstraint(table: TableName, name: string): string {
  return `EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(table)} AND conname = ${quoteLiteral(name)})`;
}

/** Whether the column is there, and more that is true of its pg_attribute row `a`. */
export function hasColumn(table: TableName, column: string, more = ''): string {
  return `EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = ${regclass(table)} AND a.attname = ${quoteLiteral(column)} AND NOT a.attisdropped${more === '' ? '' : ` AND ${more}`})`;
}

export const hasRelation = (schema: string, name: string): string => `to_regclass(${quoteLiteral(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)}) IS NOT NULL`;

/** Whether it is there, and is not the sequence of an identity column. */
export function hasFreeSequence(schema: string, name: string): string {
  const sequence = `to_regclass(${quoteLiteral(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)})`;
  return `${sequence} IS NOT NULL AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = ${sequence} AND deptype = 'i')`;
}

export const isTable = (table: TableName): string => `EXISTS (SELECT FROM pg_class WHERE oid = ${regclass(table)} AND relkind IN ('r', 'p'))`;

/** Drops the table, where the name is still one's. */
export function dropTable(table: TableName): string {
  return guarded(isTable(table), `DROP TABLE ${quoteTable(table)}`);
}

export const hasType = (schema: string, name: string): string => `to_regtype(${quoteLiteral(`${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)}) IS NOT NULL`;

/** What a guard adds where a thing need not go: under that condition. */
export const butFor = (unless: string | undefined): string => (unless === undefined ? '' : ` AND NOT coalesce(${unless}, false)`);

/** Holds where a thing has gone, or need not go. */
export const goneOr = (gone: string, unless: string | undefined): string => (unless === undefined ? gone : `(${gone} OR coalesce(${unless}, false))`);

/** Adds a constraint where it is not there yet. */
export function addConstraint(table: TableName, name: string, definition: string): string {
  return guarded(`${regclass(table)} IS NOT NULL AND NOT ${hasConstraint(table, name)}`, `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`);
}

export function dropConstraint(table: TableName, name: string, unless?: string): string {
  if (unless !== undefined) return guarded(`${hasConstraint(table, name)}${butFor(unless)}`, `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT ${quoteIdentifier(name)}`);
  return `ALTER TABLE IF EXISTS ${quoteTable(table)} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)};`;
}

/** Whether the constraint is this one to the letter, as the server prints it. */
export function isConstraint(table: TableName, name: string, definition: string): string {
  return `EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(table)} AND conname = ${quoteLiteral(name)} AND pg_get_constraintdef(oid) = ${literal(definition)})`;
}

/** Validates a constraint that is there, beside the writers. */
export function validateConstraint(table: TableName, name: string): string {
  return guarded(hasConstraint(table, name), `ALTER TABLE ${quoteTable(table)} VALIDATE CONSTRAINT ${quoteIdentifier(name)}`);
}

/** Alters a column that is there. */
export function alterColumn(table: TableName, column: string, ...what: readonly string[]): string {
  return guarded(hasColumn(table, column), ...what.map((each) => `ALTER TABLE ${quoteTable(table)} ALTER COLUMN ${quoteIdentifier(column)} ${each}`));
}
