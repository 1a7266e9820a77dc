import { quoteIdentifier, quoteLiteral, splitTableName, tableName, type TableName } from '../../../model/names.ts';
import type { Index, Schema, Sequence, View } from '../../../model/schema.ts';
import { countsAs, isOwned } from './conditions.ts';
import { advanceSequence, alterSequence, createIndex, createSequence, createView, dropIndex, dropSequence, dropView, hasView, indexTail, ownSequence, sequenceOptions } from './definitions.ts';
import { commonTables, displayName, onTheWayBack, PHASES, type MakingWay, type Pair, type Step } from './differences.ts';
import { canonical, mentions, guarded, hasFreeSequence, hasRelation, waiting } from './sql-text.ts';

const createSchema = (name: string): string => `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(name)};`;

const hasSchema = (name: string): string => `EXISTS (SELECT FROM pg_namespace WHERE nspname = ${quoteLiteral(name)})`;

/** Everything in a schema depends on it. */
const isEmptySchema = (name: string): string => `EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = ${quoteLiteral(name)} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid))`;

/** What others put into it keeps it. */
const dropSchema = (name: string): string => waiting(guarded(isEmptySchema(name), `DROP SCHEMA ${quoteIdentifier(name)}`));

/** Schemas that tables and types come to need or need no more, and extensions. */
export function compareSurroundings({ before, after, differences }: Pair): void {
  const schemas = (of: Schema): Set<string> => new Set([...[...of.tables, ...of.views].map(({ name }) => splitTableName(name).schema), ...[...of.enums, ...of.domains, ...of.sequences, ...(of.structuredTypes ?? [])].map(({ schema }) => schema), ...Object.values(of.extensionSchemas ?? {})]);
  const known = schemas(before);
  const wanted = schemas(after);
  for (const schema of wanted) {
    if (known.has(schema) || schema === 'public') continue;
    differences.step({ phase: PHASES.extension, about: [schema], description: `Create schema ${schema}`, forward: createSchema(schema), back: dropSchema(schema), holds: hasSchema(schema) });
  }
  for (const schema of known) {
    if (wanted.has(schema) || schema === 'public') continue;
    differences.step({ phase: PHASES.dropExtension, about: [schema], description: `Drop schema ${schema}, if it is empty`, forward: dropSchema(schema), back: createSchema(schema), holds: `NOT (${isEmptySchema(schema)})` });
  }
  const create = (name: string, of: Schema): string => `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}${of.extensionSchemas?.[name] === undefined ? '' : ` SCHEMA ${quoteIdentifier(of.extensionSchemas[name])}`}${of.extensionVersions?.[name] === undefined ? '' : ` VERSION ${quoteLiteral(of.extensionVersions[name])}`};`;
  const drop = (name: string): string => waiting(`DROP EXTENSION IF EXISTS ${quoteIdentifier(name)}`);
  const has = (name: string): string => `EXISTS (SELECT FROM pg_extension WHERE extname = ${quoteLiteral(name)})`;
  for (const name of after.extensions.filter((each) => !before.extensions.includes(each))) {
    differences.find('extension-added', { field_path: `extensions.${name}`, new_value: name, description: `Extension ${name} is new.` });
    differences.step({ phase: PHASES.extension, about: [name], description: `Create extension ${name}`, forward: create(name, after), back: drop(name), holds: has(name) });
  }
  for (const name of after.extensions.filter((each) => before.extensions.includes(each))) {
    const [old, fresh] = [before.extensionVersions?.[name], after.extensionVersions?.[name]];
    if (old === undefined || fresh === undefined || old === fresh) continue;
    differences.find('extension-version-changed', { field_path: `extensions.${name}`, old_value: old, new_value: fresh, description: `Extension ${name} was of version ${old}, and is of ${fresh}.` });
    const update = (version: string): string => waiting(`ALTER EXTENSION ${quoteIdentifier(name)} UPDATE TO ${quoteLiteral(version)}`);
    differences.step({ phase: PHASES.extension, about: [name], description: `Update extension ${name} to ${fresh}`, forward: update(fresh), back: update(old), holds: `(SELECT extversion FROM pg_extension WHERE extname = ${quoteLiteral(name)}) = ${quoteLiteral(fresh)}`, loses: `nothing, but the way back is refused where ${name} has no script from ${fresh} to ${old}` });
  }
  for (const name of before.extensions.filter((each) => !after.extensions.includes(each))) {
    differences.find('extension-removed', { field_path: `extensions.${name}`, old_value: name, description: `Extension ${name} is gone.` });
    differences.step({ phase: PHASES.dropExtension, about: [name], description: `Drop extension ${name}`, forward: drop(name), back: create(name, before), holds: `NOT ${has(name)}` });
  }
}

