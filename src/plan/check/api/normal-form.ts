import type { Bound, BoundName } from './schema-view.ts';

/*
 * Schemas may say the same in several ways, and say what has no meaning for the types that they allow.
 */

const TYPES_OF: Readonly<Record<BoundName, readonly string[]>> = {
  minLength: ['string'], maxLength: ['string'], minimum: ['number', 'integer'], maximum: ['number', 'integer'],
  minItems: ['array'], maxItems: ['array'], minProperties: ['object'], maxProperties: ['object'],
};

/** The limits that limit something. Of whole numbers, more than 0 is at least 1. */
export function normalBounds(bounds: ReadonlyMap<BoundName, Bound>, types: ReadonlySet<string>): ReadonlyMap<BoundName, Bound> {
  if (bounds.size === 0) return bounds;
  const whole = types.has('integer') && !types.has('number');
  return new Map([...bounds].filter(([name, { value }]) => TYPES_OF[name].some((type) => types.has(type)) && !(value <= 0 && /^min[LIP]/.test(name))).map(([name, bound]) => [name, whole ? wholeBound(name, bound) : bound]));
}

function wholeBound(name: BoundName, { value, exclusive }: Bound): Bound {
  if (name === 'minimum') return { value: exclusive ? Math.floor(value) + 1 : Math.ceil(value), exclusive: false };
  if (name === 'maximum') return { value: exclusive ? Math.ceil(value) - 1 : Math.floor(value), exclusive: false };
  return { value, exclusive };
}

/** The values that their types allow; undefined where that is all there are. */
export function normalValues(values: ReadonlyMap<string, unknown> | undefined, types: ReadonlySet<string>): ReadonlyMap<string, unknown> | undefined {
  if (!values || types.size === 0) return undefined;
  const possible = new Map([...values].filter(([, value]) => isOf(value, types)));
  return types.size === 1 && types.has('boolean') && possible.size === 2 ? undefined : possible;
}

function isOf(value: unknown, types: ReadonlySet<string>): boolean {
  if (Array.isArray(value)) return types.has('array');
  return typeof value === 'number' ? types.has('number') || (Number.isInteger(value) && types.has('integer')) : types.has(typeof value);
}
