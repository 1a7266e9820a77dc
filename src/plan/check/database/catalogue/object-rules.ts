import { rule, type DatabaseRule } from './rule.ts';

const REBUILT = 'Make the new type beside the old one, a new column of it, a trigger that keeps both the same, fill it in batches; in place the tables are written anew under a lock.';
const DOMAIN = 'ALTER DOMAIN … ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT; another base type is a new domain and a new column.';
const VIEW = 'Make the new one under a new name, let readers go over, then drop the old one.';
const GONE_TYPE = ['Casts to it and functions that take it fail; generated types of clients lose it.', 'Drop it when no column and no code names it.'] as const;
const NEW_TYPE = ['Nobody uses it yet.', 'Create it before the columns of it.'] as const;
const TRIGGER = 'Its function must be there; in a short transaction under a lock_timeout.';

/** Types that a schema defines. */
const TYPES: readonly DatabaseRule[] = [
  rule('enum-added', 'additive', '', NEW_TYPE),
  rule('enum-removed', 'breaking', 'rwa', GONE_TYPE),
  rule('enum-value-added', 'potentially_breaking', 'rpa', ['Readers that know only the others may fail on it; a subscriber must have it before the publisher sends it.', 'ALTER TYPE … ADD VALUE, when every reader bears it.']),
  rule('enum-value-removed', 'breaking', 'wp', ['Writers of it are refused; rows that have it stop the change; clients that know it never meet it.', `Let nobody write it, change the rows that have it. ${REBUILT}`]),
  rule('enum-order-changed', 'potentially_breaking', 'r', ['ORDER BY, comparisons and ranges of it give another answer.', REBUILT]),
  rule('domain-added', 'additive', '', NEW_TYPE),
  rule('domain-removed', 'breaking', 'rwa', GONE_TYPE),
  rule('domain-type-changed', 'breaking', 'rwpa', ['Readers and writers that bind the old type fail in every column of it; rows that do not fit stop the change.', DOMAIN]),
  rule('domain-restricted', 'breaking', 'wp', ['Writers of other values are refused in every column of it; rows that have them stop the change.', DOMAIN]),
  rule('domain-relaxed', 'potentially_breaking', 'r', ['Readers may meet values that were not there before, in every column of it.', 'Let readers bear the new values first.']),
  rule('domain-modified', 'potentially_breaking', 'r', ['Rows of writers that do not give a value have another one from now on.', 'Let every writer give the value it means before.']),
  rule('type-added', 'additive', '', NEW_TYPE),
  rule('type-removed', 'breaking', 'rwa', GONE_TYPE),
  rule('composite-type-changed', 'breaking', 'rwpa', ['Readers and writers that take it apart fail; rows that do not fit stop the change.', 'Make a new type and a new column of it.']),
];

/** Sequences, views, triggers and extensions. */
const OBJECTS: readonly DatabaseRule[] = [
  rule('sequence-added', 'additive', '', ['Nobody draws from it yet.', 'Start it above the numbers that are taken.']),
  rule('sequence-removed', 'breaking', 'w', ['Writers that draw from it fail.', 'Drop it when nobody draws from it.']),
  rule('sequence-modified', 'potentially_breaking', 'w', ['Writers get other numbers; it may end sooner, or meet numbers that are taken.', 'See that its next number is above every one that is taken.']),
  rule('sequence-shortened', 'potentially_breaking', 'w', ['It ends sooner: writers are refused when it has given out its last number.', 'See how far it is (last_value), and that the limit is far off.'], 'sequence_modified'),
  rule('view-added', 'additive', '', ['Nobody reads it yet.', 'Create it after what it reads.']),
  rule('view-removed', 'breaking', 'ra', ['Readers of it fail; the generated API loses its address.', 'Drop it when nobody reads it.']),
  rule('view-column-removed', 'breaking', 'ra', ['Readers of the column fail; the generated API loses the field; grants on the view must be given again.', VIEW], 'view_modified'),
  rule('view-modified', 'potentially_breaking', 'r', ['Readers get other rows or columns; grants on it must be given again.', VIEW]),
  rule('materialized-view-added', 'additive', '', ['Nobody reads it yet.', 'Create it after what it reads, WITH NO DATA, and refresh it in a quiet hour.']),
  rule('materialized-view-removed', 'breaking', 'ra', ['Readers of it fail; the generated API loses its address.', 'Drop it when nobody reads it.']),
  rule('materialized-view-column-removed', 'breaking', 'ra', ['Readers of the column fail; the generated API loses the field.', VIEW], 'materialized_view_modified'),
  rule('materialized-view-modified', 'potentially_breaking', 'r', ['Readers get other rows or columns; it is filled anew, and grants on it must be given again.', VIEW]),
  rule('trigger-added', 'potentially_breaking', 'wp', ['Each write calls its function; writes of replication only if it is enabled for them.', TRIGGER]),
  rule('trigger-removed', 'potentially_breaking', 'rw', ['What it did at each write is not done any more.', 'See what it kept up to date, and let something else do it first.']),
  rule('trigger-modified', 'potentially_breaking', 'wp', ['Each write does something else from now on.', TRIGGER]),
  rule('trigger-disabled', 'potentially_breaking', 'rw', ['What it did at each write is not done any more, though it looks as if it were there.', 'See what it kept up to date, and let something else do it first.'], 'trigger_modified'),
  rule('trigger-firing-changed', 'potentially_breaking', 'p', ['It fires for other writes from now on: those of applications, of replication, or of both; what it does may be done twice.', 'Decide on which side of the replication its work is done, and only there.'], 'trigger_modified'),
  rule('extension-added', 'additive', 'p', ['Every server must have it installed, the replicas too.', 'See in pg_available_extensions that it is there; it may need a superuser.']),
  rule('extension-removed', 'breaking', 'rw', ['Queries that use its functions, types and operators fail.', 'Drop it last, when nothing uses it.']),
];

export const OBJECT_RULES: readonly DatabaseRule[] = [...TYPES, ...OBJECTS];