/** Sequences that no identity column owns: those are compared with their columns, but for their numbers. */
export function compareSequences({ before, after, differences }: Pair): void {
  const owner = ({ ownedBy }: Sequence): string => (ownedBy ? `${ownedBy.table}\0${ownedBy.column}` : '');
  const keyed = (sequence: Sequence): string => (sequence.ownedBy?.identity === true ? owner(sequence) : tableName(sequence.schema, sequence.name));
  const isTableNew = ({ ownedBy }: Sequence, other: Schema): boolean => ownedBy !== undefined && !other.tables.some(({ name }) => name === ownedBy.table);
  const columnGone = ({ ownedBy }: Sequence): boolean => ownedBy !== undefined && !after.tables.find(({ name }) => name === ownedBy.table)?.columns.some(({ name }) => name === ownedBy.column);
  const left = new Map(before.sequences.map((sequence) => [keyed(sequence), sequence]));
  const taken = new Set(before.sequences.map(({ schema, name }) => tableName(schema, name)));
  for (const fresh of after.sequences) {
    const shown = displayName(tableName(fresh.schema, fresh.name));
    const same = left.get(keyed(fresh));
    const old = same && (same.ownedBy?.identity ?? false) === (fresh.ownedBy?.identity ?? false) ? same : undefined;
    if (old) {
      left.delete(keyed(old));
      compareSequence(old, fresh);
      continue;
    }
    if (fresh.ownedBy?.identity) continue;
    if (!fresh.ownedBy) differences.find('sequence-added', { field_path: `sequences.${shown}`, new_value: sequenceOptions(fresh), description: `Sequence ${shown} is new.` });
    differences.step({ phase: taken.has(tableName(fresh.schema, fresh.name)) ? PHASES.sequenceAgain : PHASES.sequence, about: [shown], description: `Create sequence ${shown}`, forward: waiting(createSequence(fresh)), back: waiting(dropSequence(fresh)), holds: hasRelation(fresh.schema, fresh.name) });
    // What a table is made with is owned from its start.
    if (fresh.ownedBy && !isTableNew(fresh, before)) differences.step({ phase: PHASES.ownership, about: [fresh.ownedBy.table, shown], description: `Let sequence ${shown} go with its column`, forward: waiting(ownSequence(fresh), advanceSequence(fresh) || 'SELECT 1'), back: waiting(ownSequence({ schema: fresh.schema, name: fresh.name })), holds: isOwned(fresh) });
  }
  for (const old of left.values()) {
    if (old.ownedBy?.identity) continue;
    const shown = displayName(tableName(old.schema, old.name));
    // It goes with its table or column, and comes back with it.
    if (isTableNew(old, after) || columnGone(old)) continue;
    if (!old.ownedBy) differences.find('sequence-removed', { field_path: `sequences.${shown}`, old_value: sequenceOptions(old), description: `Sequence ${shown} is gone.`, affected_operations: ['INSERT'] });
    differences.step({
      phase: !old.ownedBy ? PHASES.dropLast : PHASES.dropSequence, about: [shown, ...(old.ownedBy ? [old.ownedBy.table] : [])], description: `Drop sequence ${shown}`, forward: waiting(dropSequence(old)),
      back: waiting(createSequence(old), ...(!old.ownedBy ? [] : [ownSequence(old), advanceSequence(old) || 'SELECT 1'])), holds: `NOT (${hasFreeSequence(old.schema, old.name)})`, loses: `the number that ${shown} had reached`,
    });
  }

  function compareSequence(old: Sequence, fresh: Sequence): void {
    const shown = displayName(tableName(fresh.schema, fresh.name));
    const both = (key: 'start' | 'cache'): boolean => old[key] === undefined || fresh[key] === undefined || old[key] === fresh[key];
    if (followsColumn(old, fresh)) return;
    const alike = old.increment === fresh.increment && old.min === fresh.min && old.max === fresh.max && old.cycle === fresh.cycle && old.type === fresh.type && both('start') && both('cache');
    if (!alike) {
      const alter = (to: Sequence): string => waiting(alterSequence({ ...to, schema: fresh.schema, name: fresh.name }));
      differences.find(isShorter(old, fresh) ? 'sequence-shortened' : 'sequence-modified', { field_path: `sequences.${shown}`, old_value: `${old.type} ${sequenceOptions(old)}`, new_value: `${fresh.type} ${sequenceOptions(fresh)}`, description: `Sequence ${shown} was ${old.type} ${sequenceOptions(old)}, and is ${fresh.type} ${sequenceOptions(fresh)}.`, affected_operations: ['INSERT'] });
      differences.step({ phase: PHASES.alterSequence, about: [shown], description: `Alter sequence ${shown}`, forward: alter(fresh), back: alter(old), holds: countsAs(fresh) });
    }
    if (owner(old) === owner(fresh)) return;
    const owned = (each: Sequence): string => (each.ownedBy ? `of ${displayName(each.ownedBy.table)}.${each.ownedBy.column}` : 'of no column');
    if (alike) differences.find('sequence-modified', { field_path: `sequences.${shown}`, old_value: owned(old), new_value: owned(fresh), description: `Sequence ${shown} was ${owned(old)}, and is ${owned(fresh)}.` });
    differences.step({ phase: PHASES.ownership, about: [shown], description: `Let sequence ${shown} go with ${fresh.ownedBy ? 'its column' : 'no column'}`, forward: waiting(ownSequence(fresh)), back: waiting(ownSequence({ ...old, name: fresh.name })), holds: isOwned(fresh) });
  }
}

