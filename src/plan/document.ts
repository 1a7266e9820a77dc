import { LineCounter, parseDocument } from 'yaml';
import { Type, type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { BanyanError, messageOf } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { DEEPEST, isDeeper } from './nesting.ts';
import { readPlainYaml } from './plain-yaml.ts';
import { isNestedDeeper } from './yaml-nesting.ts';

/** One thing wrong with a document. */
export interface DocumentIssue {
  /** `schema_changes[0].table`; empty: the document as a whole. */
  readonly path: string;
  /** From 1; absent where the document could not be read so far. */
  readonly line?: number;
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

export interface ReadDocumentOptions<T extends TSchema> {
  /** What it is called in messages: a file's path. */
  readonly file: string;
  /** JSON or YAML. */
  readonly text: string;
  readonly schema: T;
  /** What the schema can not say. */
  readonly check?: (value: Static<T>) => readonly Omit<DocumentIssue, 'line'>[];
}

export interface ReadDocument<T> {
  readonly value: T;
  /** Keys that nobody reads, by their path, with the one that may have been meant. */
  readonly unknown: readonly { readonly path: string; readonly near?: string }[];
}

/** At most so many issues are told at once. */
const MOST_SHOWN = 20;

/** So long a document is still read, in signs: 64 MiB. Read, it takes some six times as much memory. */
export const LONGEST_DOCUMENT = 64 * 1024 * 1024;

/** The library of YAML takes seventy times the text in memory, so that longer ones are not given to it. */
const LONGEST_FOR_LIBRARY = 16 * 1024 * 1024;

/**
 * Reads a document of the planning family. Keys that the schema does not know are kept: files of other tools are
 * supersets of ours.
 * @throws BANYAN_DOCUMENT with file, key, found and expected for each issue; `details.issues` has them all.
 */
export function readDocument<T extends TSchema>({ file, text, schema, check }: ReadDocumentOptions<T>): ReadDocument<Static<T>> {
  const value = parseText(file, text);
  const issues: DocumentIssue[] = [];
  if (Value.Check(schema, value)) {
    issues.push(...(check?.(value) ?? []));
    if (issues.length === 0) return { value, unknown: unknownKeys(schema, value, '') };
  } else {
    for (const error of Value.Errors(schema, value)) issues.push(...issueOf(schema, value, error));
  }
  throw documentError(file, withLines(text, issues));
}

/** The error that lists these issues of a file. */
export function documentError(file: string, issues: readonly DocumentIssue[]): BanyanError {
  const lines = issues.slice(0, MOST_SHOWN).map(({ path, line, found, expected, hint }) => {
    const where = line === undefined ? file : `${file}:${line}`;
    return `${where}: ${path === '' ? '' : `${path}: `}found ${found}; expected ${expected}.${hint === undefined ? '' : ` ${hint}`}`;
  });
  if (issues.length > MOST_SHOWN) lines.push(`and ${issues.length - MOST_SHOWN} more`);
  return new BanyanError('BANYAN_DOCUMENT', { message: lines.join('\n'), details: { file, issues } });
}

/**
 * JSON where it is, since that is read many times as fast; else YAML, whose errors name their lines.
 * @throws BANYAN_DOCUMENT
 */
export function parseText(file: string, text: string): unknown {
  const plain = text.charCodeAt(0) === 0xfe_ff ? text.slice(1) : text;
  if (plain.length > LONGEST_DOCUMENT) throw tooLong(file, LONGEST_DOCUMENT);
  if (plain.includes('\0')) throw documentError(file, [{ path: '', found: 'binary content', expected: 'JSON or YAML text' }]);
  const value = /^\s*[[{"]/.test(plain) ? asJson(file, plain) : asYaml(file, plain);
  if (isDeeper(value)) throw tooDeep(file);
  return value;
}

/** YAML may begin like JSON; what is too long for its library is taken for JSON with a mistake in it. */
function asJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (text.length <= LONGEST_FOR_LIBRARY / 16) return asYaml(file, text);
    const position = Number(/position (\d+)/.exec(messageOf(error))?.[1] ?? text.length);
    throw documentError(file, [{ path: '', line: text.slice(0, position).split('\n').length, found: 'what is no JSON', expected: 'JSON, or YAML in its indented form' }]);
  }
}

function asYaml(file: string, text: string): unknown {
  const lines = new LineCounter();
  try {
    const plain = readPlainYaml(text);
    if (plain) return plain.value;
    if (text.length > LONGEST_FOR_LIBRARY) throw tooLong(file, LONGEST_FOR_LIBRARY, 'Without anchors, aliases and tags, or as JSON, it may be longer.');
    if (isNestedDeeper(text, DEEPEST)) throw tooDeep(file);
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    const [error] = document.errors;
    if (error) throw documentError(file, [{ path: '', line: lines.linePos(error.pos[0]).line, found: error.message.split('\n')[0] ?? '', expected: 'JSON or YAML' }]);
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof BanyanError) throw error;
    throw documentError(file, [{ path: '', found: messageOf(error), expected: 'JSON or YAML' }]);
  }
}

function tooDeep(file: string): BanyanError {
  return documentError(file, [{ path: '', found: `more than ${DEEPEST} levels of nesting`, expected: 'a document of this form' }]);
}

/** What is longer than it may be. */
export function tooLong(file: string, most: number, hint?: string): BanyanError {
  const size = `${most / 1024 / 1024} MiB`;
  return documentError(file, [{ path: '', found: `more than ${size}`, expected: `at most ${size}`, ...(hint === undefined ? {} : { hint }) }]);
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly params: object;
}

function issueOf(root: TSchema, document: unknown, { keyword, instancePath, schemaPath, params }: SchemaError): DocumentIssue[] {
  const parts = pointerParts(instancePath);
  if (keyword === 'required') {
    const owner = schemaAt(root, schemaPath);
    return strings(Reflect.get(params, 'requiredProperties')).map((name) => ({
      path: pathText([...parts, name]), found: 'nothing', expected: expectedOf(Type.IsObject(owner) ? owner.properties[name] : undefined),
    }));
  }
  const value = valueAt(document, parts);
  return [{ path: pathText(parts), found: describe(value), expected: expectedOf(schemaAt(root, schemaPath)) }];
}

/** Whatever the schema refuses stands at the place where the pointer leads. */
function schemaAt(root: TSchema, pointer: string): TSchema | undefined {
  const found = valueAt(root, pointerParts(pointer.replace(/^#/, '')));
  return typeof found === 'object' && found !== null ? found : undefined;
}

function valueAt(root: unknown, parts: readonly string[]): unknown {
  let value = root;
  for (const part of parts) value = typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? Reflect.get(value, part) : undefined;
  return value;
}

function pointerParts(pointer: string): string[] {
  return pointer === '' ? [] : pointer.slice(1).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pathText(parts: readonly string[]): string {
  return parts.map((part, i) => (/^\d+$/.test(part) ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** What a schema accepts, in words that complete "expected …". */
function expectedOf(schema: TSchema | undefined): string {
  if (schema === undefined) return 'something';
  const { description } = schema as { readonly description?: unknown };
  const words = Type.IsEnum(schema) ? `one of ${schema.enum.join(', ')}`
    : Type.IsInteger(schema) ? 'a whole number'
      : Type.IsNumber(schema) ? 'a number'
        : Type.IsBoolean(schema) ? 'true or false'
          : Type.IsArray(schema) ? 'a list'
            : Type.IsObject(schema) || Type.IsRecord(schema) ? 'an object'
              : Type.IsUnion(schema) ? schema.anyOf.map(expectedOf).join(', or ')
                : 'a text';
  return typeof description === 'string' ? `${words} (${description})` : words;
}

const LONGEST_SHOWN = 60;

function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return value === '' ? 'an empty text' : JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value);
  return `${typeof value === 'number' ? 'the number ' : ''}${JSON.stringify(value)}`;
}

function unknownKeys(schema: TSchema, value: unknown, path: string): { readonly path: string; readonly near?: string }[] {
  if (Type.IsArray(schema) && Array.isArray(value)) return value.flatMap((each, i) => unknownKeys(schema.items, each, `${path}[${i}]`));
  if (!Type.IsObject(schema) || typeof value !== 'object' || value === null) return [];
  const known = Object.keys(schema.properties);
  // An object of which nothing is said may hold anything.
  if (known.length === 0) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const property = schema.properties[name];
    if (property) return unknownKeys(property, each, at);
    const near = nearest(name, known);
    return [{ path: at, ...(near === undefined ? {} : { near }) }];
  });
}

/** The line of each issue's key, or of the nearest thing around it that is there. */
function withLines(text: string, issues: readonly DocumentIssue[]): DocumentIssue[] {
  if (text.length > 5_000_000) return [...issues];
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  return issues.map((issue) => {
    const parts = issue.path.split(/[.[\]]+/).filter((part) => part !== '').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    for (let length = parts.length; length >= 0; length--) {
      const node: unknown = length === 0 ? document.contents : document.getIn(parts.slice(0, length), true);
      const range: unknown = typeof node === 'object' && node !== null ? Reflect.get(node, 'range') : undefined;
      if (Array.isArray(range) && typeof range[0] === 'number') return { ...issue, line: lines.linePos(range[0]).line };
    }
    return issue;
  });
}
