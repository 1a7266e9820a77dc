/*
 * All SQL of the catalogue reader: one statement per kind of object, never one per table. Each
 * returns one row with one column, a JSON array as text. The session's search_path is pg_catalog, so
 * the server writes every other schema's names qualified. `$1` is the list of tables' oids.
 */

/** Schemas whose tables are nobody's: the server's, temporary ones and Banyan's own. */
export const USER_SCHEMA = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'banyan')
  AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'`;

export const notOfExtension = (catalogue: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalogue}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

export const asJson = (select: string): string => `SELECT coalesce(json_agg(row_to_json(r)), '[]')::text AS json FROM (${select}) r`;

/** Every user table: what it is called and whose partition it is. Takes no parameter. */
export const TABLE_LIST = asJson(`
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name,
         (SELECT i.inhparent::text FROM pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition) AS parent
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND ${USER_SCHEMA} AND ${notOfExtension('pg_class', 'c.oid')}`);

export const TABLES = asJson(`
  SELECT c.oid::text AS oid, c.relkind AS kind, c.relispartition AS "isPartition",
         pg_get_expr(c.relpartbound, c.oid) AS bound,
         CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partitionBy",
         c.relreplident AS "replicaIdentity",
         (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
           WHERE i.indrelid = c.oid AND i.indisreplident) AS "replicaIdentityIndex",
         c.relpersistence = 'u' AS unlogged, c.relrowsecurity AS "rowSecurity",
         obj_description(c.oid, 'pg_class') AS comment,
         -- Before version 14 an empty and a never analysed table both say 0.
         CASE WHEN c.relpages = 0 AND c.reltuples = 0 AND current_setting('server_version_num')::int < 140000
              THEN -1 ELSE c.reltuples END::bigint AS "estimatedRows",
         coalesce(pg_total_relation_size(c.oid), 0) AS bytes
    FROM pg_class c WHERE c.oid = ANY ($1::oid[])`);

export const COLUMNS = asJson(`
  SELECT a.attrelid::text AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
         NOT a.attnotnull AS nullable, pg_get_expr(d.adbin, d.adrelid) AS expression,
         a.attidentity AS identity, a.attgenerated AS generated,
         CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation THEN
           CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END || quote_ident(k.collname)
         END AS collation,
         col_description(a.attrelid, a.attnum) AS comment
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation k ON k.oid = a.attcollation
    LEFT JOIN pg_namespace n ON n.oid = k.collnamespace
   WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
   ORDER BY a.attrelid, a.attnum`);

/**
 * Keys, foreign keys, checks and exclusions. A partition's checks and foreign keys that come from
 * its parent are left out: they belong to the parent. Its keys stay, since rows are found by them.
 */
export const constraints = (serverVersion: number): string =>
  asJson(`
  SELECT k.conrelid::text AS "table", k.contype AS type, k.conname AS name, k.condeferrable AS deferrable,
         pg_get_constraintdef(k.oid) AS definition,
         (SELECT json_agg(a.attname ORDER BY u.at)
            FROM unnest(k.conkey) WITH ORDINALITY u (attnum, at)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS columns,
         ${serverVersion >= 150000 ? 'coalesce(i.indnullsnotdistinct, false)' : 'false'} AS "nullsNotDistinct",
         fn.nspname AS "foreignSchema", f.relname AS "foreignTable",
         (SELECT json_agg(a.attname ORDER BY u.at)
            FROM unnest(k.confkey) WITH ORDINALITY u (attnum, at)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS "foreignColumns",
         k.confdeltype AS "onDelete", k.confupdtype AS "onUpdate"
    FROM pg_constraint k
    LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u')
    LEFT JOIN pg_class f ON f.oid = k.confrelid
    LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
   WHERE k.conrelid = ANY ($1::oid[])
     AND (k.contype IN ('p', 'u', 'x') OR k.contype = 'f' AND k.conparentid = 0 OR k.contype = 'c' AND k.coninhcount = 0)
   ORDER BY k.conname COLLATE "C"`);