/** Whether it ends sooner than it did, in the direction in which it counts. */
function isShorter(old: Sequence, fresh: Sequence): boolean {
  return fresh.increment.startsWith('-') ? BigInt(fresh.min) > BigInt(old.min) : BigInt(fresh.max) < BigInt(old.max);
}

/** The sequence of an identity column turns with the column's type, and ends where the type does. */
function followsColumn(old: Sequence, fresh: Sequence): boolean {
  const ends = (each: Sequence): boolean => each.max === LARGEST[each.type];
  const rest = ({ type: _type, max: _max, ...each }: Sequence): string => JSON.stringify(each);
  return old.ownedBy?.identity === true && old.type !== fresh.type && ends(old) && ends(fresh) && rest(old) === rest(fresh);
}

const LARGEST: Readonly<Record<string, string>> = { smallint: '32767', integer: '2147483647', bigint: '9223372036854775807' };

/**
 * Views, and those in the way of a change of what they read. `routines`: those that are made again.
 * @returns those that are dropped and made again.
 */
export function compareViews(pair: Pair, routines: ReadonlySet<string>): MakingWay<TableName> {
  const { before, after, differences } = pair;
  const [there, touched] = [touchedViews(pair, { routines, types: pair.remade }), touchedViews(pair, { routines, types: pair.rebuilt })];
  const step = (view: View, made: Step): void => differences.step(there.has(view.name) ? made : onTheWayBack(made));
  const fresh = new Map(after.views.map((view) => [view.name, view]));
  const old = new Map(before.views.map((view) => [view.name, view]));
  const original = new Map(pair.original.views.map((view) => [view.name, view]));
  for (const view of byReading(before.views).toReversed()) {
    const other = fresh.get(view.name);
    const kind = view.materialized ? 'materialized-view' : 'view';
    const path = `views.${displayName(view.name)}`;
    if (!other) differences.find(`${kind}-removed`, { field_path: path, old_value: view.definition, affected_operations: ['SELECT'], description: `View ${displayName(view.name)} is gone.` });
    else if (!isSameView(view, other)) {
      const lost = view.columns.filter((column) => !other.columns.includes(column));
      differences.find(lost.length > 0 ? `${kind}-column-removed` : `${kind}-modified`, { field_path: path, old_value: view.definition, new_value: other.definition, affected_operations: ['SELECT'], description: `View ${displayName(view.name)} is defined in another way${lost.length === 0 ? '' : `, without ${lost.join(', ')}`}.` });
    }
    if (other) compareViewIndexes(pair, view, other, { there: there.has(view.name), back: touched.has(view.name) });
    if (!touched.has(view.name)) continue;
    step(view, {
      phase: PHASES.dropView, about: [view.name, ...view.reads], description: `Drop view ${displayName(view.name)}`,
      forward: waiting(...onlyOn(view, before, after).map(dropView), dropView(view)),
      back: createView(original.get(view.name) ?? view), holds: `NOT ${hasView(view)}`,
      loses: `grants on view ${displayName(view.name)}${view.materialized ? ', its indexes and rows' : ''}`,
    });
  }
  for (const view of byReading(after.views)) {
    const other = old.get(view.name);
    if (!other) differences.find(view.materialized ? 'materialized-view-added' : 'view-added', { field_path: `views.${displayName(view.name)}`, new_value: view.definition, affected_operations: ['SELECT'], description: `View ${displayName(view.name)} is new.` });
    if (other && !touched.has(view.name)) continue;
    const make: Step = {
      phase: PHASES.view, about: [view.name, ...view.reads], description: `Create view ${displayName(view.name)}`, forward: createView(view),
      back: waiting(...(other ? onlyOn(other, after, before) : []).map(dropView), dropView(view)), holds: hasRelation(splitTableName(view.name).schema, splitTableName(view.name).table),
    };
    if (other) step(view, make);
    else differences.step(make);
  }
  const views = new Set([...before.views, ...after.views].map(({ name }) => name));
  const ofViews = (names: ReadonlySet<TableName>): ReadonlySet<TableName> => new Set([...names].filter((name) => views.has(name)));
  return { there: ofViews(there), back: ofViews(touched) };
}

