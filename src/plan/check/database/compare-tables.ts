import { nearest } from '../../../core/nearest.ts';
import { quoteTable, splitTableName } from '../../../model/names.ts';
import type { Schema, Table, Trigger } from '../../../model/schema.ts';
import { compareColumns } from './compare-columns.ts';
import { hasAnyTrigger, hasComment, hasReplicaIdentity, hasTrigger, isRelation, isTrigger } from './conditions.ts';
import { commentOnTable, createSequence, createTable, createTrigger, dropTrigger, setReplicaIdentity, setRowSecurity } from './definitions.ts';
import { commonTables, displayName, onTheWayBack, PHASES, tablePath, turningColumns, type Pair, type Step, type TablePair } from './differences.ts';
import { columnsReached, type End } from './reached.ts';
import { canonical, dropTable, goneOr, guarded, isTable, mentions, regclass, waiting } from './sql-text.ts';

/** Tables with their columns, partitions, triggers and settings; not their constraints and indexes. */
export function compareTables(pair: Pair): void {
  const { before, after } = pair;
  const lacking = (from: Schema, other: Schema): Table[] => from.tables.filter(({ name }) => !other.tables.some((table) => table.name === name));
  const [gone, fresh] = [lacking(before, after), lacking(after, before)];
  for (const table of byParent(gone).toReversed()) removed(pair, table, fresh);
  for (const table of byParent(fresh)) added(pair, table);
  for (const tables of commonTables(pair)) {
    if (compareKind(pair, tables)) continue;
    compareColumns(pair, tables);
    compareTriggers(pair, tables);
    compareSettings(pair, tables);
  }
}

/** Parents before their partitions. */
function byParent(tables: readonly Table[]): Table[] {
  const left = [...tables];
  const ordered: Table[] = [];
  while (left.length > 0) {
    const at = Math.max(0, left.findIndex(({ partitionOf }) => !left.some(({ name }) => name === partitionOf?.parent)));
    ordered.push(...left.splice(at, 1));
  }
  return ordered;
}

function added({ after, differences }: Pair, table: Table): void {
  const name = displayName(table.name);
  const part = table.partitionOf;
  differences.find(part ? 'partition-added' : 'table-added', {
    field_path: tablePath(table.name), new_value: table.columns.map((column) => `${column.name} ${column.type}`), affected_operations: ['SELECT', 'INSERT'],
    description: part ? `Partition ${name} of ${displayName(part.parent)} is new (${part.bound}).` : `Table ${name} is new.`,
  });
  differences.step({
    phase: PHASES.table, about: [table.name, ...(part ? [part.parent] : [])], description: `Create table ${name}`, forward: waiting(createTable(table, after)), back: waiting(dropTable(table.name)),
    holds: `${regclass(table.name)} IS NOT NULL`, loses: `the rows of ${name}`,
  });
}

function removed({ before, after, differences }: Pair, table: Table, fresh: readonly Table[]): void {
  const name = displayName(table.name);
  const alike = nearest(splitTableName(table.name).table, fresh.map((each) => splitTableName(each.name).table)) ?? fresh.find((each) => likeness(each, table) >= 0.6)?.name;
  differences.find(table.partitionOf ? 'partition-removed' : 'table-removed', {
    field_path: tablePath(table.name), old_value: table.columns.map((column) => `${column.name} ${column.type}`), affected_operations: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
    description: `${table.partitionOf ? 'Partition' : 'Table'} ${name} is gone.`, ...(alike === undefined ? {} : { how: `If it only has another name now, say so: --rename ${name}=${displayName(fresh.find((each) => each.name === alike || splitTableName(each.name).table === alike)?.name ?? table.name)}` }),
  });
  // Names of indexes and sequences are taken in the schema: what comes may need one of them.
  const names = (of: Table): string[] => [...(of.primaryKey ? [of.primaryKey] : []), ...of.uniques, ...of.indexes, ...(of.exclusions ?? [])].map((each) => each.name);
  const wanted = new Set([...after.tables.flatMap(names), ...after.views.map((view) => splitTableName(view.name).table), ...after.sequences.map((sequence) => sequence.name)]);
  const sequences = before.sequences.filter(({ ownedBy }) => ownedBy?.table === table.name);
  const early = [...names(table), ...sequences.map((sequence) => sequence.name), splitTableName(table.name).table].some((each) => wanted.has(each));
  differences.step({
    phase: early ? PHASES.dropEarly : PHASES.dropTable, about: [table.name, ...(table.partitionOf ? [table.partitionOf.parent] : [])], description: `Drop table ${name}`, forward: waiting(dropTable(table.name)), back: waiting(...sequences.filter(({ ownedBy }) => !ownedBy?.identity).map(createSequence), createTable(table, before)),
    holds: `NOT ${isTable(table.name)}`, loses: `every row of ${name}`,
  });
}

