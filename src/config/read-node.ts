import { isAlias, isMap, isScalar, isSeq, type Document, type LineCounter, type Node, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import { Type, type TObject, type TRecord, type TSchema } from 'typebox';
import { BanyanError } from '../core/errors.ts';
import { describeNode, describeValue, expectedOf, formatOf, numberOf } from './describe.ts';
import { expandEnvironment } from './expand.ts';
import { showPath, type ConfigIssue, type Path } from './issue.ts';
import { maskText } from './mask.ts';
import { nearest } from '../core/nearest.ts';

/** What one reading of a file shares. */
export interface Reading {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly issues: ConfigIssue[];
  /** Where each value stands, by its shown path, for the checks that come after. */
  readonly positions: Map<string, Position>;
}

/** A place in the file, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Stands for a value that was refused. The reading as a whole fails, so nobody meets it. */
const REFUSED = undefined;

/**
 * Reads a YAML node as `schema` says, with defaults filled in and `${ENV}` expanded. What does not
 * fit is added to `reading.issues`. The schema is finite, so an alias that contains itself ends too.
 */
export function readNode(reading: Reading, node: unknown, schema: TSchema, path: Path): unknown {
  const resolved = isAlias(node) ? node.resolve(reading.document) : node;
  if (isYamlNode(node)) reading.positions.set(showPath(path), positionOf(reading, node));
  if (isAlias(node) && resolved === undefined) {
    return addIssue(reading, node, path, { found: `the alias *${maskText(node.source)} without its anchor`, expected: expectedOf(schema) });
  }
  const refuse = () => addIssue(reading, node, path, { found: describeNode(resolved), expected: expectedOf(schema) });
  const empty = resolved === null || resolved === undefined || (isScalar(resolved) && resolved.value === null);
  if (empty && 'default' in schema) return defaultOf(schema);
  if (Type.IsObject(schema)) return isMap(resolved) ? readSection(reading, resolved, schema, path) : refuse();
  if (Type.IsRecord(schema)) return isMap(resolved) ? readRecord(reading, resolved, schema, path) : refuse();
  if (Type.IsArray(schema)) return isSeq(resolved) ? readList(reading, resolved, schema, path) : refuse();
  if (Type.IsUnion(schema)) {
    const wanted = schema.anyOf.find((variant) => {
      if (isMap(resolved)) return Type.IsObject(variant) || Type.IsRecord(variant);
      if (isSeq(resolved)) return Type.IsArray(variant);
      return isScalar(resolved) && !Type.IsObject(variant) && !Type.IsRecord(variant) && !Type.IsArray(variant);
    });
    return wanted === undefined ? refuse() : readNode(reading, resolved, wanted, path);
  }
  return isScalar(resolved) ? readScalar(reading, resolved, schema, path) : refuse();
}

function readSection(reading: Reading, node: YAMLMap, schema: TObject, path: Path): unknown {
  const given = new Map<string, Pair>();
  const known = Object.keys(schema.properties);
  for (const pair of node.items) {
    const key = keyOf(reading, pair, path);
    if (key === undefined) continue;
    if (known.includes(key)) {
      given.set(key, pair);
      continue;
    }
    const near = nearest(key, known);
    addIssue(reading, pair.key, [...path, key], {
      found: `the unknown key "${maskText(key)}"`,
      expected: `one of ${known.join(', ')}`,
      ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
    });
  }
  refuseCount(reading, node, schema, path, given.size);
  const entries: [string, unknown][] = [];
  for (const [name, property] of Object.entries(schema.properties)) {
    const at = [...path, name];
    const pair = given.get(name);
    if (pair !== undefined) entries.push([name, readNode(reading, pair.value, property, at)]);
    else if ('default' in property) entries.push([name, defaultOf(property)]);
    else if (!Type.IsOptional(property)) {
      addIssue(reading, node, at, { found: 'nothing', expected: expectedOf(property) });
    }
  }
  return Object.fromEntries(entries);
}

function readRecord(reading: Reading, node: YAMLMap, schema: TRecord, path: Path): unknown {
  const format = formatOf(schema);
  const value = Type.RecordValue(schema);
  refuseCount(reading, node, schema, path, node.items.length);
  const entries: [string, unknown][] = [];
  for (const pair of node.items) {
    const key = keyOf(reading, pair, path);
    if (key === undefined) continue;
    const reason = format?.refuse(key);
    if (format !== undefined && reason !== undefined) {
      addIssue(reading, pair.key, [...path, key], { found: `the key "${maskText(key)}"`, expected: format.expected });
      continue;
    }
    entries.push([key, readNode(reading, pair.value, value, [...path, key])]);
  }
  return Object.fromEntries(entries);
}

function readList(reading: Reading, node: YAMLSeq, schema: TSchema & { items: TSchema }, path: Path): unknown {
  refuseCount(reading, node, schema, path, node.items.length);
  return node.items.map((item, index) => readNode(reading, item, schema.items, [...path, index]));
}

/** `minItems`, `minProperties` and `maxProperties`, which a file can violate by writing too little or too much. */
function refuseCount(reading: Reading, node: Node, schema: TSchema, path: Path, count: number): void {
  const least = numberOf(schema, 'minItems') ?? numberOf(schema, 'minProperties') ?? 0;
  const most = numberOf(schema, 'maxProperties') ?? Number.POSITIVE_INFINITY;
  if (count >= least && count <= most) return;
  const found = isSeq(node) ? (count === 0 ? 'an empty list' : `a list of ${count}`) : count === 0 ? 'no key' : `${count} keys`;
  addIssue(reading, node, path, { found, expected: expectedOf(schema) });
}

function readScalar(reading: Reading, node: Scalar, schema: TSchema, path: Path): unknown {
  const written = node.value;
  if (typeof written !== 'string' || !written.includes('${')) return checkScalar(reading, node, schema, path, written, undefined);
  const { text, missing, malformed } = expandEnvironment(written, reading.env);
  if (malformed !== undefined) {
    return addIssue(reading, node, path, { found: `"${maskText(malformed)}"`, expected: '${NAME} or ${NAME:-default} ($${ for a literal ${)' });
  }
  const [first] = missing;
  if (first !== undefined) {
    return addIssue(reading, node, path, {
      found: `the environment variable ${first}, which is not set`,
      expected: `${expectedOf(schema)}; set ${first}, or write \${${first}:-default}`,
    });
  }
  // YAML has made a string of `${PORT}`; where a number or a truth value is expected, read the text again.
  return checkScalar(reading, node, schema, path, retype(text, schema), maskText(written));
}

function retype(text: string, schema: TSchema): string | number | boolean {
  if ((Type.IsInteger(schema) || Type.IsNumber(schema)) && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (Type.IsBoolean(schema) && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** @param expandedFrom what the file says, when the value came from the environment: the value itself is never shown. */
function checkScalar(reading: Reading, node: Scalar, schema: TSchema, path: Path, value: unknown, expandedFrom: string | undefined): unknown {
  const refuseValue = (why?: string) =>
    addIssue(reading, node, path, {
      found: expandedFrom === undefined ? (why ?? describeValue(value)) : `the value of "${expandedFrom}"`,
      expected: expectedOf(schema),
      ...hintFor(schema, expandedFrom === undefined ? value : undefined),
    });
  if (Type.IsEnum(schema)) return schema.enum.some((allowed) => allowed === value) ? value : refuseValue();
  if (Type.IsInteger(schema) || Type.IsNumber(schema)) {
    const fits =
      typeof value === 'number' &&
      Number.isFinite(value) &&
      (!Type.IsInteger(schema) || Number.isSafeInteger(value)) &&
      value >= (numberOf(schema, 'minimum') ?? Number.NEGATIVE_INFINITY) &&
      value <= (numberOf(schema, 'maximum') ?? Number.POSITIVE_INFINITY);
    return fits ? value : refuseValue();
  }
  if (Type.IsBoolean(schema)) return typeof value === 'boolean' ? value : refuseValue();
  if (!Type.IsString(schema)) {
    throw new BanyanError('BANYAN_INTERNAL', { message: `The configuration's schema has a kind that is not read, at ${showPath(path)}.` });
  }
  if (typeof value !== 'string') return refuseValue();
  const reason = formatOf(schema)?.refuse(value);
  if (reason === undefined) return value;
  return refuseValue(schemaHoldsUrl(schema) ? reason : undefined);
}

function schemaHoldsUrl(schema: TSchema): boolean {
  return 'format' in schema && (schema.format === 'database-url' || schema.format === 'http-url');
}

function hintFor(schema: TSchema, value: unknown): { hint?: string } {
  if (!Type.IsEnum(schema) || typeof value !== 'string') return {};
  const near = nearest(value, schema.enum.map(String));
  return near === undefined ? {} : { hint: `Did you mean "${near}"?` };
}

function defaultOf(schema: TSchema): unknown {
  // A section's default is an empty mapping, in which every key has its own default.
  if (!Type.IsObject(schema)) return structuredClone('default' in schema ? schema.default : undefined);
  const properties = Object.entries(schema.properties).filter(([, property]) => 'default' in property);
  return Object.fromEntries(properties.map(([name, property]) => [name, defaultOf(property)]));
}

function keyOf(reading: Reading, pair: Pair, path: Path): string | undefined {
  const key: unknown = isAlias(pair.key) ? pair.key.resolve(reading.document) : pair.key;
  if (isScalar(key)) return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
  addIssue(reading, key, path, { found: `${describeNode(key)} as a key`, expected: 'a text as a key' });
  return undefined;
}

function addIssue(reading: Reading, node: unknown, path: Path, issue: Pick<ConfigIssue, 'found' | 'expected' | 'hint'>): typeof REFUSED {
  const parent = showPath(path.slice(0, -1));
  const position = isYamlNode(node) ? positionOf(reading, node) : (reading.positions.get(showPath(path)) ?? reading.positions.get(parent) ?? { line: 1, column: 1 });
  reading.issues.push({ ...position, path: maskText(showPath(path)), ...issue });
  return REFUSED;
}

function isYamlNode(node: unknown): node is Node {
  return isMap(node) || isSeq(node) || isScalar(node) || isAlias(node);
}

function positionOf(reading: Reading, node: Node): Position {
  const { line, col } = reading.lines.linePos(node.range?.[0] ?? 0);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
