import type { JsonSchema } from './json-schema.ts';

/** Text as a TypeScript string literal. */
export function literal(text: string): string {
  const escaped = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replaceAll("'", "\\'")
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
  return `'${escaped}'`;
}

/** A property's name in an object literal or type. */
export function property(name: string): string {
  // Unquoted and quoted alike, __proto__ in a literal would set the prototype.
  if (name === '__proto__') return "['__proto__']";
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : literal(name);
}

/** Reads a property: `key.id`, `key['odd name']`. */
export function access(object: string, name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? `${object}.${name}` : `${object}[${literal(name)}]`;
}

/** A doc comment; what would end it early is broken up. */
export function docComment(text: string, indent = ''): string {
  const lines = text
    .trim()
    .replaceAll('*/', '* /')
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map((line) => line.trimEnd());
  if (lines.length === 1) return `${indent}/** ${lines[0] ?? ''} */`;
  return [`${indent}/**`, ...lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}`), `${indent} */`].join('\n');
}

/** A JSON value as a TypeScript expression. */
export function value(json: unknown): string {
  if (typeof json === 'string') return literal(json);
  if (Array.isArray(json)) return `[${json.map(value).join(', ')}]`;
  if (typeof json === 'object' && json !== null) {
    const entries = Object.entries(json).map(([name, member]) => `${property(name)}: ${value(member)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return JSON.stringify(json) ?? 'undefined';
}

const TYPE_NAMES: Readonly<Record<Exclude<NonNullable<JsonSchema['type']>, 'array'>, string>> = {
  boolean: 'Boolean',
  integer: 'Integer',
  number: 'Number',
  null: 'Null',
  string: 'String',
  object: 'Unknown',
};

/** A column's JSON schema as a TypeBox expression. */
export function typeBox(schema: JsonSchema): string {
  const { type, anyOf, items, enum: labels, properties: _properties, required: _required, additionalProperties: _closed, ...options } = schema;
  const rest = Object.keys(options).length === 0 ? '' : value(options);
  const call = (name: string, ...parts: string[]): string => `Type.${name}(${[...parts, rest].filter((part) => part !== '').join(', ')})`;
  if (anyOf) return call('Union', `[${anyOf.map(typeBox).join(', ')}]`);
  if (labels) return call('Enum', value(labels));
  if (type === 'array') return call('Array', typeBox(items ?? {}));
  return call(type === undefined ? 'Unknown' : TYPE_NAMES[type]);
}