/** Tables and views that change, with every view that stands on one of them. */
function touchedViews(pair: Pair, rebuilt: { readonly types: ReadonlySet<string>; readonly routines: ReadonlySet<string> }): Set<TableName> {
  const { before, after } = pair;
  const views = [...before.views, ...after.views];
  const fresh = new Map(after.views.map((view) => [view.name, view]));
  const touched = new Set<TableName>(touchedTables(pair, rebuilt.types));
  for (const view of views) if ([...rebuilt.routines].some((name) => mentions(view.definition, name))) touched.add(view.name);
  for (const view of before.views) {
    const other = fresh.get(view.name);
    if (!other || !isSameView(view, other)) touched.add(view.name);
  }
  for (let size = -1; size !== touched.size;) {
    size = touched.size;
    for (const view of views) if (view.reads.some((name) => touched.has(name))) touched.add(view.name);
  }
  return touched;
}

/** Of a view that is made again they come with it. */
function compareViewIndexes({ differences }: Pair, old: View, fresh: View, rebuilt: { readonly there: boolean; readonly back: boolean }): void {
  const text = (index: Index): string => `${index.unique} ${canonical(indexTail(index).replace(/^USING\s+btree\s*/i, ''))}`;
  const how = { concurrently: true };
  const tell = (rule: string, index: Index): void => differences.find(rule, { field_path: `views.${displayName(fresh.name)}.indexes.${index.name}`, new_value: index.definition, affected_operations: ['SELECT'], description: `The index ${index.name} of materialized view ${displayName(fresh.name)} ${rule.endsWith('added') ? 'is new' : rule.endsWith('removed') ? 'is gone' : 'is another one'}: ${index.definition}.` });
  const build = (index: Index): void => differences.step({ phase: PHASES.viewIndex, about: [fresh.name], description: `Build index ${index.name} of ${displayName(fresh.name)}`, forward: createIndex(fresh.name, index, how), back: dropIndex(fresh.name, index, how), holds: hasRelation(splitTableName(fresh.name).schema, index.name), transactional: false });
  const drop = (index: Index): void => differences.step({ phase: PHASES.dropRule, about: [fresh.name], description: `Drop index ${index.name} of ${displayName(fresh.name)}`, forward: dropIndex(fresh.name, index, how), back: rebuilt.back ? '-- It comes with its view.' : createIndex(fresh.name, index, how), holds: `NOT (${hasRelation(splitTableName(fresh.name).schema, index.name)})`, transactional: false });
  for (const index of old.indexes ?? []) {
    const now = fresh.indexes?.find(({ name }) => name === index.name);
    if (now && text(now) === text(index)) continue;
    tell(now ? 'materialized-view-index-modified' : 'materialized-view-index-removed', now ?? index);
    if (rebuilt.there) continue;
    drop(index);
    if (now) build(now);
  }
  for (const index of fresh.indexes ?? []) {
    if (old.indexes?.some(({ name }) => name === index.name)) continue;
    tell('materialized-view-index-added', index);
    if (!rebuilt.there) build(index);
  }
}

