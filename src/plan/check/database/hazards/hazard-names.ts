/** What may hurt while a statement runs, by the name that allows it. */
export const HAZARDS = {
  deletes_data: 'rows or values are gone; `loses` says which',
  table_rewrite: 'the table is written anew under a lock that keeps out readers and writers',
  index_rebuild: 'indexes are built anew under a lock that keeps out readers and writers',
  blocks_readers: 'readers and writers wait while rows are looked at',
  blocks_writers: 'writers wait while rows are looked at',
  refuses_rows: 'it fails if a row breaks the new rule',
  renames: 'code with the old name fails at once',
  view_rebuilt: 'grants on a view, and indexes of a materialized one, must be given again',
  not_known: 'no form of statement that is known here: its locks are not known',
} as const;

export type HazardName = keyof typeof HAZARDS;

export const HAZARD_NAMES = Object.keys(HAZARDS).filter(isHazard);

export function isHazard(name: string): name is HazardName {
  return Object.hasOwn(HAZARDS, name);
}
