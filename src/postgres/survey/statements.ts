/*
 * What a survey asks. Only reads, each with the lock of a SELECT, which keeps no writer waiting.
 */

/** A session of its own for each question: a server that is asked too much of answers with an error instead. */
export const READ_ONLY = (timeoutMs: number): string =>
  `BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = ${timeoutMs}; SET LOCAL lock_timeout = 200; SET LOCAL max_parallel_workers_per_gather = 0`;

export const SERVER = `
SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number, pg_is_in_recovery()::text AS standby, current_setting('wal_level') AS wal_level,
  (SELECT CASE WHEN setting::bigint < 0 THEN NULL ELSE setting::bigint * 1048576 END FROM pg_settings WHERE name = 'max_slot_wal_keep_size')::text AS slot_limit,
  current_database() AS database`;

/** The present position of the log; a standby has none of its own. */
export const WAL = `SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text END AS bytes`;

const LEAVES = `
SELECT c.oid AS root, t.relid AS leaf FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf UNION SELECT c.oid) t
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'banyan') AND n.nspname NOT LIKE 'pg\\_%'`;

/** Of each table with its partitions. Counts of rows come from the last VACUUM or ANALYZE, as dense as the pages were then. */
export const TABLES = `
WITH leaves AS (${LEAVES})
SELECT n.nspname AS schema, c.relname AS name, sum(pg_table_size(l.leaf))::text AS table_bytes, sum(pg_total_relation_size(l.leaf))::text AS total_bytes,
  sum(CASE WHEN k.relkind = 'r' THEN pg_relation_size(l.leaf) / current_setting('block_size')::bigint ELSE 0 END)::text AS pages,
  CASE WHEN bool_or(k.relkind = 'r' AND (k.reltuples < 0 OR k.relpages = 0 AND pg_relation_size(l.leaf) > 0)) THEN NULL
       ELSE sum(CASE WHEN k.relkind = 'r' AND k.relpages > 0 THEN k.reltuples / k.relpages * (pg_relation_size(l.leaf) / current_setting('block_size')::bigint) ELSE 0 END)::bigint END::text AS rows,
  coalesce(sum(pg_stat_get_tuples_updated(l.leaf)), 0)::text AS updated, coalesce(sum(pg_stat_get_tuples_hot_updated(l.leaf)), 0)::text AS hot, coalesce(sum(pg_stat_get_live_tuples(l.leaf)), 0)::text AS live,
  (array_agg(l.leaf::regclass::text ORDER BY CASE WHEN k.relkind = 'r' THEN pg_relation_size(l.leaf) ELSE -1 END DESC))[1] AS largest,
  (SELECT pg_relation_size(x.leaf) / current_setting('block_size')::bigint FROM leaves x JOIN pg_class y ON y.oid = x.leaf AND y.relkind = 'r' WHERE x.root = c.oid ORDER BY 1 DESC LIMIT 1)::text AS largest_pages,
  has_table_privilege(c.oid, 'SELECT')::text AS readable,
  coalesce((SELECT json_agg(json_build_object('name', i.relname, 'bytes', (SELECT sum(pg_relation_size(p.relid)) FROM pg_partition_tree(i.oid) p WHERE p.isleaf), 'columns', CASE WHEN x.indexprs IS NULL THEN
       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY k (attnum, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.n <= x.indnkeyatts) END) ORDER BY i.relname)
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND i.relkind IN ('i', 'I')), '[]')::text AS indexes
FROM leaves l JOIN pg_class c ON c.oid = l.root JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class k ON k.oid = l.leaf
GROUP BY c.oid, n.nspname, c.relname ORDER BY n.nspname, c.relname`;

/** Rows written to each table since the statistics were reset. */
export const WRITES = `
WITH leaves AS (${LEAVES})
SELECT n.nspname AS schema, c.relname AS name, sum(coalesce(pg_stat_get_tuples_inserted(l.leaf), 0) + coalesce(pg_stat_get_tuples_updated(l.leaf), 0) + coalesce(pg_stat_get_tuples_deleted(l.leaf), 0))::text AS writes
FROM leaves l JOIN pg_class c ON c.oid = l.root JOIN pg_namespace n ON n.oid = c.relnamespace GROUP BY n.nspname, c.relname`;

/** Text of the functions that triggers call, the server's own and those of extensions left out. */
export const TRIGGERS = `
SELECT n.nspname AS schema, c.relname AS name, t.tgname AS trigger, l.lanname AS language, p.prosrc AS body, CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN pg_get_functiondef(p.oid) END AS definition
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'D' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'banyan') AND p.pronamespace <> 'pg_catalog'::regnamespace AND t.tgname NOT LIKE 'banyan\\_%'
ORDER BY n.nspname, c.relname, t.tgname`;

/** Whoever may not see other users' sessions sees no beginning of their transactions. */
export const TRANSACTIONS = `
SELECT pid::text AS pid, application_name AS application, coalesce(state, '') AS state, extract(epoch FROM clock_timestamp() - xact_start)::numeric(20,3)::text AS seconds
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start < clock_timestamp() - make_interval(secs => $1::double precision) ORDER BY xact_start`;

export const HIDDEN_SESSIONS = `SELECT count(*)::text AS hidden FROM pg_stat_activity WHERE datname = current_database() AND backend_type IS NULL AND pid <> pg_backend_pid()`;

export const PREPARED = `SELECT gid AS id, extract(epoch FROM clock_timestamp() - prepared)::numeric(20,3)::text AS seconds FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared`;

export const EXTENSIONS = `SELECT extname AS name, extversion AS version FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname`;

/** Columns whose values mean something on this server only. */
export const ODD_TYPES = `
SELECT n.nspname AS schema, c.relname AS name, json_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)::text AS columns
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'banyan')
  AND a.atttypid::regtype::text IN ('regclass', 'regproc', 'regprocedure', 'regoper', 'regoperator', 'regrole', 'regtype', 'regnamespace', 'tid', 'xid', 'xid8', 'cid', 'pg_snapshot', 'txid_snapshot', 'money')
GROUP BY n.nspname, c.relname`;
