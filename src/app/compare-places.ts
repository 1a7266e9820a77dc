import { BanyanError } from '../core/errors.ts';
import type { Schema } from '../model/schema.ts';
import { compareApis } from '../plan/check/api/compare-apis.ts';
import type { DataCheck } from '../plan/check/data-check.ts';
import { compareSchemas, type CompareSchemasOptions } from '../plan/check/database/compare-schemas.ts';
import { compareWithExpandContract } from '../plan/check/database/expand-contract/with-expand-contract.ts';
import { withHazards } from '../plan/check/database/hazards/script-hazards.ts';
import { isMysqlDump, readMysqlDump } from '../plan/check/database/mysql/read-dump.ts';
import { planHash } from '../plan/check/database/plan-hash.ts';
import { readSchemaJson } from '../plan/check/database/schema-json.ts';
import type { Comparison, MigrationScript } from '../plan/check/finding.ts';
import { compareGraphql } from '../plan/check/graphql/compare-graphql.ts';
import { compareMessages } from '../plan/check/message/compare-messages.ts';
import { withLines } from '../plan/check/places/with-lines.ts';
import { parseText } from '../plan/document.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { parseSchema } from '../postgres/sql/parse-schema.ts';
import { checkRows } from './check-rows.ts';
import { isUrl, serverMajor, withPool } from './database-place.ts';
import type { CheckOptions } from './plan-types.ts';
import { readDocumentText } from './text-file.ts';

/** A file, the URL of a database, or a text with the name that messages call it by. */
export type Place = string | { readonly text: string; readonly name: string };

export interface ComparePlacesOptions extends Pick<CheckOptions, 'type' | 'renames' | 'compatibility'> {
  readonly before: Place;
  readonly after: Place;
  readonly rowsTimeoutSeconds: number;
  readonly expandContract: boolean;
  /** Now. */
  readonly at: Date;
  /** Told what was not understood, or not done. */
  readonly note: (text: string) => void;
  /** Called with what would run, before any row is looked at: it throws where looking is for nothing. */
  readonly admit?: (plan: { readonly scripts: readonly MigrationScript[]; readonly hash: string }) => void;
}

export type ComparedPlaces = Comparison & { readonly dataChecks?: readonly DataCheck[]; readonly hash?: string };

/** What changed between two places, whatever they are. */
export async function comparePlaces(options: ComparePlacesOptions): Promise<ComparedPlaces> {
  const { before, after, type, compatibility, at } = options;
  if (type === 'database') return await compareDatabases(options);
  if (options.expandContract) throw new BanyanError('BANYAN_USAGE', { message: `--expand-contract is of --type database, not of ${type}.` });
  const [old, fresh] = [await textOf(before), await textOf(after)];
  const names = { before: nameOf(before), after: nameOf(after) };
  const lines = (comparison: Comparison, document?: unknown): Comparison => ({ ...comparison, findings: withLines({ findings: comparison.findings, type, file: names.after, text: fresh, document }) });
  if (type === 'graphql') return lines(compareGraphql({ before: old, after: fresh, names }));
  const documents = { before: parseText(names.before, old), after: parseText(names.after, fresh), names };
  return lines(type === 'schema' ? compareMessages({ ...documents, ...(compatibility ? { compatibility } : {}) }) : compareApis({ ...documents, at }), documents.after);
}

async function compareDatabases({ before, after, renames = {}, rowsTimeoutSeconds, expandContract, note, admit }: ComparePlacesOptions): Promise<ComparedPlaces> {
  const [old, fresh] = [await schemaOf(before, note), await schemaOf(after, note)];
  const options = { before: old, after: fresh, renames: new Map(Object.entries(renames)) };
  const comparison = expandContract ? expanded(options, note) : compareSchemas(options);
  if (old.dialect === 'mysql' || fresh.dialect === 'mysql') {
    note('Scripts are made for PostgreSQL only: of a dump of MySQL or MariaDB there are none.');
    return { ...comparison, scripts: [] };
  }
  const url = typeof before === 'string' && isUrl(before) ? before : undefined;
  const scripts = await withHazards({ scripts: comparison.scripts, ...options, ...(url === undefined ? {} : { major: await withPool(url, serverMajor) }) });
  const hash = planHash({ before: old, scripts });
  admit?.({ scripts, hash });
  if (url === undefined || rowsTimeoutSeconds === 0) return { ...comparison, scripts, hash };
  const dataChecks = await withPool(url, (pool) => checkRows({ pool, ...options, timeoutSeconds: rowsTimeoutSeconds }));
  return { ...comparison, scripts, dataChecks, hash };
}

function expanded(options: CompareSchemasOptions, note: (text: string) => void): Comparison {
  const { inPlace, ...comparison } = compareWithExpandContract(options);
  for (const { column, reason } of inPlace) note(`${column} is changed in its place, without a second column: ${reason}.`);
  return comparison;
}

const nameOf = (place: Place): string => (typeof place === 'string' ? place : place.name);

const textOf = async (place: Place): Promise<string> => (typeof place === 'string' ? await readDocumentText(place) : place.text);

/** A database's URL, or SQL or schema JSON. */
async function schemaOf(place: Place, note: (text: string) => void): Promise<Schema> {
  if (typeof place === 'string' && isUrl(place)) return await withPool(place, (pool) => new PostgresIntrospector({ pool }).readEverything());
  const [file, text] = [nameOf(place), await textOf(place)];
  if (/\.json$/i.test(file) || /^\uFEFF?\s*\{/.test(text)) return readSchemaJson({ file, text });
  const parsed = isMysqlDump(text) ? readMysqlDump(text) : await parseSchema(text);
  for (const unread of parsed.unread) note(`${file}:${unread.line} was not understood: ${unread.reason}`);
  return parsed.schema;
}
