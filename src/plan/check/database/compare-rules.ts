import type { TableName } from '../../../model/names.ts';
import type { Column, ForeignKey, Schema, Table } from '../../../model/schema.ts';
import { commonTables, displayName, onTheWayBack, tablePath, type Pair, type Step, type TablePair } from './differences.ts';
import { columnsReached, type End } from './reached.ts';
import { renameRule, rulesOf, ruleWords, type Rule } from './rules.ts';
import { mentions } from './sql-text.ts';
import { typeChange } from './type-change.ts';

/** Keys, foreign keys, checks, exclusions and indexes of the tables that both have. */
export function compareRules(pair: Pair): void {
  const tables = commonTables(pair);
  const remade = new Map(tables.map(({ old, fresh }): [TableName, readonly string[]] => [fresh.name, remadeColumns(old, fresh)]));
  const retypedBy = (types: ReadonlySet<string>): Retyped => new Map(tables.map((each) => [each.fresh.name, retypedColumns(each, types)]));
  const retyped = { there: retypedBy(pair.remade), back: retypedBy(pair.rebuilt) };
  const constraints = new Set([...pair.before.tables, ...pair.after.tables].flatMap(({ primaryKey, uniques, exclusions = [] }) => [...(primaryKey ? [primaryKey] : []), ...uniques, ...exclusions]).map(({ name }) => name));
  const names = { before: namesIn(pair.before), after: namesIn(pair.after) };
  const matched = tables.map((each) => ({ ...each, ...match(rulesOf(each.old, pair.before, constraints), rulesOf(each.fresh, pair.after, constraints), names) }));
  // A foreign key stands on a key of the other table: it has to make way for a while.
  const unkeyed = new Set<TableName>(pair.before.tables.filter(({ name }) => !tables.some(({ fresh }) => fresh.name === name)).map(({ name }) => name));
  for (const { fresh, removed, changed } of matched) {
    if (removed.some(({ unique }) => unique) || changed.some(([old]) => old.unique)) unkeyed.add(fresh.name);
  }
  const stuck = (table: Table, rule: Rule, types: Retyped): boolean => {
    const columns = types.get(table.name) ?? new Set();
    if (rule.key && remade.get(table.name)?.some((column) => rule.key?.columns.includes(column))) return true;
    if (rule.key) return unkeyed.has(rule.key.references) || rule.key.columns.some((name) => columns.has(name)) || rule.key.referencedColumns.some((name) => types.get(rule.key?.references ?? table.name)?.has(name));
    return [...columns].some((column) => mentions(rule.expression, column)) || (remade.get(table.name) ?? []).some((column) => mentions(rule.text, column));
  };
  /** Gone and made again; not once more where it is the right one to the letter, and in the way of nothing that is left to change. */
  const made = (table: Table, old: Rule, rule: Rule): Step[] => {
    const unless = (end: End, right: Rule): string | undefined => {
      const changed = columnsReached(pair, [table.name, ...(old.key ? [old.key.references] : []), ...(rule.key ? [rule.key.references] : [])], end);
      if (old.name !== rule.name || right.exact === undefined || [old, rule].some(({ key }) => key && unkeyed.has(key.references))) return undefined;
      return [right.exact, ...(changed === undefined ? [] : [changed])].join(' AND ');
    };
    return [old.steps.drop(unless('after', rule)), ...rule.steps.make(unless('before', old))];
  };
  for (const { old: former, fresh, removed, added, changed, moved, same } of matched) {
    const typed = former.columns.filter(({ name, type }) => fresh.columns.some((column) => column.name === name && column.type !== type));
    // The server turns an expression with its column's type; turned back, it has casts that were not there.
    const turned = (rule: Rule, other: Rule): boolean => rule.expression !== '' && rule.text !== other.text && typed.some(({ name }) => mentions(rule.expression, name));
    for (const rule of removed) {
      tell(pair, fresh, 'removed', rule, rule);
      const heir = added.find(({ name }) => name === rule.name);
      pair.differences.step(...(heir ? made(fresh, rule, heir).slice(0, 1) : [rule.steps.drop()]));
    }
    for (const rule of added) {
      tell(pair, fresh, 'added', rule, rule);
      const former = removed.find(({ name }) => name === rule.name);
      pair.differences.step(...(former ? made(fresh, former, rule).slice(1) : rule.steps.make()));
    }
    for (const [old, rule] of changed) {
      tell(pair, fresh, 'modified', old, rule);
      pair.differences.step(...made(fresh, old, rule));
    }
    for (const [old, rule] of [...moved, ...same]) {
      if (old.name !== rule.name) tellRenamed(pair, fresh, old, rule);
      const isRenamed = old.name !== rule.name;
      if (stuck(fresh, old, retyped.there) || (isRenamed && (stuck(fresh, old, retyped.back) || turned(old, rule)))) pair.differences.step(...made(fresh, old, rule));
      else if (isRenamed) pair.differences.step(renameRule(fresh.name, old, rule));
      else if (stuck(fresh, old, retyped.back) || turned(old, rule)) pair.differences.step(...made(fresh, old, rule).map(onTheWayBack));
    }
  }
  // Those of tables that come or go: in a circle no order of the tables would do.
  for (const [schema, other, isNew] of [[pair.before, pair.after, false], [pair.after, pair.before, true]] as const) {
    for (const table of schema.tables.filter(({ name }) => !other.tables.some((each) => each.name === name))) {
      for (const rule of rulesOf({ ...table, indexes: [], checks: [], uniques: [] }, schema)) {
        if (rule.kind === 'foreign_key') pair.differences.step(...(isNew ? rule.steps.make() : [rule.steps.drop()]));
      }
    }
  }
}

