/*
 * What a database's catalogue says of everything that users make, read without Banyan's own reader: a proof that
 * two schemas are the same may not see them through the eyes that it judges.
 */

const NOT_OF_EXTENSION = (catalogue: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '${catalogue}'::regclass AND x.objid = ${oid} AND x.deptype = 'e')`;

/** Privileges that nobody gave are those of the owner, spelled out or not. */
const SORTED_ACL = (acl: string): string => `(SELECT string_agg(x::text, ',' ORDER BY x::text COLLATE "C") FROM unnest(${acl}) x)`;

/**
 * One row, one text: a line for each thing, in order. Left out: the order of columns, which no ALTER TABLE changes,
 * the names of NOT NULL constraints, and numbers that a sequence has reached.
 */
export const CATALOGUE = `
WITH s AS MATERIALIZED (
  SELECT oid, quote_ident(nspname) AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
), r AS MATERIALIZED (
  SELECT c.*, s.name || '.' || quote_ident(c.relname) AS name FROM pg_class c JOIN s ON s.oid = c.relnamespace
   WHERE c.relkind <> 't' AND ${NOT_OF_EXTENSION('pg_class', 'c.oid')}
), line (text) AS (
  SELECT 'schema ' || name FROM s
  UNION ALL SELECT concat_ws(' ', 'extension', extname, extnamespace::regnamespace) FROM pg_extension
  UNION ALL
  SELECT concat_ws(' ', 'relation', r.name, r.relkind, r.relpersistence, r.reloptions::text, CASE WHEN r.relrowsecurity THEN 'row security' END,
           CASE WHEN r.relforcerowsecurity THEN 'forced' END, CASE WHEN r.relkind IN ('r', 'p') THEN 'identity ' || r.relreplident::text END, ${SORTED_ACL("coalesce(r.relacl, acldefault('r', r.relowner))")},
           CASE WHEN r.relispartition THEN 'of ' || (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = r.oid) || ' ' || pg_get_expr(r.relpartbound, r.oid) END,
           CASE WHEN r.relkind = 'p' THEN 'by ' || pg_get_partkeydef(r.oid) END,
           CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END, 'comment ' || obj_description(r.oid, 'pg_class'))
    FROM r WHERE r.relkind NOT IN ('i', 'I', 'S')
  UNION ALL
  SELECT concat_ws(' ', 'column', r.name, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
           'identity ' || nullif(a.attidentity::text, ''), CASE WHEN a.attgenerated::text = '' THEN 'default ' ELSE 'generated ' || a.attgenerated::text || ' ' END || pg_get_expr(d.adbin, d.adrelid),
           CASE WHEN a.attcollation <> t.typcollation THEN 'collate ' || a.attcollation::regcollation::text END, CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END,
           a.attacl::text, 'comment ' || col_description(r.oid, a.attnum))
    FROM r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
   WHERE r.relkind IN ('r', 'p', 'c', 'f')
  UNION ALL
  SELECT concat_ws(' ', 'constraint', coalesce(r.name, k.contypid::regtype::text), quote_ident(k.conname), pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'unproven' END,
           CASE WHEN k.conislocal THEN 'own' ELSE 'inherited' END, 'comment ' || obj_description(k.oid, 'pg_constraint'))
    FROM pg_constraint k LEFT JOIN r ON r.oid = k.conrelid
   WHERE k.contype NOT IN ('n', 't') AND (r.oid IS NOT NULL OR k.contypid IN (SELECT t.oid FROM pg_type t JOIN s ON s.oid = t.typnamespace))
  UNION ALL
  SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), CASE WHEN NOT i.indisvalid OR NOT i.indisready THEN 'invalid' END, CASE WHEN i.indisprimary THEN 'primary' END,
           CASE WHEN i.indisreplident THEN 'identity' END, CASE WHEN i.indisclustered THEN 'clustered' END, 'comment ' || obj_description(i.indexrelid, 'pg_class'))
    FROM r JOIN pg_index i ON i.indrelid = r.oid
  UNION ALL
  SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(g.oid), g.tgenabled, 'comment ' || obj_description(g.oid, 'pg_trigger'))
    FROM r JOIN pg_trigger g ON g.tgrelid = r.oid WHERE NOT g.tgisinternal
  UNION ALL
  SELECT concat_ws(' ', 'policy', r.name, quote_ident(p.polname), p.polcmd, p.polpermissive, p.polroles::regrole[]::text, pg_get_expr(p.polqual, r.oid), pg_get_expr(p.polwithcheck, r.oid))
    FROM r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT concat_ws(' ', 'sequence', r.name, q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle,
           (SELECT 'of ' || d.refobjid::regclass::text || '.' || quote_ident(a.attname) || ' ' || d.deptype::text FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')), ${SORTED_ACL("coalesce(r.relacl, acldefault('s', r.relowner))")})
    FROM r JOIN pg_sequence q ON q.seqrelid = r.oid
  UNION ALL
  SELECT concat_ws(' ', 'type', t.oid::regtype, t.typtype, CASE WHEN t.typtype = 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN 'not null' END, 'default ' || t.typdefault) END,
           (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
           (SELECT concat_ws(' ', g.rngsubtype::regtype, g.rngsubdiff, g.rngcollation) FROM pg_range g WHERE g.rngtypid = t.oid), ${SORTED_ACL("coalesce(t.typacl, acldefault('T', t.typowner))")}, 'comment ' || obj_description(t.oid, 'pg_type'))
    FROM pg_type t JOIN s ON s.oid = t.typnamespace
   WHERE t.typtype IN ('e', 'd', 'r') AND ${NOT_OF_EXTENSION('pg_type', 't.oid')}
  UNION ALL
  SELECT concat_ws(' ', 'composite type', r.name, ${SORTED_ACL("coalesce(t.typacl, acldefault('T', t.typowner))")})
    FROM r JOIN pg_type t ON t.typrelid = r.oid WHERE r.relkind = 'c'
  UNION ALL SELECT 'statistics ' || pg_get_statisticsobjdef(e.oid) FROM pg_statistic_ext e JOIN s ON s.oid = e.stxnamespace
  UNION ALL
  SELECT concat_ws(' ', 'function', pg_get_functiondef(p.oid), ${SORTED_ACL("coalesce(p.proacl, acldefault('f', p.proowner))")}, 'comment ' || obj_description(p.oid, 'pg_proc'))
    FROM pg_proc p JOIN s ON s.oid = p.pronamespace WHERE p.prokind IN ('f', 'p') AND ${NOT_OF_EXTENSION('pg_proc', 'p.oid')}
)
SELECT string_agg(text, E'\\n' ORDER BY text COLLATE "C") AS all FROM line`;

const OF_USERS = 16_384;

/** Of each table of the catalogue, the column that tells rows of what users made. */
const WRITTEN: Readonly<Record<string, string>> = {
  pg_class: 'oid', pg_attribute: 'attrelid', pg_attrdef: 'adrelid', pg_constraint: 'oid', pg_index: 'indexrelid', pg_trigger: 'oid', pg_policy: 'oid', pg_rewrite: 'oid', pg_type: 'oid', pg_enum: 'oid',
  pg_proc: 'oid', pg_sequence: 'seqrelid', pg_description: 'objoid', pg_inherits: 'inhrelid', pg_namespace: 'oid', pg_range: 'rngtypid', pg_extension: 'oid', pg_statistic_ext: 'oid',
};

/** One row, one text: which transactions wrote the rows of the catalogue. Where it is the same, nothing was written in between, not even the same once more. */
export const WRITINGS = `SELECT concat_ws(' ', ${Object.entries(WRITTEN).map(([table, column]) => `(SELECT '${table} ' || count(*) || ' ' || sum(hashint8(((${column}::bigint) << 32) + xmin::text::bigint)) FROM pg_catalog.${table} WHERE ${column} >= ${OF_USERS})`).join(', ')}) AS writings`;

/** Tables of the catalogue that many schemas, made and dropped, fill with dead rows. */
export const FILLED: readonly string[] = [
  'pg_class', 'pg_attribute', 'pg_depend', 'pg_type', 'pg_constraint', 'pg_index', 'pg_attrdef', 'pg_sequence', 'pg_trigger', 'pg_rewrite', 'pg_description', 'pg_shdepend', 'pg_inherits', 'pg_enum', 'pg_proc', 'pg_statistic',
];
