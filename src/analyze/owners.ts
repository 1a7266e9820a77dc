import { splitTableName, type TableName } from '../model/names.ts';
import { PairWeights } from './graph.ts';
import { append, count, itemAt } from './lookup.ts';
import { visibleWords } from './words.ts';

/** Who owns which code or table, as a file in the repository says. */
export interface OwnersFile {
  /** CODEOWNERS, or lines such as `billing_*: team-billing`; both may be mixed. */
  readonly text: string;
  /** Files of the repository, relative to its root, that CODEOWNERS speaks of. */
  readonly paths?: readonly string[];
}

interface Rule {
  readonly owner: string;
  readonly matches: (text: string) => boolean;
  readonly pattern: string;
}

/** Words of file names that say what kind of file it is rather than what it is about. */
const KIND = new Set([
  'model', 'entity', 'migration', 'repository', 'dao', 'record', 'schema', 'mapper', 'table', 'create', 'add', 'alter', 'index',
  'init', 'sql', 'app', 'src', 'lib', 'main', 'db', 'migrate', 'module', 'domain', 'package', 'test', 'spec', 'v',
]);

/**
 * The owner of each table, where the file claims it: by its name, by the file of its model or
 * migration (`app/models/invoice.rb` is about `invoices`), or by the folder (`billing/models.py` is
 * about `billing_…`). The last rule for a path counts, as with CODEOWNERS; a table that two owners
 * claim equally has none.
 */
export function ownersOf(file: OwnersFile, tables: readonly TableName[]): readonly (string | undefined)[] {
  const { named, code } = readRules(file.text);
  const votes = tables.map(() => ({ file: new Map<string, number>(), folder: new Map<string, number>() }));
  const names = tables.map((table) => visibleWords(splitTableName(table).table));
  const exact = new Map<string, number[]>();
  names.forEach((words, index) => {
    append(exact, words.join(' '), index);
  });
  const claimFolder = (words: readonly string[], owner: string): void => {
    if (words.length === 0) return;
    names.forEach((own, index) => {
      if (words.every((word, i) => own[i] === word)) count(itemAt(votes, index).folder, owner);
    });
  };
  const patterns = code.map((rule) => rule.pattern).filter((pattern) => !pattern.includes('*'));
  // Without a listing, what the patterns themselves name is all there is.
  for (const path of (file.paths?.length ?? 0) > 0 ? (file.paths ?? []) : patterns) {
    const owner = code.findLast((rule) => rule.matches(path))?.owner;
    if (owner === undefined) continue;
    const parts = path.split('/').filter((part) => part !== '');
    const last = parts.at(-1) ?? '';
    const isFile = !path.endsWith('/') && last.includes('.');
    const about = aboutOf(last);
    const found = isFile ? exact.get(about.join(' ')) : undefined;
    if (found) for (const index of found) count(itemAt(votes, index).file, owner);
    else claimFolder(isFile ? aboutOf(parts.at(-2) ?? '') : about, owner);
  }
  return tables.map((table, index) => {
    const { schema, table: name } = splitTableName(table);
    const byName = named.findLast((rule) => rule.matches(name) || rule.matches(`${schema}.${name}`))?.owner;
    const { file: byFile, folder } = itemAt(votes, index);
    return byName ?? majority(byFile) ?? (byFile.size === 0 ? majority(folder) : undefined);
  });
}

/** What a file or folder is about: its words without its ending, numbers and words for the kind of file. */
function aboutOf(segment: string): string[] {
  return visibleWords(segment.replace(/\.[^/]*$/, '')).filter((word) => !KIND.has(word) && !/^\d+$/.test(word));
}

function majority(votes: ReadonlyMap<string, number>): string | undefined {
  const [first, second] = [...votes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return first === undefined || first[1] === second?.[1] ? undefined : first[0];
}

function readRules(text: string): { readonly named: Rule[]; readonly code: Rule[] } {
  const named: Rule[] = [];
  const code: Rule[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(?:^|\s)#.*$/, '').trim();
    const table = /^"?([\w.*$-]+)"?\s*:\s+(\S.*)$/.exec(line);
    const path = /^([^\s[^!]\S*)\s+(\S+)/.exec(line);
    if (table?.[1] !== undefined && table[2] !== undefined) {
      named.push({ owner: table[2].trim(), matches: wildcard(table[1]), pattern: table[1] });
    } else if (path?.[1] !== undefined && path[2] !== undefined) {
      code.push({ owner: path[2], matches: pathPattern(path[1]), pattern: path[1] });
    }
  }
  return { named, code };
}

const escaped = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);

function wildcard(pattern: string): (text: string) => boolean {
  const expression = new RegExp(`^${escaped(pattern).replaceAll('*', '.*')}$`, 'i');
  return (text) => expression.test(text);
}

/** A pattern of CODEOWNERS, which is one of gitignore: `/` in front ties it to the root, at the end it is a folder. */
function pathPattern(pattern: string): (path: string) => boolean {
  const rooted = pattern.slice(0, -1).includes('/');
  const body = escaped(pattern.replace(/^\//, '').replace(/\/$/, ''))
    .replaceAll('**/', '\0')
    .replaceAll('**', '\u0001')
    .replaceAll('*', '[^/]*')
    .replaceAll('\0', '(?:.*/)?')
    .replaceAll('\u0001', '.*');
  const expression = new RegExp(`^${rooted ? '' : '(?:.*/)?'}${body}(?:/.*)?$`);
  return (path) => expression.test(path.replace(/^\//, ''));
}

/** Tables of one owner; the more an owner has, the less it says of any two of them. */
export function ownerPairs(owners: readonly (string | undefined)[]): PairWeights {
  const pairs = new PairWeights(owners.length);
  const groups = new Map<string, number[]>();
  owners.forEach((owner, index) => {
    if (owner !== undefined) append(groups, owner, index);
  });
  for (const members of groups.values()) {
    members.forEach((a, i) => {
      for (const b of members.slice(i + 1)) pairs.add(a, b, 1 / Math.sqrt(members.length - 1));
    });
  }
  return pairs;
}
