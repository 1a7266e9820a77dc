import { parse } from 'yaml';
import { BanyanError, messageOf } from '../core/errors.ts';
import { parseTableName, splitTableName, type TableName } from '../model/names.ts';
import { visibleWords } from './words.ts';

/** Another division of the same monolith: somebody's boundaries, or who owns which code today. */
export interface GivenDivision {
  /** What it was read from, for the report. */
  readonly source: string;
  /** Which of the monolith's tables are in which service; a table that several claim is the first's. */
  servicesOf(tables: readonly TableName[]): ReadonlyMap<TableName, string>;
  /** Tables it names, whether the monolith has them or not; empty where it has only patterns. */
  readonly named: ReadonlyMap<TableName, string>;
  /** Tables that several services claim. */
  readonly twice: readonly TableName[];
  /** Tables that do not count. */
  readonly unscored: readonly TableName[];
}

const EXPECTED =
  'a boundaries.json of `banyan analyze`, a banyan.yaml with `services:`, a CODEOWNERS file, or lines of the form `table: owner`';

/**
 * Reads another division.
 * @param file Its name, for messages.
 * @throws BANYAN_ANALYZE_AGAINST if it is none of the forms.
 */
export function readDivision(text: string, file: string): GivenDivision {
  const lines = text.split(/\r?\n/).map((line, index) => ({ line: line.replace(/(^|\s)#.*$/, '').trim(), number: index + 1 })).filter(({ line }) => line !== '');
  if (lines.length === 0) throw refused(file, 'found nothing');
  if (/^\s*\{/.test(text) || /^services\s*:/m.test(text)) return fromDocument(text, file);
  const owners = lines.map(({ line, number }) => ownerLine(line) ?? fail(file, number, line));
  return owners.some(({ pattern }) => pattern) ? fromPatterns(owners, file) : fromNames(owners.map(({ what, owner }) => [what, owner]), { source: file });
}

interface OwnerLine {
  readonly what: string;
  readonly owner: string;
  readonly pattern: boolean;
}

function ownerLine(line: string): OwnerLine | undefined {
  const owned = /^(\S+)\s+((?:@\S+|\S+@\S+)(?:\s+(?:@\S+|\S+@\S+))*)$/.exec(line);
  if (owned) return { what: owned[1] ?? '', owner: (owned[2] ?? '').split(/\s+/).join(', '), pattern: true };
  // A pattern without an owner takes its files out of what an earlier line said.
  if (/^[/*]\S*$/.test(line)) return { what: line, owner: '', pattern: true };
  const named = /^((?:"(?:[^"]|"")*"|[^":])+?)\s*:\s*(\S.*)$/.exec(line);
  return named ? { what: named[1] ?? '', owner: (named[2] ?? '').replaceAll(/^["']|["']$/g, ''), pattern: false } : undefined;
}

function fail(file: string, number: number, line: string): never {
  throw refused(file, `line ${number}: found ${JSON.stringify(line.slice(0, 60))}`);
}

function refused(file: string, found: string): BanyanError {
  return new BanyanError('BANYAN_ANALYZE_AGAINST', { message: `${file}: ${found}; expected ${EXPECTED}.` });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fromDocument(text: string, file: string): GivenDivision {
  let document: unknown;
  try {
    document = text.trimStart().startsWith('{') ? JSON.parse(text) : parse(text);
  } catch (error) {
    throw refused(file, `found text that cannot be read (${messageOf(error).split('\n')[0] ?? ''})`);
  }
  const services = isRecord(document) ? document['services'] : undefined;
  if (!isRecord(services)) throw refused(file, 'found no mapping `services`');
  const entries = Object.entries(services).flatMap(([service, value]) => {
    const tables = isRecord(value) ? value['tables'] : value;
    if (!Array.isArray(tables)) throw refused(file, `services.${service}: found no list of tables`);
    return tables.map((entry: unknown): [string, string] => {
      const name = isRecord(entry) ? entry['table'] : entry;
      if (typeof name !== 'string') throw refused(file, `services.${service}: found ${JSON.stringify(entry)} where a table's name should be`);
      return [name, service];
    });
  });
  const left = isRecord(document) ? document['unscored'] : undefined;
  const unscored = Array.isArray(left) ? left.filter((name) => typeof name === 'string') : [];
  return fromNames(entries, { source: file, unscored });
}

function fromNames(entries: readonly (readonly [string, string])[], { source, unscored = [] }: { readonly source: string; readonly unscored?: readonly string[] }): GivenDivision {
  const named = new Map<TableName, string>();
  const twice = new Set<TableName>();
  for (const [text, service] of entries) {
    const name = nameOf(text, source);
    if (named.has(name) && named.get(name) !== service) twice.add(name);
    if (!named.has(name)) named.set(name, service);
  }
  return { source, named, twice: [...twice], unscored: unscored.map((text) => nameOf(text, source)), servicesOf: (tables) => new Map(tables.flatMap((table) => {
    const service = named.get(table);
    return service === undefined ? [] : [[table, service] as const];
  })) };
}

function nameOf(text: string, file: string): TableName {
  try {
    return parseTableName(text);
  } catch {
    throw refused(file, `found ${JSON.stringify(text)} where a table's name should be`);
  }
}

/** Folders and files that say nothing of what they hold. */
const GENERIC = new Set(['app', 'application', 'apps', 'code', 'core', 'database', 'db', 'domain', 'entity', 'index', 'init', 'java', 'lib', 'main', 'migration', 'model', 'module', 'package', 'repository', 'schema', 'script', 'server', 'service', 'sql', 'src', 'table', 'test']);

/** Of a CODEOWNERS file: who owns the code that is named for a table, or for the words it begins with. The last line that fits best wins. */
function fromPatterns(owners: readonly OwnerLine[], file: string): GivenDivision {
  const rules = owners.map(({ what, owner }) => ({ owner, everything: /^[/*]*$/.test(what), names: namesIn(what) }));
  const ownerOf = (table: TableName): string => {
    const { schema, table: name } = splitTableName(table);
    const words = visibleWords(name);
    let best = { score: 0, owner: '' };
    for (const { owner, everything, names } of rules) {
      const score = everything ? 1 : Math.max(0, ...names.map((candidate) => fit(candidate, { schema, words })));
      if (score > 0 && score >= best.score) best = { score, owner };
    }
    return best.owner;
  };
  return {
    source: file, named: new Map(), twice: [], unscored: [],
    servicesOf: (tables) => new Map(tables.flatMap((table) => {
      const owner = ownerOf(table);
      return owner === '' ? [] : [[table, owner] as const];
    })),
  };
}

/** The words of each part of a path that says something, the last first. */
function namesIn(path: string): string[][] {
  return path
    .split('/')
    .map((part) => visibleWords(part.replaceAll('*', '').replace(/\.[a-z0-9]+$/i, '')))
    .filter((words) => words.length > 0 && !words.every((word) => GENERIC.has(word)))
    .toReversed()
    .slice(0, 1);
}

/** How well a path's words name a table: wholly, by its first words, or by its schema. */
function fit(path: readonly string[], { schema, words }: { readonly schema: string; readonly words: readonly string[] }): number {
  const same = path.every((word, index) => word === words[index]);
  if (same && path.length === words.length) return 1000;
  if (same && path.length < words.length) return 10 + path.length;
  return visibleWords(schema).join(' ') === path.join(' ') ? 5 : 0;
}
