import { rule, type DatabaseRule } from './rule.ts';

const BESIDE = 'Make the new one under another name or with other arguments, let callers go over, then drop the old one.';

function routineRules(kind: 'function' | 'procedure'): DatabaseRule[] {
  return [
    rule(`${kind}-added`, 'additive', '', ['Nobody calls it yet.', 'Create it before the code that calls it.']),
    rule(`${kind}-removed`, 'breaking', 'rw', ['Whoever calls it, or calls it with these arguments, fails.', 'Log who calls it (track_functions, pg_stat_statements), and drop it when nobody does.']),
    rule(`${kind}-arguments-changed`, 'breaking', 'rw', ['Callers that name an argument, or leave one out that has no default any more, fail. It is dropped and made again: grants on it are lost where nothing is known of them, else given again.', BESIDE], `${kind}_modified`),
    rule(`${kind}-body-changed`, 'potentially_breaking', 'rw', ['It does something else from now on, for triggers, defaults and views that call it too; what is stored of its results (indexes, computed columns) stays as it was.', 'CREATE OR REPLACE, tried on a copy; REINDEX what is built on it.'], `${kind}_modified`),
    rule(`${kind}-security-changed`, 'potentially_breaking', 'rw', ['It runs with the rights of another role: of its owner or of whoever calls it.', 'With SECURITY DEFINER set its search_path and revoke EXECUTE from PUBLIC; without it, give callers the rights that it needs, first.'], `${kind}_modified`),
    rule(`${kind}-attributes-changed`, 'potentially_breaking', 'r', ['The planner may call it more seldom or more often, and null may be answered without calling it.', 'Declare it no stricter than it is: an index on what is not immutable is wrong.'], `${kind}_modified`),
  ];
}

/** Functions, procedures, policies, privileges, and what else a schema holds beside its tables. */
export const ROUTINE_RULES: readonly DatabaseRule[] = [
  ...routineRules('function'),
  rule('function-return-type-changed', 'breaking', 'rwa', ['Callers that bind the old type fail. It is dropped and made again: grants on it are lost where nothing is known of them, else given again, and what depends on it stands in the way.', BESIDE], 'function_modified'),
  ...routineRules('procedure'),
  rule('row-security-forced', 'breaking', 'rw', ['The owner too sees and writes only what a policy allows: migrations and jobs that run as the owner miss rows.', 'Run jobs as a role with BYPASSRLS, or give them a policy first.']),
  rule('row-security-unforced', 'potentially_breaking', 'r', ['The owner sees and writes every row.', 'See that no application logs in as the owner.']),
  rule('policy-added', 'potentially_breaking', 'ra', ['Its roles see or write rows that they did not before.', 'Try it with the roles that it is for; it does nothing until row security is on.']),
  rule('restrictive-policy-added', 'breaking', 'rwa', ['Its roles miss rows that they saw, and are refused what they wrote.', 'Try it with the roles that it is for, on a copy.'], 'policy_added'),
  rule('policy-removed', 'breaking', 'rwa', ['Its roles miss the rows that it let through, and are refused what they wrote.', 'Make what takes its place first; policies that permit add up.']),
  rule('restrictive-policy-removed', 'potentially_breaking', 'ra', ['Its roles see or write rows that were kept from them.', 'Make what takes its place first.'], 'policy_removed'),
  rule('policy-modified', 'potentially_breaking', 'rwa', ['Its roles see or write other rows.', 'Make the new one under another name, try it, then drop the old one; in one transaction where the two must not add up.']),
  rule('privilege-granted', 'additive', '', ['The role may do what it could not.', 'See that it should.']),
  rule('privilege-revoked', 'breaking', 'rwpa', ['The role is refused: readers, writers, a replication or the generated API that logs in by it.', 'Log who uses it, and revoke it when nobody does.']),
  rule('materialized-view-index-added', 'additive', '', ['Refreshing it costs more, reading it less.', 'CREATE INDEX CONCURRENTLY.']),
  rule('materialized-view-index-removed', 'potentially_breaking', 'r', ['Queries that used it may become slow; without a unique index REFRESH … CONCURRENTLY fails.', 'See in pg_stat_user_indexes that nobody uses it, then DROP INDEX CONCURRENTLY.']),
  rule('materialized-view-index-modified', 'potentially_breaking', 'r', ['Queries that used the old one may become slow; without a unique index REFRESH … CONCURRENTLY fails.', 'Build the new one CONCURRENTLY before the old one is dropped.']),
  rule('statistics-added', 'additive', '', ['Nothing until the next ANALYZE, which takes longer from then on.', 'ANALYZE the table behind it, and look at the plans of slow queries.']),
  rule('statistics-removed', 'potentially_breaking', 'r', ['The planner takes the columns for independent again: queries over several of them may become slow.', 'Compare the plans of the queries that name these columns on a copy, before and after.']),
  rule('statistics-modified', 'potentially_breaking', 'r', ['Until the next ANALYZE there are none, and then others: queries over these columns may become slow.', 'Make the new ones under another name, ANALYZE the table, then drop the old ones.']),
  rule('extension-version-changed', 'potentially_breaking', 'rwp', ['Its functions and types may do otherwise; the files of the version must be on every server, the replicas too. Few have a way back.', 'Read what changed in it, and try ALTER EXTENSION … UPDATE on a copy.']),
];
