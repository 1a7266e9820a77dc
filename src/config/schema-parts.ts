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

/** Who is posted to: what every webhook of the file has, around what is its own. */
export function webhooks<P extends TProperties>(own: P, description: string) {
  return Type.Record(
    Type.String(),
    section({
      format: choice(['generic', 'slack', 'pagerduty'], "Whose form it has: Banyan's own JSON, Slack's incoming webhooks, PagerDuty's Events API v2.", { default: 'generic' }),
      url: Type.Optional(text('http-url', "Where it is posted to; never logged. Default with `pagerduty`: PagerDuty's.")),
      routingKey: Type.Optional(text('text', 'The integration key of a PagerDuty service.')),
      ...own,
      timeoutMs: whole('Milliseconds until an answer.', { minimum: 1, default: 10_000 }),
    }),
    { default: {}, format: 'name', description },
  );
}