export const INDEXES = asJson(`
  SELECT i.indrelid::text AS "table", c.relname AS name, i.indisunique AS unique, i.indpred IS NOT NULL AS partial,
         pg_get_indexdef(i.indexrelid) AS definition,
         (SELECT json_agg(a.attname ORDER BY u.at)
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY u (attnum, at)
            LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND u.attnum <> 0
           WHERE u.at <= i.indnkeyatts) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
   WHERE i.indrelid = ANY ($1::oid[]) AND i.indislive AND (i.indisvalid OR c.relkind = 'I')
     AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
   ORDER BY c.relname COLLATE "C"`);

export const TRIGGERS = asJson(`
  SELECT g.tgrelid::text AS "table", g.tgname AS name, pg_get_triggerdef(g.oid) AS definition, g.tgenabled AS enabled,
         quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS calls
    FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE g.tgrelid = ANY ($1::oid[]) AND NOT g.tgisinternal AND g.tgparentid = 0
   ORDER BY g.tgname COLLATE "C"`);

/** The types which the tables' columns, defaults, checks and indexes need, and the types these are made of. */
const NEEDED_TYPES = `
  WITH RECURSIVE part (classid, objid) AS (
    SELECT 'pg_class'::regclass::oid, unnest($1::oid[])
    UNION ALL SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d WHERE d.adrelid = ANY ($1::oid[])
    UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k WHERE k.conrelid = ANY ($1::oid[])
    UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = ANY ($1::oid[])
  ), needed (oid) AS (
    SELECT d.refobjid FROM part p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid
     WHERE d.refclassid = 'pg_type'::regclass
    UNION SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
    UNION SELECT x.oid FROM needed d JOIN pg_type t ON t.oid = d.oid
      CROSS JOIN LATERAL (
        SELECT t.typelem UNION ALL SELECT t.typbasetype
        UNION ALL SELECT g.rngsubtype FROM pg_range g WHERE g.rngtypid = t.oid
        UNION ALL SELECT d.refobjid FROM pg_depend d WHERE t.typtype = 'm' AND d.classid = 'pg_type'::regclass AND d.objid = t.oid
                                                       AND d.refclassid = 'pg_type'::regclass
        UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND t.typtype = 'c'
      ) x (oid) WHERE x.oid <> 0
  )`;

/** `$2`: whether every type of the database is wanted, needed by a table or not. */
export const ENUMS = `${NEEDED_TYPES}
  ${asJson(`
  SELECT n.nspname AS schema, t.typname AS name,
         (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS labels
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
   WHERE t.typtype = 'e' AND ${USER_SCHEMA} AND ${notOfExtension('pg_type', 't.oid')}
     AND ($2::boolean OR t.oid IN (SELECT oid FROM needed))
   ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"`)}`;

/** `$2` as in {@link ENUMS}. */
export const DOMAINS = `${NEEDED_TYPES}
  ${asJson(`
  SELECT n.nspname AS schema, t.typname AS name, format_type(t.typbasetype, t.typtypmod) AS "baseType",
         NOT t.typnotnull AS nullable, t.typdefault AS "default",
         (SELECT coalesce(json_agg(json_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid))
                          ORDER BY k.conname COLLATE "C"), '[]')
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c') AS checks
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
   WHERE t.typtype = 'd' AND ${USER_SCHEMA} AND ${notOfExtension('pg_type', 't.oid')}
     AND ($2::boolean OR t.oid IN (SELECT oid FROM needed))
   ORDER BY n.nspname COLLATE "C", t.typname COLLATE "C"`)}`;

/**
 * `$2` as in {@link ENUMS}. Not the row type of a table, nor a range that rests on a function of the
 * user's: functions are not carried over.
 */
