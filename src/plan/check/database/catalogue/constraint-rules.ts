import { rule, type DatabaseRule } from './rule.ts';

const RENAMED = ['Code that reads the name out of an error, or names it in ON CONFLICT ON CONSTRAINT, must know the new one.', 'Rename it; nothing is built anew.'] as const;
const NOT_VALID = 'ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT.';
const BESIDE = 'Add the new one NOT VALID under another name, VALIDATE it, then drop the old one.';

/** Keys, checks, exclusions and indexes. */
export const CONSTRAINT_RULES: readonly DatabaseRule[] = [
  rule('primary-key-added', 'breaking', 'w', ['Writers of rows with the same or no key are refused.', 'CREATE UNIQUE INDEX CONCURRENTLY, NOT NULL by a validated check, then ADD PRIMARY KEY USING INDEX.']),
  rule('primary-key-removed', 'breaking', 'wpa', [
    'Replication can no longer tell rows apart: UPDATE and DELETE on a published table fail; ON CONFLICT on it fails; the generated API loses its address of one row.', 'Set REPLICA IDENTITY to another unique index first.',
  ]),
  rule('primary-key-modified', 'breaking', 'wpa', ['Rows are told apart otherwise: replication, ON CONFLICT and the addresses of the generated API change.', 'Build the new index CONCURRENTLY, let ON CONFLICT and replication go over, then change the key in one short transaction.']),
  rule('primary-key-renamed', 'non_breaking', 'w', RENAMED),
  rule('unique-added', 'breaking', 'wp', ['Writers of what is there twice are refused; rows that are there twice stop the change, and replication.', 'Look for what is there twice, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.']),
  rule('unique-removed', 'potentially_breaking', 'rw', ['ON CONFLICT on it fails; readers that count on one row may get more.', 'Take ON CONFLICT on it out of the writers first.']),
  rule('unique-modified', 'potentially_breaking', 'w', ['Writers meet another rule; ON CONFLICT on the old one fails.', 'Build the new index CONCURRENTLY beside the old one.']),
  rule('unique-renamed', 'non_breaking', 'w', RENAMED),
  rule('foreign-key-added', 'breaking', 'wp', ['Writers of rows without a partner are refused; replication must bring the partner first.', 'ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT; index the column first.']),
  rule('foreign-key-removed', 'potentially_breaking', 'r', ['Nothing keeps rows with their partners any more; deletes do not cascade.', 'Let the code that counts on it look after itself first.']),
  rule('foreign-key-modified', 'potentially_breaking', 'w', ['Deletes and updates of the other table do something else now.', BESIDE]),
  rule('foreign-key-cascades', 'potentially_breaking', 'rp', [
    'A DELETE or UPDATE of one row takes or changes others with it, as many as there are; a MySQL or MariaDB log does not have those.', 'Let the application delete in batches; or add the new one NOT VALID under another name, VALIDATE it, then drop the old one.',
  ], 'foreign_key_modified'),
  rule('foreign-key-renamed', 'non_breaking', 'w', RENAMED),
  rule('foreign-key-without-index', 'non_breaking', 'w', ['Each DELETE of a partner, and each UPDATE of its key, reads the whole table to look for rows that refer to it.', 'CREATE INDEX CONCURRENTLY on its columns.']),
  rule('constraint-not-validated', 'non_breaking', 'r', ['Rows that were there before may break it: readers and the planner can not count on it.', 'Mend the rows, then VALIDATE CONSTRAINT, which keeps nobody out.']),
  rule('check-added', 'breaking', 'wp', ['Writers of other values are refused; rows that have them stop the change, and replication.', NOT_VALID]),
  rule('check-removed', 'potentially_breaking', 'r', ['Readers may meet values that could not be there before.', 'Let readers bear the new values first.']),
  rule('check-modified', 'potentially_breaking', 'w', ['Writers meet another rule.', BESIDE]),
  rule('check-renamed', 'non_breaking', 'w', RENAMED),
  rule('exclusion-added', 'breaking', 'wp', ['Writers of rows that overlap are refused; rows that do stop the change.', 'Look for rows that overlap; its index is built under a lock: in a quiet hour.']),
  rule('exclusion-removed', 'potentially_breaking', 'r', ['Readers may meet rows that overlap.', 'Let readers bear rows that overlap first.']),
  rule('exclusion-modified', 'potentially_breaking', 'w', ['Writers meet another rule.', 'In a quiet hour: its index is built under a lock.']),
  rule('exclusion-renamed', 'non_breaking', 'w', RENAMED),
  rule('index-added', 'additive', '', ['Writes cost more, reads less.', 'CREATE INDEX CONCURRENTLY.']),
  rule('unique-index-added', 'breaking', 'wp', ['Writers of what is there twice are refused; rows that are there twice stop the change, and replication.', 'Look for what is there twice, then CREATE UNIQUE INDEX CONCURRENTLY; one that fails is left invalid and must be dropped.'], 'index_added'),
  rule('index-removed', 'potentially_breaking', 'r', ['Queries that used it may become slow.', 'See in pg_stat_user_indexes, on the standbys too, that nobody uses it, then DROP INDEX CONCURRENTLY.']),
  rule('unique-index-removed', 'potentially_breaking', 'rw', ['ON CONFLICT on it fails; readers that count on one row may get more; queries that used it may become slow.', 'Take ON CONFLICT on it out of the writers first, then DROP INDEX CONCURRENTLY.'], 'index_removed'),
  rule('index-modified', 'non_breaking', 'r', ['Queries that used the old one may become slow.', 'Build the new one CONCURRENTLY before the old one is dropped.']),
  rule('unique-index-modified', 'breaking', 'wp', ['Writers meet another rule; ON CONFLICT on the old one fails; rows that break the new one stop the change.', 'Build the new one CONCURRENTLY under another name before the old one is dropped.'], 'index_modified'),
  rule('index-redundant', 'non_breaking', 'w', ['Every write pays for it, and another index begins with the same columns already.', 'Leave it out, or drop the shorter one CONCURRENTLY.']),
  rule('index-renamed', 'non_breaking', 'w', RENAMED),
];
