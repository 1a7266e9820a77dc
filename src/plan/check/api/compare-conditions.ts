import type { Part } from './compare-message-objects.ts';
import type { Conditions, Contained } from './schema-conditions.ts';
import type { SchemaView } from './schema-view.ts';
import type { SchemaChange } from './value-changes.ts';

interface Both {
  readonly old: SchemaView;
  readonly fresh: SchemaView;
}

interface Difference {
  readonly changes: readonly SchemaChange[];
  readonly parts: readonly Part[];
}

export interface CompareConditionsOptions extends Both {
  /** A schema beside the type of what it is said of, so that what is not said is no other type. */
  readonly typed: (side: 'old' | 'fresh', schema: unknown, type: string) => unknown;
}

/**
 * What two schemas say in conditions. Since each only adds to what is said, a new one narrows, one that is gone widens,
 * and of two that are alike but for a schema the schemas are compared; what can not be set against each other so is told
 * as what it is: changed, and nobody knows for whom.
 */
export function compareConditions({ old, fresh, typed }: CompareConditionsOptions): Difference {
  const [was, is] = [old.conditions, fresh.conditions];
  const part = (type: string | undefined, at: string, before: unknown, after: unknown): Part =>
    type === undefined ? { old: before, fresh: after, at } : { old: typed('old', before, type), fresh: typed('fresh', after, type), at };
  const names = was.propertyNames === undefined && is.propertyNames === undefined ? [] : [part('string', 'propertyNames', was.propertyNames, is.propertyNames)];
  const dependents = [...new Set([...was.dependents.keys(), ...is.dependents.keys()])].map((name) => part('object', `dependentSchemas.${name}`, was.dependents.get(name), is.dependents.get(name)));
  const found = [compareBranches(was, is, (at, before, after) => part(onlyType(old, fresh), at, before, after)), comparePatterns({ old, fresh }), compareContains(was, is)];
  return {
    changes: [...demandChanges({ old, fresh }), ...exclusionChanges(was, is), ...unevaluatedChanges({ old, fresh }), ...found.flatMap(({ changes }) => changes)],
    parts: [...names, ...dependents, ...found.flatMap(({ parts }) => parts)],
  };
}

/** The type that every value of both has. */
function onlyType(...views: readonly SchemaView[]): string | undefined {
  const [type, ...more] = new Set(views.flatMap(({ types, nullable }) => [...types, ...(nullable ? ['null'] : [])]));
  return more.length === 0 ? type : undefined;
}

/** A name that is required anyhow is called for by nothing else. */
function demandChanges({ old, fresh }: Both): SchemaChange[] {
  const pairs = ({ demands }: Conditions): [string, string][] => [...demands].flatMap(([name, others]) => [...others].map((other): [string, string] => [name, other]));
  const isSaid = ({ conditions, required }: SchemaView, name: string, other: string): boolean => name === other || required.has(other) || (conditions.demands.get(name)?.has(other) ?? false);
  const between = (from: SchemaView, to: SchemaView): [string, string][] => pairs(from.conditions).filter(([name, other]) => name !== other && !from.required.has(other) && !isSaid(to, name, other));
  const told = (id: string, words: string) => ([name, other]: [string, string]): SchemaChange => ({ id, at: `dependentRequired.${name}`, description: `property ${name} ${words} property ${other}`, ...(id.endsWith('added') ? { fresh: other } : { old: other }) });
  return [...between(fresh, old).map(told('dependency-added', 'calls for')), ...between(old, fresh).map(told('dependency-removed', 'no longer calls for'))];
}

function exclusionChanges({ excluded: from }: Conditions, { excluded: to }: Conditions): SchemaChange[] {
  const [gone, come] = [[...from].some((text) => !to.has(text)), [...to].some((text) => !from.has(text))];
  if (gone && come) return [{ id: 'keyword-changed', at: 'not', description: 'the keyword not says something else' }];
  return gone ? [{ id: 'exclusion-removed', at: 'not', description: 'less is excluded' }] : come ? [{ id: 'exclusion-added', at: 'not', description: 'more is excluded' }] : [];
}