/** The part of both tables' columns that they share by name and type. */
function likeness(a: Table, b: Table): number {
  const shared = a.columns.filter((column) => b.columns.some(({ name, type }) => name === column.name && type === column.type)).length;
  return shared / Math.max(1, a.columns.length, b.columns.length);
}

/** Whether the two are not of one kind, so that nothing else can be compared: rows must be carried over. */
function compareKind({ differences }: Pair, { old, fresh }: TablePair): boolean {
  const text = ({ partitionBy, partitionOf }: Table): string => [partitionOf ? `PARTITION OF ${displayName(partitionOf.parent)} ${partitionOf.bound}` : '', partitionBy === undefined ? '' : `PARTITION BY ${partitionBy}`].filter((part) => part !== '').join(' ') || 'one table';
  if (canonical(text(old)) === canonical(text(fresh))) return false;
  const attached = old.partitionBy === fresh.partitionBy;
  differences.find(attached ? (fresh.partitionOf ? 'partition-attached' : 'partition-detached') : 'partitioning-changed', {
    field_path: tablePath(fresh.name), old_value: text(old), new_value: text(fresh), affected_operations: ['INSERT', 'SELECT'], description: `Table ${displayName(fresh.name)} was ${text(old)}, and is ${text(fresh)}.`,
  });
  if (!attached) return true;
  const move = (from: Table, to: Table): string => waiting(
    ...(from.partitionOf ? [guarded(isPartition(fresh, from.partitionOf.parent), `ALTER TABLE ${quoteTable(from.partitionOf.parent)} DETACH PARTITION ${quoteTable(fresh.name)}`)] : []),
    ...(to.partitionOf ? [guarded(`NOT ${isPartition(fresh, to.partitionOf.parent)}`, `ALTER TABLE ${quoteTable(to.partitionOf.parent)} ATTACH PARTITION ${quoteTable(fresh.name)} ${to.partitionOf.bound}`)] : []),
  );
  differences.step({ phase: PHASES.attribute, about: [fresh.name], description: `Move table ${displayName(fresh.name)} among the partitions`, forward: move(old, fresh), back: move(fresh, old), holds: fresh.partitionOf ? isPartition(fresh, fresh.partitionOf.parent) : old.partitionOf ? `NOT ${isPartition(fresh, old.partitionOf.parent)}` : isTable(fresh.name) });
  return true;
}

function isPartition(table: Table, parent: Table['name']): string {
  return `EXISTS (SELECT FROM pg_inherits WHERE inhrelid = ${regclass(table.name)} AND inhparent = ${regclass(parent)})`;
}

function compareTriggers(pair: Pair, tables: TablePair): void {
  const { differences } = pair;
  const { old, fresh } = tables;
  const turning = turningColumns(pair, tables);
  const stuck = ({ definition }: Trigger, way: keyof typeof turning): boolean => [...turning[way]].some((column) => mentions(definition, column));
  const table = displayName(fresh.name);
  const text = ({ definition, enabled = 'origin' }: Trigger): string => `${canonical(definition)} ${enabled}`;
  const path = ({ name }: Trigger): string => `${tablePath(fresh.name)}.triggers.${name}`;
  const drop = (trigger: Trigger, unless?: string): Step => ({ phase: PHASES.dropTrigger, about: [fresh.name], description: `Drop trigger ${trigger.name} of ${table}`, forward: waiting(dropTrigger(fresh.name, trigger, unless)), back: waiting(createTrigger(fresh.name, trigger)), holds: goneOr(`NOT ${hasAnyTrigger(fresh.name, trigger.name)}`, unless) });
  const make = (trigger: Trigger, unless?: string): Step => ({ phase: PHASES.attribute, about: [fresh.name], description: `Create trigger ${trigger.name} of ${table}`, forward: waiting(createTrigger(fresh.name, trigger)), back: waiting(dropTrigger(fresh.name, trigger, unless)), holds: hasTrigger(fresh.name, trigger) });
  // So, and with nothing left to change in its table: it is in nobody's way.
  const isAsAt = (end: End, trigger: Trigger): string => [isTrigger(fresh.name, trigger), columnsReached(pair, [fresh.name], end) ?? 'true'].join(' AND ');
  const common = { affected_operations: ['INSERT', 'UPDATE', 'DELETE'] };
  for (const trigger of old.triggers) {
    if (fresh.triggers.some(({ name }) => name === trigger.name)) continue;
    differences.find('trigger-removed', { ...common, field_path: path(trigger), old_value: trigger.definition, description: `Trigger ${trigger.name} of ${table} is gone.` });
    differences.step(drop(trigger));
  }
  for (const trigger of fresh.triggers) {
    const before = old.triggers.find(({ name }) => name === trigger.name);
    const changed = before !== undefined && text(before) !== text(trigger);
    if (!before || changed) {
      differences.find(before ? changeOfTrigger(before, trigger) : 'trigger-added', { ...common, field_path: path(trigger), old_value: before?.definition ?? null, new_value: trigger.definition, description: `Trigger ${trigger.name} of ${table} is ${before ? 'another one' : 'new'}.` });
    }
    if (!before) {
      differences.step(make(trigger));
      continue;
    }
    const steps = [drop(before, isAsAt('after', trigger)), make(trigger, isAsAt('before', before))];
    if (changed || stuck(before, 'there')) differences.step(...steps);
    else if (stuck(before, 'back')) differences.step(...steps.map(onTheWayBack));
  }
}

