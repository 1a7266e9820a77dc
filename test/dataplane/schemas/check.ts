import { Errors } from 'typebox/schema';
import envoy from './envoy.json' with { type: 'json' };

interface Field {
  readonly type: string;
  readonly repeated?: true;
  readonly map?: true;
  readonly oneof?: string;
  readonly rules?: Readonly<Record<string, unknown>>;
}

const MESSAGES = envoy.messages as Readonly<Record<string, Readonly<Record<string, Field>>>>;
const ENUMS = envoy.enums as Readonly<Record<string, readonly string[]>>;

/** What is wrong with a value as the JSON of a message of Envoy: unknown fields, types, lengths, two of a choice. */
export function envoyErrors(message: string, value: unknown, at = message): string[] {
  const fields = MESSAGES[message];
  if (!fields) return [`${at}: ${message} is not among the extracted messages; run extract.mjs`];
  if (!isObject(value)) return [`${at}: no object`];
  const chosen = new Map<string, string>();
  const errors: string[] = [];
  for (const [key, each] of Object.entries(value)) {
    if (key === '@type') continue;
    const field = fields[key];
    if (!field) {
      errors.push(`${at}: ${message} has no field ${key}`);
      continue;
    }
    if (field.oneof !== undefined) {
      const other = chosen.get(field.oneof);
      if (other !== undefined) errors.push(`${at}: ${key} and ${other} exclude each other`);
      chosen.set(field.oneof, key);
    }
    if (field.repeated !== Array.isArray(each) && (field.repeated === true || Array.isArray(each))) errors.push(`${at}.${key}: list or not`);
    for (const one of Array.isArray(each) ? (each as unknown[]) : [each]) errors.push(...fieldErrors(field, one, `${at}.${key}`));
  }
  for (const [key, { rules }] of Object.entries(fields)) {
    const missing = value[key] === undefined;
    if (missing && (Number(rules?.['(validate.rules).string.min_len'] ?? 0) > 0 || Number(rules?.['(validate.rules).repeated.min_items'] ?? 0) > 0)) {
      if (fields[key]?.oneof === undefined) errors.push(`${at}: lacks ${key}`);
    }
  }
  return errors;
}

function fieldErrors({ type, rules }: Field, value: unknown, at: string): string[] {
  const wrong = [`${at}: ${JSON.stringify(value)} is no ${type}`];
  if (type === 'google.protobuf.Any') return isObject(value) ? envoyErrors(String(value['@type']).split('/')[1] ?? '', value, at) : wrong;
  if (type === 'google.protobuf.Duration') return typeof value === 'string' && /^\d+(\.\d+)?s$/.test(value) ? [] : wrong;
  if (type === 'google.protobuf.BoolValue' || type === 'bool') return typeof value === 'boolean' ? [] : wrong;
  if (type in ENUMS) return ENUMS[type]?.includes(String(value)) === true ? [] : wrong;
  if (type === 'string') return typeof value === 'string' && value.length >= Number(rules?.['(validate.rules).string.min_len'] ?? 0) ? [] : wrong;
  if (/^(u?int|s?fixed)(32|64)$/.test(type)) return Number.isInteger(value) && Number(value) <= Number(rules?.[`(validate.rules).${type}.lte`] ?? Infinity) ? [] : wrong;
  return envoyErrors(type, value, at);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with the `spec` of a custom resource. A field that the schema does not know is wrong too: a server would drop it unsaid. */
export function specErrors(schema: object, spec: unknown): string[] {
  return [
    ...Errors(schema, spec)[1].map((error) => `${error.instancePath}: ${error.message}`),
    ...unknownFields(schema, spec, 'spec'),
  ];
}

function unknownFields(schema: unknown, value: unknown, at: string): string[] {
  if (!isObject(schema)) return [];
  if (Array.isArray(value)) return value.flatMap((each, index) => unknownFields(schema['items'], each, `${at}[${index}]`));
  const { properties } = schema;
  if (!isObject(value) || (!isObject(properties) && schema['additionalProperties'] === undefined)) return [];
  const others = schema['additionalProperties'];
  // Anything may stand there.
  if (isObject(properties) && Object.keys(properties).length === 0 && others === undefined) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const known = (isObject(properties) ? properties[key] : undefined) ?? (isObject(others) ? others : undefined);
    return known === undefined ? [`${at}: unknown field ${key}`] : unknownFields(known, each, `${at}.${key}`);
  });
}