/** Under `unevaluatedProperties`, whatever looks at a property allows it: a branch that narrows its value widens what may be there. */
function unevaluatedChanges({ old, fresh }: Both): SchemaChange[] {
  if (!old.conditions.unevaluated && !fresh.conditions.unevaluated) return [];
  const looked = ({ conditions: { dependents, branches, contains }, choices }: SchemaView): unknown[] => [...dependents.values(), ...[...branches.values()].flatMap((branch) => [branch.met, branch.unmet]), ...contains, ...choices];
  return looked(old).length + looked(fresh).length === 0 || old.looked === fresh.looked ? [] : [{ id: 'keyword-changed', at: 'unevaluatedProperties', description: 'what counts as evaluated is said otherwise' }];
}

function compareBranches({ branches: from }: Conditions, { branches: to }: Conditions, part: (at: string, before: unknown, after: unknown) => Part): Difference {
  const [gone, come] = [[...from.keys()].filter((text) => !to.has(text)), [...to.keys()].filter((text) => !from.has(text))];
  if (gone.length > 0 && come.length > 0) return { parts: [], changes: [{ id: 'keyword-changed', at: 'if', description: 'the keyword if says something else' }] };
  return {
    changes: [],
    parts: [...new Set([...from.keys(), ...to.keys()])].flatMap((text) => {
      const [was, is] = [from.get(text), to.get(text)];
      return [part('then', was?.met, is?.met), part('else', was?.unmet, is?.unmet)];
    }),
  };
}

/** A pattern more allows names only where others are refused or held to something. */
function comparePatterns({ old, fresh }: Both): Difference {
  const [from, to] = [old.conditions.patternProperties, fresh.conditions.patternProperties];
  const patterns = [...new Set([...from.keys(), ...to.keys()])];
  const open = old.additional === true && fresh.additional === true && !old.conditions.unevaluated && !fresh.conditions.unevaluated;
  if (!open && patterns.some((pattern) => !from.has(pattern) || !to.has(pattern))) return { parts: [], changes: [{ id: 'keyword-changed', at: 'patternProperties', description: 'the keyword patternProperties says something else' }] };
  return { changes: [], parts: patterns.map((pattern) => ({ old: from.get(pattern), fresh: to.get(pattern), at: `patternProperties.${pattern}` })) };
}

function compareContains({ contains: from }: Conditions, { contains: to }: Conditions): Difference {
  const [was, is] = [from[0], to[0]];
  const unsure: Difference = { parts: [], changes: [{ id: 'keyword-changed', at: 'contains', description: 'the keyword contains says something else' }] };
  const textOf = (all: readonly Contained[]): string => all.map(({ text, min, max }) => `${text} ${min} ${max}`).toSorted().join();
  if (textOf(from) === textOf(to)) return { parts: [], changes: [] };
  if (from.length > 1 || to.length > 1) return unsure;
  if (!was || !is) return { parts: [], changes: [is ? { id: 'contains-added', at: 'contains', description: 'items must hold to a schema now' } : { id: 'contains-removed', at: 'contains', description: 'no item must hold to a schema any more' }] };
  if (was.text !== is.text) return was.min === is.min && was.max === is.max && was.max === Infinity ? { changes: [], parts: [{ old: was.schema, fresh: is.schema, at: 'contains' }] } : unsure;
  return {
    parts: [],
    changes: (['min', 'max'] as const).flatMap((bound): SchemaChange[] => {
      const [before, after] = [was[bound], is[bound]];
      if (before === after) return [];
      const text = (value: number): string => (value === Infinity ? 'any number of' : String(value));
      return [{ id: `${bound}-contains-${after > before ? 'raised' : 'lowered'}`, at: `${bound}Contains`, description: `${bound === 'min' ? 'at least' : 'at most'} ${text(before)} items that hold to contains have become ${text(after)}`, ...(before === Infinity ? {} : { old: before }), ...(after === Infinity ? {} : { fresh: after }) }];
    }),
  };
}