function changeOfTrigger(old: Trigger, fresh: Trigger): string {
  if (canonical(old.definition) !== canonical(fresh.definition)) return 'trigger-modified';
  return fresh.enabled === 'disabled' ? 'trigger-disabled' : 'trigger-firing-changed';
}

function compareSettings({ differences }: Pair, { old, fresh }: TablePair): void {
  const name = quoteTable(fresh.name);
  const shown = displayName(fresh.name);
  const path = tablePath(fresh.name);
  const change = (description: string, of: (table: Table) => string, holds: string): void => differences.step({ phase: PHASES.attribute, about: [fresh.name], description, forward: waiting(of(fresh)), back: waiting(of({ ...old, name: fresh.name })), holds });
  if (old.unlogged !== fresh.unlogged) {
    differences.find(fresh.unlogged ? 'table-unlogged' : 'table-logged', {
      field_path: path, old_value: old.unlogged ? 'UNLOGGED' : 'LOGGED', new_value: fresh.unlogged ? 'UNLOGGED' : 'LOGGED', description: `Table ${shown} is ${fresh.unlogged ? 'not written to the log any more' : 'written to the log now'}.`,
      affected_operations: ['INSERT', 'UPDATE', 'DELETE'],
    });
    change(`Make table ${shown} ${fresh.unlogged ? 'unlogged' : 'logged'}`, ({ unlogged }) => guarded(isRelation(fresh.name, `c.relpersistence = '${unlogged ? 'p' : 'u'}'`), `ALTER TABLE ${name} SET ${unlogged ? 'UNLOGGED' : 'LOGGED'}`), isRelation(fresh.name, `c.relpersistence = '${fresh.unlogged ? 'u' : 'p'}'`));
  }
  if (old.rowSecurity !== fresh.rowSecurity) {
    differences.find(fresh.rowSecurity ? 'row-security-enabled' : 'row-security-disabled', {
      field_path: path, old_value: old.rowSecurity, new_value: fresh.rowSecurity, description: `Row security of ${shown} is ${fresh.rowSecurity ? 'on' : 'off'}.`,
      affected_operations: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
    });
    change(`Turn row security of ${shown} ${fresh.rowSecurity ? 'on' : 'off'}`, ({ rowSecurity }) => setRowSecurity(fresh.name, rowSecurity), isRelation(fresh.name, `${fresh.rowSecurity ? '' : 'NOT '}c.relrowsecurity`));
  }
  if (old.replicaIdentity !== fresh.replicaIdentity || old.replicaIdentityIndex !== fresh.replicaIdentityIndex) {
    differences.find(fresh.replicaIdentity === 'nothing' ? 'replica-identity-lost' : 'replica-identity-changed', {
      field_path: path, old_value: old.replicaIdentity, new_value: fresh.replicaIdentity, description: `What the log says of old rows of ${shown} was ${old.replicaIdentity}, and is ${fresh.replicaIdentity}.`,
      affected_operations: ['UPDATE', 'DELETE'],
    });
    change(`Set the replica identity of ${shown}`, setReplicaIdentity, hasReplicaIdentity(fresh));
  }
  if (old.comment !== fresh.comment) {
    differences.find('table-comment-changed', { field_path: path, old_value: old.comment ?? null, new_value: fresh.comment ?? null, description: `The comment on ${shown} is another one.` });
    change(`Comment on ${shown}`, ({ comment }) => commentOnTable(fresh.name, comment), hasComment(fresh.name, fresh.comment));
  }
}
