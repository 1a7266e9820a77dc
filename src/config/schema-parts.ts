import { Type, type TProperties, type TSchema, type TObjectOptions } from 'typebox';
import type { FormatName } from './formats.ts';

/*
 * What the sections of banyan.yaml are built of.
 */

/** A mapping that knows all its keys. With `default: {}` it may be left out of the file. */
export function section<P extends TProperties>(properties: P, options: TObjectOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

export function text(format: FormatName, description: string, options: { readonly default?: string } = {}) {
  return Type.String({ format, description, ...options });
}

export function listOf<T extends TSchema>(items: T, description: string, options: { readonly minItems?: number; readonly default?: readonly never[] } = {}) {
  return Type.Array(items, { description, ...options });
}

export function whole(description: string, options: { readonly minimum: number; readonly maximum?: number; readonly default: number }) {
  return Type.Integer({ description, ...options });
}

export function choice<const V extends string[]>(values: readonly [...V], description: string, options: { readonly default?: V[number] } = {}) {
  return Type.Enum(values, { description, ...options });
}