type Retyped = ReadonlyMap<TableName, ReadonlySet<string>>;

function retypedColumns({ old, fresh }: TablePair, rebuilt: ReadonlySet<string>): ReadonlySet<string> {
  const before = new Map(old.columns.map((column) => [column.name, column]));
  return new Set(fresh.columns.filter((column) => {
    const former = before.get(column.name);
    return former !== undefined && (typeChange(former, column).casts || rebuilt.has(column.type.replace(/(\[\])+$/, '')) || rebuilt.has(former.type.replace(/(\[\])+$/, '')));
  }).map(({ name }) => name));
}

/** Computed columns that are made anew, since they or what they read change. */
function remadeColumns(old: Table, fresh: Table): string[] {
  const retyped = fresh.columns.filter(({ name, type }) => old.columns.some((column) => column.name === name && column.type !== type));
  const isRemade = (column: Column, former: Column): boolean => column.generated !== former.generated || (column.generated !== undefined && retyped.some(({ name }) => mentions(column.generated ?? '', name)));
  return fresh.columns.filter((column) => old.columns.some((former) => former.name === column.name && isRemade(column, former))).map(({ name }) => name);
}

interface Matched {
  readonly removed: readonly Rule[];
  readonly added: readonly Rule[];
  readonly changed: readonly (readonly [Rule, Rule])[];
  /** The same under another name. */
  readonly moved: readonly (readonly [Rule, Rule])[];
  readonly same: readonly (readonly [Rule, Rule])[];
}

/** Names of all indexes and constraints. */
function namesIn({ tables }: Schema): ReadonlySet<string> {
  return new Set(tables.flatMap(({ primaryKey, uniques, exclusions = [], foreignKeys, checks, indexes }) => [...(primaryKey ? [primaryKey] : []), ...uniques, ...exclusions, ...foreignKeys, ...checks, ...indexes].map(({ name }) => name)));
}

/** What has a name that another one takes, or takes one that another had, is no renamed one: a second run would meet the other under it. */
function match(old: readonly Rule[], fresh: readonly Rule[], names: { readonly before: ReadonlySet<string>; readonly after: ReadonlySet<string> }): Matched {
  const left = new Set(old);
  const pairs: (readonly [Rule, Rule])[] = [];
  const added: Rule[] = [];
  const take = (rule: Rule, found: Rule | undefined): boolean => {
    if (!found) return false;
    left.delete(found);
    pairs.push([found, rule]);
    return true;
  };
  const unnamed = fresh.filter((rule) => !take(rule, [...left].find((each) => each.kind === rule.kind && each.name === rule.name)));
  for (const rule of unnamed) {
    const renamed = names.before.has(rule.name) ? undefined : [...left].find((each) => each.kind === rule.kind && each.signature === rule.signature && !names.after.has(each.name));
    if (!take(rule, renamed)) added.push(rule);
  }
  return {
    removed: [...left], added, changed: pairs.filter(([a, b]) => a.signature !== b.signature),
    moved: pairs.filter(([a, b]) => a.signature === b.signature && a.name !== b.name), same: pairs.filter(([a, b]) => a.signature === b.signature && a.name === b.name),
  };
}

type How = 'added' | 'removed' | 'modified';

function ruleIdOf(how: How, { kind, unique, key }: Rule, old: Rule): string {
  const id = kind.replaceAll('_', '-');
  if (kind === 'index' && unique) return `unique-index-${how}`;
  return how === 'modified' && key !== undefined && cascades(key) && !(old.key !== undefined && cascades(old.key)) ? 'foreign-key-cascades' : `${id}-${how}`;
}

function cascades({ onDelete, onUpdate }: ForeignKey): boolean {
  return onDelete === 'cascade' || onUpdate === 'cascade';
}

function tell({ differences }: Pair, table: Table, how: How, old: Rule, fresh: Rule): void {
  const { kind, name } = fresh;
  const place = `${tablePath(table.name)}.${kind === 'index' ? 'indexes' : 'constraints'}.${name}`;
  const verb = { added: 'is new', removed: 'is gone', modified: `was ${old.text}, and is ${fresh.text}` }[how];
  differences.find(ruleIdOf(how, fresh, old), {
    field_path: place, old_value: how === 'added' ? null : old.text, new_value: how === 'removed' ? null : fresh.text, affected_operations: kind === 'index' && !fresh.unique ? ['SELECT'] : ['INSERT', 'UPDATE', ...(kind === 'foreign_key' ? ['DELETE'] : [])],
    description: `The ${ruleWords(kind)} ${name} of ${displayName(table.name)} ${verb}${how === 'modified' ? '' : `: ${fresh.text}`}.`,
  });
}

function tellRenamed({ differences }: Pair, table: Table, old: Rule, fresh: Rule): void {
  differences.find(`${fresh.kind.replaceAll('_', '-')}-renamed`, {
    field_path: `${tablePath(table.name)}.${fresh.kind === 'index' ? 'indexes' : 'constraints'}.${fresh.name}`, old_value: old.name, new_value: fresh.name,
    description: `The ${ruleWords(fresh.kind)} ${old.name} of ${displayName(table.name)} is called ${fresh.name}.`,
  });
}
