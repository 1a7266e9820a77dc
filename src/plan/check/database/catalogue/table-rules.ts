import { rule, type DatabaseRule } from './rule.ts';

/** Tables, their partitions and settings. */
export const TABLE_RULES: readonly DatabaseRule[] = [
  rule('table-added', 'additive', '', ['Nobody knows it yet; a publication of all tables sends it, and a subscriber must have it.', 'Create it before the code that uses it.']),
  rule('table-without-key', 'non_breaking', 'pa', [
    'Nothing tells its rows apart: once it is published, UPDATE and DELETE on it fail; the generated API has no address of one row.',
    'Give it a primary key while it is empty; later that needs an index on every row.',
  ]),
  rule('table-removed', 'breaking', 'rwpa', ['Readers, writers and replication of it fail; the generated API loses its addresses.', 'Contract last: take it out of all code, rename it and wait a release, take a copy, then drop it.']),
  rule('table-renamed', 'breaking', 'rwpa', [
    'Readers, writers and replication by the old name fail; the generated API has another address.',
    'In one transaction rename it and create a view of the old name that selects everything from it (it can be written through); drop the view when nobody uses it.',
  ]),
  rule('partition-added', 'additive', 'p', ['Nobody names it yet; a subscriber that gets partitions by their names must have it.', 'Make it as a table of its own, with a validated CHECK of its bound, and attach it.']),
  rule('partition-removed', 'breaking', 'rw', ['Its rows are gone, and new rows of its range are refused.', 'DETACH PARTITION CONCURRENTLY, take a copy, then drop the table.']),
  rule('partition-attached', 'potentially_breaking', 'rw', ['Its rows appear in the parent; a row outside of the bound stops the change.', 'ATTACH PARTITION with a validated CHECK of the bound, so that no row is looked at under the lock.'], 'partitioning_changed'),
  rule('partition-detached', 'potentially_breaking', 'rw', ['Its rows are no longer in the parent, and new rows of its range are refused there.', 'DETACH PARTITION CONCURRENTLY, when nobody looks for them in the parent.'], 'partitioning_changed'),
  rule('partitioning-changed', 'potentially_breaking', 'rw', [
    'Keys must hold the partition key; queries without it look into every partition; rows without a partition are refused.',
    'Make the new table beside the old one, copy in batches with a trigger that follows, then swap the names. No script here does it.',
  ]),
  rule('table-unlogged', 'potentially_breaking', 'rp', ['Its rows are gone after a crash; no replica has them.', 'The table is written anew under a lock: in a quiet hour, or copied into a new one.'], 'persistence_changed'),
  rule('table-logged', 'potentially_breaking', 'w', ['Each write goes to the log and costs more; the log grows by the whole table at once.', 'The table is written anew under a lock: in a quiet hour, or copied into a new one.'], 'persistence_changed'),
  rule('row-security-enabled', 'breaking', 'rwa', ['Whoever is not the owner sees and writes only what a policy allows; without a policy, nothing.', 'Create the policies first; try them with the roles that use the table.']),
  rule('row-security-disabled', 'potentially_breaking', 'ra', ['Everybody with a grant sees every row.', 'Revoke what nobody may see first.']),
  rule('replica-identity-lost', 'potentially_breaking', 'wp', ['Nothing tells replication which row was changed: UPDATE and DELETE of a published table fail.', 'Take it out of every publication first, or keep a key.'], 'replica_identity_changed'),
  rule('replica-identity-changed', 'potentially_breaking', 'p', ['Replication may not find the rows that were changed, or sends more of each.', 'See that every subscriber has an index on it.']),
  rule('table-comment-changed', 'non_breaking', '', ['Documentation made of it changes.', 'Nothing to do.'], 'comment_changed'),
];
