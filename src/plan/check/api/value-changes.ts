import { BOUNDS, isTighter, type Bound, type BoundName, type SchemaView } from './schema-view.ts';
import { canonical } from './form.ts';
import { NO_CONDITIONS } from './schema-conditions.ts';
import type { MessageSide, Place } from './schema-rules.ts';

/** A change of a schema; its rule is the place and this id. */
export interface SchemaChange {
  readonly id: string;
  /** Below the schema's own path. */
  readonly at?: string;
  readonly description: string;
  readonly old?: unknown;
  readonly fresh?: unknown;
}

interface Both {
  readonly old: SchemaView;
  readonly fresh: SchemaView;
}

interface Standing extends Both {
  readonly root: boolean;
  readonly place: Place | MessageSide;
}

/** What two schemas say of a value itself. `comparable`: whether it makes sense to look into its parts. */
export function valueChanges({ old, fresh, root, place }: Standing): { readonly changes: readonly SchemaChange[]; readonly comparable: boolean } {
  const type = typeChange({ old, fresh, root, place });
  const comparable = type?.id !== 'type-changed' && type?.id !== 'schema-changed' && (type === undefined || (!isWhatever(old) && !isWhatever(fresh)));
  const always = [...(type ? [type] : []), ...nullability({ old, fresh })];
  if (!comparable) return { comparable, changes: type ? [type] : [] };
  return {
    comparable,
    changes: [...always, ...formatChanges({ old, fresh }), ...valueListChanges({ old, fresh }), ...BOUNDS.flatMap((name) => boundChanges(name, { old, fresh })), ...setChanges({ old, fresh }), ...defaultChanges({ old, fresh }), ...discriminatorChanges({ old, fresh }), ...flagChanges({ old, fresh })],
  };
}

function isAny({ types }: SchemaView): boolean {
  return types.size === 6;
}

/** Any value, and nothing is said of its parts. */
function isWhatever(view: SchemaView): boolean {
  return isAny(view) && view.choices.length === 0 && view.conditions === NO_CONDITIONS && view.properties.size === 0 && view.required.size === 0 && view.additional === true && view.items === undefined && view.tuple.length === 0 && view.bounds.size === 0;
}

/** What stands in an address, a header or a cookie is text, so that a text takes in whatever is no list and no object. */
const TEXTUAL: ReadonlySet<string> = new Set(['string', 'number', 'integer', 'boolean']);

function typeChange({ old, fresh, root, place }: Standing): SchemaChange | undefined {
  const written = root && (place === 'parameter' || place === 'response-header');
  const allows = ({ types }: SchemaView, type: string): boolean => types.has(type) || (written && types.has('string') && TEXTUAL.has(type));
  const [more, fewer] = [[...fresh.types].some((type) => !allows(old, type)), [...old.types].some((type) => !allows(fresh, type))];
  if (!more && !fewer) return undefined;
  const [from, to] = [typeText(old), typeText(fresh)];
  const id = more && fewer ? (root ? 'schema-changed' : 'type-changed') : more ? 'type-widened' : 'type-narrowed';
  return { id, description: `the type ${from} has become ${to}`, old: from, fresh: to };
}

function typeText(view: SchemaView): string {
  if (isAny(view)) return 'any';
  const types = [...view.types].filter((type) => type !== 'integer' || !view.types.has('number'));
  return types.length === 0 ? 'nothing' : types.toSorted().join(' or ');
}

function nullability({ old, fresh }: Both): SchemaChange[] {
  if (old.nullable === fresh.nullable) return [];
  return [{ id: fresh.nullable ? 'made-nullable' : 'made-not-nullable', description: fresh.nullable ? 'null is possible now' : 'null is no longer possible', old: old.nullable, fresh: fresh.nullable }];
}

/** Formats whose values are all of another one. */
const WIDER: Readonly<Record<string, string>> = { int32: 'int64', float: 'double' };

function formatChanges({ old, fresh }: Both): SchemaChange[] {
  const [from, to] = [[...old.formats].toSorted().join(' and '), [...fresh.formats].toSorted().join(' and ')];
  if (from === to) return [];
  const id = from === '' ? 'format-added' : to === '' ? 'format-removed' : WIDER[from] === to ? 'format-widened' : WIDER[to] === from ? 'format-narrowed' : 'format-changed';
  return [{ id, description: `the format ${from || 'none'} has become ${to || 'none'}`, ...(from ? { old: from } : {}), ...(to ? { fresh: to } : {}) }];
}

function valueListChanges({ old: { values: from }, fresh: { values: to } }: Both): SchemaChange[] {
  if (!from && !to) return [];
  if (!from || !to) {
    const values = [...(from ?? to ?? []).values()];
    return [from ? { id: 'enum-removed', description: 'any value is possible where there was a list of values', old: values } : { id: 'enum-added', description: 'only listed values are possible now', fresh: values }];
  }
  return [
    ...[...from].filter(([key]) => !to.has(key)).map(([key, value]) => ({ id: 'enum-value-removed', description: `the value ${key.slice(0, 80)} was removed`, old: value })),
    ...[...to].filter(([key]) => !from.has(key)).map(([key, value]) => ({ id: 'enum-value-added', description: `the value ${key.slice(0, 80)} was added`, fresh: value })),
  ];
}

