import type { TableName } from '../../../model/names.ts';
import type { Column, Table } from '../../../model/schema.ts';
import { commonTables, displayName, tablePath, type Pair, type TablePair } from './differences.ts';
import { renameRule, rulesOf, ruleWords, type Rule, type RuleKind } from './rules.ts';
import { mentions } from './sql-text.ts';
import { typeChange } from './type-change.ts';

/** Keys, foreign keys, checks, exclusions and indexes of the tables that both have. `rebuilt`: types that are made anew. */
export function compareRules(pair: Pair, rebuilt: ReadonlySet<string>): void {
  const tables = commonTables(pair);
  const remade = new Map(tables.map(({ old, fresh }): [TableName, readonly string[]] => [fresh.name, remadeColumns(old, fresh)]));
  const retyped = new Map(tables.map((each): [TableName, ReadonlySet<string>] => [each.fresh.name, retypedColumns(each, rebuilt)]));
  const matched = tables.map((each) => ({ ...each, ...match(rulesOf(each.old, pair.before), rulesOf(each.fresh, pair.after)) }));
  // A foreign key stands on a key of the other table: it has to make way for a while.
  const unkeyed = new Set<TableName>(pair.before.tables.filter(({ name }) => !tables.some(({ fresh }) => fresh.name === name)).map(({ name }) => name));
  for (const { fresh, removed, changed } of matched) {
    if (removed.some(({ unique }) => unique) || changed.some(([old]) => old.unique)) unkeyed.add(fresh.name);
  }
  const stuck = (table: Table, rule: Rule): boolean => {
    const columns = retyped.get(table.name) ?? new Set();
    if (rule.key && remade.get(table.name)?.some((column) => rule.key?.columns.includes(column))) return true;
    if (rule.key) return unkeyed.has(rule.key.references) || rule.key.columns.some((name) => columns.has(name)) || rule.key.referencedColumns.some((name) => retyped.get(rule.key?.references ?? table.name)?.has(name));
    return [...columns].some((column) => mentions(rule.expression, column)) || (remade.get(table.name) ?? []).some((column) => mentions(rule.text, column));
  };
  for (const { fresh, removed, added, changed, moved, same } of matched) {
    for (const rule of removed) {
      tell(pair, fresh, 'removed', rule, rule);
      pair.differences.step(rule.steps.drop());
    }
    for (const rule of added) {
      tell(pair, fresh, 'added', rule, rule);
      pair.differences.step(...rule.steps.make());
    }
    for (const [old, rule] of changed) {
      tell(pair, fresh, 'modified', old, rule);
      pair.differences.step(old.steps.drop(), ...rule.steps.make());
    }
    for (const [old, rule] of [...moved, ...same]) {
      if (old.name !== rule.name) tellRenamed(pair, fresh, old, rule);
      if (stuck(fresh, old)) pair.differences.step(old.steps.drop(), ...rule.steps.make());
      else if (old.name !== rule.name) pair.differences.step(renameRule(fresh.name, old, rule));
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

function match(old: readonly Rule[], fresh: readonly Rule[]): Matched {
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
    if (!take(rule, [...left].find((each) => each.kind === rule.kind && each.signature === rule.signature))) added.push(rule);
  }
  return {
    removed: [...left], added, changed: pairs.filter(([a, b]) => a.signature !== b.signature),
    moved: pairs.filter(([a, b]) => a.signature === b.signature && a.name !== b.name), same: pairs.filter(([a, b]) => a.signature === b.signature && a.name === b.name),
  };
}

type How = 'added' | 'removed' | 'modified';

const IMPACT: Readonly<Record<RuleKind, Readonly<Record<How, string>>>> = {
  primary_key: {
    added: 'Writers of rows with the same or no key are refused.', removed: 'Replication can no longer tell rows apart: UPDATE and DELETE on a published table fail; ON CONFLICT on it fails; the generated API loses its address of one row.',
    modified: 'Rows are told apart otherwise: replication, ON CONFLICT and the addresses of the generated API change.',
  },
  unique: { added: 'Writers of what is there twice are refused.', removed: 'ON CONFLICT on it fails; readers that count on one row may get more.', modified: 'Writers meet another rule; ON CONFLICT on the old one fails.' },
  foreign_key: { added: 'Writers of rows without a partner are refused; replication must bring the partner first.', removed: 'Nothing keeps rows with their partners any more; deletes do not cascade.', modified: 'Deletes and updates of the other table do something else now.' },
  check: { added: 'Writers of other values are refused.', removed: 'Readers may meet values that could not be there before.', modified: 'Writers meet another rule.' },
  exclusion: { added: 'Writers of rows that overlap are refused.', removed: 'Readers may meet rows that overlap.', modified: 'Writers meet another rule.' },
  index: { added: 'Writes cost more, reads less.', removed: 'Queries that used it may become slow.', modified: 'Queries that used the old one may become slow.' },
};

const WAYS: Readonly<Record<RuleKind, Readonly<Record<How, string>>>> = {
  primary_key: {
    added: 'CREATE UNIQUE INDEX CONCURRENTLY, NOT NULL by a validated check, then ADD PRIMARY KEY USING INDEX.', removed: 'Set REPLICA IDENTITY to another unique index first.',
    modified: 'Build the new index CONCURRENTLY, let ON CONFLICT and replication go over, then change the key in one short transaction.',
  },
  unique: { added: 'Look for what is there twice, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.', removed: 'Take ON CONFLICT on it out of the writers first.', modified: 'Build the new index CONCURRENTLY beside the old one.' },
  foreign_key: { added: 'ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT; index the column first.', removed: 'Let the code that counts on it look after itself first.', modified: 'Add the new one NOT VALID under another name, VALIDATE it, then drop the old one.' },
  check: { added: 'ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT.', removed: 'Let readers bear the new values first.', modified: 'Add the new one NOT VALID under another name, VALIDATE it, then drop the old one.' },
  exclusion: { added: 'Look for rows that overlap; its index is built under a lock: in a quiet hour.', removed: '', modified: 'In a quiet hour: its index is built under a lock.' },
  index: { added: 'CREATE INDEX CONCURRENTLY.', removed: 'See in pg_stat_user_indexes that nobody uses it, then DROP INDEX CONCURRENTLY.', modified: 'Build the new one CONCURRENTLY before the old one is dropped.' },
};

function severityOf(how: How, { kind, unique }: Rule): 'breaking' | 'potentially_breaking' | 'non_breaking' | 'additive' {
  if (kind === 'index') return how === 'added' ? (unique ? 'breaking' : 'additive') : how === 'removed' ? 'potentially_breaking' : unique ? 'breaking' : 'non_breaking';
  if (kind === 'primary_key') return 'breaking';
  if (how === 'removed') return 'potentially_breaking';
  return how === 'added' ? 'breaking' : 'potentially_breaking';
}

function tell({ differences }: Pair, table: Table, how: How, old: Rule, fresh: Rule): void {
  const { kind, name } = fresh;
  const place = `${tablePath(table.name)}.${kind === 'index' ? 'indexes' : 'constraints'}.${name}`;
  const verb = { added: 'is new', removed: 'is gone', modified: `was ${old.text}, and is ${fresh.text}` }[how];
  differences.find(severityOf(how, fresh), {
    type: `${kind}_${how}`, field_path: place, old_value: how === 'added' ? null : old.text, new_value: how === 'removed' ? null : fresh.text, affected_operations: kind === 'index' && !fresh.unique ? ['SELECT'] : ['INSERT', 'UPDATE', ...(kind === 'foreign_key' ? ['DELETE'] : [])],
    description: `The ${ruleWords(kind)} ${name} of ${displayName(table.name)} ${verb}${how === 'modified' ? '' : `: ${fresh.text}`}.`, impact: IMPACT[kind][how], suggested_migration: WAYS[kind][how],
  });
}

function tellRenamed({ differences }: Pair, table: Table, old: Rule, fresh: Rule): void {
  differences.find('non_breaking', {
    type: `${fresh.kind}_renamed`, field_path: `${tablePath(table.name)}.${fresh.kind === 'index' ? 'indexes' : 'constraints'}.${fresh.name}`, old_value: old.name, new_value: fresh.name,
    description: `The ${ruleWords(fresh.kind)} ${old.name} of ${displayName(table.name)} is called ${fresh.name}.`, impact: 'Code that reads the name out of an error, or names it in ON CONFLICT ON CONSTRAINT, must know the new one.', suggested_migration: 'Rename it; nothing is built anew.',
  });
}