export const STRUCTURED_TYPES = `${NEEDED_TYPES}
  ${asJson(`
  SELECT n.nspname AS schema, t.typname AS name, 'composite' AS kind, made.definition, made.parts
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c',
    LATERAL (
      SELECT 'AS (' || coalesce(string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attcollation NOT IN (0, e.typcollation)
                       THEN ' COLLATE ' || quote_ident(ln.nspname) || '.' || quote_ident(l.collname) ELSE '' END, ', ' ORDER BY a.attnum), '') || ')' AS definition,
             coalesce(json_agg(format_type(a.atttypid, NULL)), '[]') AS parts
        FROM pg_attribute a JOIN pg_type e ON e.oid = a.atttypid
        LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) made
   WHERE t.typtype = 'c' AND ${USER_SCHEMA} AND ${notOfExtension('pg_type', 't.oid')}
     AND ($2::boolean OR t.oid IN (SELECT oid FROM needed))
  UNION ALL
  SELECT n.nspname, t.typname, 'range',
         'AS RANGE (SUBTYPE = ' || format_type(r.rngsubtype, NULL)
           || ', SUBTYPE_OPCLASS = ' || quote_ident(onsp.nspname) || '.' || quote_ident(o.opcname)
           || CASE WHEN r.rngcollation NOT IN (0, s.typcollation) THEN ', COLLATION = ' || quote_ident(ln.nspname) || '.' || quote_ident(l.collname) ELSE '' END
           || CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::regproc::text ELSE '' END || ')',
         json_build_array(format_type(r.rngsubtype, NULL))
    FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid JOIN pg_namespace n ON n.oid = t.typnamespace
    JOIN pg_type s ON s.oid = r.rngsubtype
    JOIN pg_opclass o ON o.oid = r.rngsubopc JOIN pg_namespace onsp ON onsp.oid = o.opcnamespace
    LEFT JOIN pg_collation l ON l.oid = r.rngcollation LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
   WHERE r.rngcanonical = 0 AND ${USER_SCHEMA} AND ${notOfExtension('pg_type', 't.oid')}
     AND NOT EXISTS (SELECT FROM pg_proc f WHERE f.oid = r.rngsubdiff AND f.pronamespace <> 'pg_catalog'::regnamespace)
     AND ($2::boolean OR t.oid IN (SELECT oid FROM needed))
   ORDER BY 1, 2`)}`;

/** `$2`: whether every extension is wanted; else those that give the tables a type, function or operator class. */
export const EXTENSIONS = `${NEEDED_TYPES}
  ${asJson(`
  SELECT x.extname AS name, n.nspname AS schema FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
   WHERE x.extname <> 'plpgsql' AND ($2::boolean
      OR x.oid IN (SELECT e.refobjid FROM pg_depend e JOIN needed ON needed.oid = e.objid
                    WHERE e.classid = 'pg_type'::regclass AND e.deptype = 'e')
      OR x.oid IN (SELECT e.refobjid FROM part p
                     JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid
                     JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'))
   ORDER BY x.extname COLLATE "C"`)}`;

/** `$2`: whether every sequence is wanted; else those that a column of the tables owns or draws from. */
export const SEQUENCES = asJson(`
  SELECT n.nspname AS schema, c.relname AS name, format_type(s.seqtypid, NULL) AS type,
         s.seqincrement::text AS increment, s.seqmin::text AS min, s.seqmax::text AS max, s.seqcycle AS cycle,
         s.seqstart::text AS start, s.seqcache::text AS cache,
         o.relname AS "ownerTable", os.nspname AS "ownerSchema", a.attname AS "ownerColumn",
         d.deptype = 'i' AS identity
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_class o ON o.oid = d.refobjid
    LEFT JOIN pg_namespace os ON os.oid = o.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_class', 'c.oid')}
     AND ($2::boolean OR d.refobjid = ANY ($1::oid[])
       OR c.oid IN (SELECT u.refobjid FROM pg_attrdef f JOIN pg_depend u ON u.classid = 'pg_attrdef'::regclass AND u.objid = f.oid
                     WHERE f.adrelid = ANY ($1::oid[]) AND u.refclassid = 'pg_class'::regclass))
   ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`);

/** Every view. Takes no parameter. */
export const VIEWS = asJson(`
  SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'm' AS materialized, pg_get_viewdef(c.oid) AS definition,
         (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
         (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('schema', tn.nspname, 'name', t.relname)), '[]')
            FROM pg_rewrite w
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
            JOIN pg_class t ON t.oid = d.refobjid AND t.oid <> c.oid AND t.relkind IN ('r', 'p', 'v', 'm', 'f')
            JOIN pg_namespace tn ON tn.oid = t.relnamespace
           WHERE w.ev_class = c.oid) AS reads
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('v', 'm') AND ${USER_SCHEMA} AND ${notOfExtension('pg_class', 'c.oid')}`);