function boundChanges(name: BoundName, { old, fresh }: Both): SchemaChange[] {
  const [from, to] = [old.bounds.get(name), fresh.bounds.get(name)];
  if (from?.value === to?.value && from?.exclusive === to?.exclusive) return [];
  const tighter = from === undefined || (to !== undefined && isTighter(name, to, from));
  const raised = tighter === name.startsWith('min');
  const [was, is] = [boundText(from), boundText(to)];
  return [{ id: `${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}-${raised ? 'raised' : 'lowered'}`, description: `${name} ${was} has become ${is}`, ...(from ? { old: from.value } : {}), ...(to ? { fresh: to.value } : {}) }];
}

function boundText(bound: Bound | undefined): string {
  return bound === undefined ? 'none' : `${bound.value}${bound.exclusive ? ' (exclusive)' : ''}`;
}

function setChanges({ old, fresh }: Both): SchemaChange[] {
  const sets = [
    { id: 'pattern', from: [...old.patterns].toSorted(), to: [...fresh.patterns].toSorted() },
    { id: 'multiple-of', from: [...old.multiples].toSorted((a, b) => a - b), to: [...fresh.multiples].toSorted((a, b) => a - b) },
  ];
  return [
    ...sets.flatMap(({ id, from, to }) => {
      if (canonical(from) === canonical(to)) return [];
      const what = from.length === 0 ? 'added' : to.length === 0 ? 'removed' : multipleChange(from, to);
      return [{ id: `${id}-${what}`, description: `the ${id.replace('-', ' ')} ${from.join(' and ') || 'none'} has become ${to.join(' and ') || 'none'}`, ...(from.length > 0 ? { old: from.join(' and ') } : {}), ...(to.length > 0 ? { fresh: to.join(' and ') } : {}) }];
    }),
    ...[...new Set([...old.others.keys(), ...fresh.others.keys()])]
      .filter((keyword) => old.others.get(keyword) !== fresh.others.get(keyword))
      .map((keyword) => ({ id: 'keyword-changed', at: keyword, description: `the keyword ${keyword} says something else` })),
  ];
}

/** Every multiple of 10 is one of 5. Of several at once, and of patterns, it is not worked out. */
function multipleChange([from, ...more]: readonly (string | number)[], [to, ...others]: readonly (string | number)[]): 'relaxed' | 'tightened' | 'changed' {
  if (typeof from !== 'number' || typeof to !== 'number' || more.length + others.length > 0) return 'changed';
  const isWhole = (ratio: number): boolean => Number.isSafeInteger(Math.round(ratio)) && Math.abs(ratio - Math.round(ratio)) < 1e-9;
  return isWhole(from / to) ? 'relaxed' : isWhole(to / from) ? 'tightened' : 'changed';
}

function defaultChanges({ old: { default: from }, fresh: { default: to } }: Both): SchemaChange[] {
  if (!from && !to) return [];
  const [was, is] = [from && canonical(from.value), to && canonical(to.value)];
  if (was === is) return [];
  return [{ id: `default-${from === undefined ? 'added' : to === undefined ? 'removed' : 'changed'}`, description: `the default ${was?.slice(0, 80) ?? 'none'} has become ${is?.slice(0, 80) ?? 'none'}`, old: from?.value, fresh: to?.value }];
}

function discriminatorChanges({ old: { discriminator: from }, fresh: { discriminator: to } }: Both): SchemaChange[] {
  if (!from || !to) {
    if (from === to) return [];
    return [from ? { id: 'discriminator-removed', description: `the discriminator ${from.property} was removed`, old: from.property } : { id: 'discriminator-added', description: `the discriminator ${to?.property ?? ''} was added`, fresh: to?.property }];
  }
  if (from.property !== to.property) return [{ id: 'discriminator-changed', description: `the discriminator ${from.property} has become ${to.property}`, old: from.property, fresh: to.property }];
  return [...new Set([...from.mapping.keys(), ...to.mapping.keys()])].flatMap((name) => {
    const [was, is] = [from.mapping.get(name), to.mapping.get(name)];
    if (was === is) return [];
    const what = was === undefined ? 'added' : is === undefined ? 'removed' : 'changed';
    return [{ id: `discriminator-mapping-${what}`, description: `the discriminator's value ${name} was ${what}`, old: was, fresh: is }];
  });
}

function flagChanges({ old, fresh }: Both): SchemaChange[] {
  return [
    ...(old.uniqueItems === fresh.uniqueItems ? [] : [{ id: fresh.uniqueItems ? 'unique-items-added' : 'unique-items-removed', description: `items must ${fresh.uniqueItems ? 'be unique now' : 'no longer be unique'}`, old: old.uniqueItems, fresh: fresh.uniqueItems }]),
    ...(old.deprecated === fresh.deprecated ? [] : [{ id: fresh.deprecated ? 'property-deprecated' : 'property-undeprecated', description: fresh.deprecated ? 'it is deprecated now' : 'it is no longer deprecated', old: old.deprecated, fresh: fresh.deprecated }]),
  ];
}
