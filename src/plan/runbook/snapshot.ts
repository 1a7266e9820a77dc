import type { Schema } from '../../model/schema.ts';

/** What a database holds: each part of its catalogue, and its rows, by a name that people know. */
export type Snapshot = ReadonlyMap<string, string>;

/** Parts that are told apart; statistics are not of the structure, nor is the order of a table's columns. */
export function catalogueParts(schema: Schema): Map<string, string> {
  const parts = new Map<string, string>();
  for (const { name: table, columns, estimatedRows: _rows, bytes: _bytes, foreignKeys, checks, exclusions, uniques, indexes, triggers, ...rest } of schema.tables) {
    parts.set(table, JSON.stringify(rest));
    const each = { column: columns, 'foreign key': foreignKeys, check: checks, exclusion: exclusions ?? [], unique: uniques, index: indexes, trigger: triggers };
    for (const [kind, things] of Object.entries(each)) for (const thing of things) parts.set(`${table} ${kind} ${thing.name}`, JSON.stringify(thing));
  }
  for (const [kind, things] of Object.entries({ enum: schema.enums, domain: schema.domains, sequence: schema.sequences, view: schema.views })) for (const thing of things) parts.set(`${kind} ${thing.name}`, JSON.stringify(thing));
  return parts;
}

/** What is not as it was, in words. */
export function changesBetween(before: Snapshot, after: Snapshot): string[] {
  return [
    ...[...before].flatMap(([name, was]) => (after.has(name) ? (after.get(name) === was ? [] : [`${name} is not as it was`]) : [`${name} is gone`])),
    ...[...after.keys()].filter((name) => !before.has(name)).map((name) => `${name} was left behind`),
  ];
}