/** Views that only `there` has and that stand on this one: a second run meets them. What stands on others comes first. */
function onlyOn(view: View, here: Schema, there: Schema): View[] {
  const above = new Set<TableName>([view.name]);
  const ordered = byReading(there.views);
  for (const each of ordered) if (each.reads.some((name) => above.has(name))) above.add(each.name);
  return ordered.filter(({ name }) => name !== view.name && above.has(name) && !here.views.some((each) => each.name === name)).toReversed();
}

/** A view keeps the names of its columns, whatever becomes of what it reads. */
function isSameView(a: View, b: View): boolean {
  const named = a.columns.length === 0 || b.columns.length === 0 || a.columns.join('\0') === b.columns.join('\0');
  return named && a.materialized === b.materialized && canonical(a.definition) === canonical(b.definition);
}

/** Tables of which a column goes or changes its type, or which go. */
function touchedTables(pair: Pair, rebuilt: ReadonlySet<string>): TableName[] {
  const common = commonTables(pair);
  const changed = common.filter(({ old, fresh }) => old.columns.some((column) => {
    const other = fresh.columns.find(({ name }) => name === column.name);
    return other?.type !== column.type || other.collation !== column.collation || other.generated !== column.generated || rebuilt.has(column.type.replace(/(\[\])+$/, ''));
  }));
  const gone = pair.before.tables.filter(({ name }) => !common.some(({ fresh }) => fresh.name === name));
  return [...changed.map(({ fresh }) => fresh.name), ...gone.map(({ name }) => name)];
}

/** What is read before what reads it. */
function byReading(views: readonly View[]): View[] {
  const left = new Map(views.map((view) => [view.name, view]));
  const ordered: View[] = [];
  while (left.size > 0) {
    const next = [...left.values()].find((view) => !view.reads.some((name) => left.has(name))) ?? [...left.values()][0];
    if (!next) break;
    left.delete(next.name);
    ordered.push(next);
  }
  return ordered;
}
