import { Type, type TSchema } from 'typebox';
import { fileSchema } from './schema.ts';

/**
 * The JSON Schema (draft 2020-12) of banyan.yaml, for editors: what has a default may be left out,
 * an empty section is allowed, and any value may be written as `${NAME}`.
 */
export function configJsonSchema(): Record<string, unknown> {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...forEditors(fileSchema) };
}

function forEditors(schema: TSchema): Record<string, unknown> {
  // Banyan's own formats and TypeBox's own marks mean nothing to an editor.
  const { format: _format, ...rest } = plainCopy(schema);
  if (Type.IsObject(schema)) {
    const required = Object.entries(schema.properties).filter(([, property]) => !Type.IsOptional(property) && !('default' in property));
    const object = {
      ...rest,
      properties: Object.fromEntries(Object.entries(schema.properties).map(([name, property]) => [name, forEditors(property)])),
      required: required.map(([name]) => name),
    };
    return 'default' in schema ? { ...object, type: ['object', 'null'] } : object;
  }
  if (Type.IsRecord(schema)) {
    const { patternProperties: _patterns, ...record } = rest;
    return { ...record, type: ['object', 'null'], additionalProperties: forEditors(Type.RecordValue(schema)) };
  }
  if (Type.IsArray(schema)) return { ...rest, items: forEditors(schema.items) };
  if (Type.IsUnion(schema)) return { ...rest, anyOf: schema.anyOf.map(forEditors) };
  if (Type.IsString(schema)) return rest;
  const { description, default: fallback, ...kind } = rest;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [kind, { type: 'string', pattern: '\\$\\{' }],
  };
}

function plainCopy(schema: TSchema): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !key.startsWith('~')));
}
