import { asJson, notOfExtension, USER_SCHEMA } from './queries.ts';

/*
 * SQL that reads what only a comparison of schemas needs. As in queries.ts: one row with one column, a JSON array.
 */

/** The types of what is put in. */
const SIGNATURE = "(SELECT coalesce(string_agg(format_type(u.type, NULL), ', ' ORDER BY u.at), '') FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (type, at))";

/** Functions and procedures. Bodies that are SQL by the standard came with version 14. */
export const routines = (serverVersion: number): string =>
  asJson(`
  SELECT n.nspname AS schema, p.proname AS name, p.prokind AS kind,
         ${SIGNATURE} AS signature,
         pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS returns, l.lanname AS language,
         p.provolatile AS volatility, p.proisstrict AS strict, p.prosecdef AS "securityDefiner", p.proleakproof AS leakproof, p.proparallel AS parallel,
         p.procost::text AS cost, p.prorows::text AS rows, p.proretset AS "isSet", p.proconfig AS settings, p.prosrc AS body,
         ${serverVersion >= 140000 ? 'pg_get_function_sqlbody(p.oid)' : 'NULL::text'} AS "sqlBody"
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
   WHERE p.prokind IN ('f', 'p') AND l.lanname NOT IN ('c', 'internal') AND ${USER_SCHEMA} AND ${notOfExtension('pg_proc', 'p.oid')}
   ORDER BY n.nspname COLLATE "C", p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"`);

export const POLICIES = asJson(`
  SELECT n.nspname AS schema, c.relname AS "table", p.polname AS name, p.polcmd AS command, p.polpermissive AS permissive,
         (SELECT json_agg(CASE WHEN r.oid = 0 THEN 'public' ELSE pg_get_userbyid(r.oid) END ORDER BY r.oid) FROM unnest(p.polroles) r (oid)) AS roles,
         pg_get_expr(p.polqual, p.polrelid) AS "using", pg_get_expr(p.polwithcheck, p.polrelid) AS "check"
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE ${USER_SCHEMA} ORDER BY p.polname COLLATE "C"`);

export const FORCED_TABLES = asJson(`
  SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relforcerowsecurity AND ${USER_SCHEMA}`);

export const MATERIALIZED_VIEW_INDEXES = asJson(`
  SELECT n.nspname AS schema, v.relname AS view, c.relname AS name, i.indisunique AS unique, i.indpred IS NOT NULL AS partial,
         pg_get_indexdef(i.indexrelid) AS definition,
         (SELECT json_agg(a.attname ORDER BY u.at) FROM unnest(i.indkey::int2[]) WITH ORDINALITY u (attnum, at)
            LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND u.attnum <> 0
           WHERE u.at <= i.indnkeyatts) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class v ON v.oid = i.indrelid AND v.relkind = 'm'
    JOIN pg_namespace n ON n.oid = v.relnamespace
   WHERE i.indisvalid AND ${USER_SCHEMA} ORDER BY c.relname COLLATE "C"`);

/** Of tables, views, their columns, sequences and schemas, but not those of the owners and of the database's own schema public. */
export const GRANTS = asJson(`
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS "on", n.nspname AS schema, c.relname AS name, NULL::text AS "column",
         CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END AS grantee, a.privilege_type AS privilege, a.is_grantable AS grantable
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) a
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND a.grantee <> c.relowner AND ${USER_SCHEMA} AND ${notOfExtension('pg_class', 'c.oid')}
  UNION ALL
  SELECT 'table', n.nspname, c.relname, t.attname, CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(t.attacl) a
   WHERE NOT t.attisdropped AND a.grantee <> c.relowner AND ${USER_SCHEMA}
  UNION ALL
  SELECT 'schema', n.nspname, NULL, NULL, CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
   WHERE a.grantee <> n.nspowner AND n.nspname <> 'public' AND ${USER_SCHEMA}
   ORDER BY 1, 2, 3, 4, 5, 6`);

/** Roles that were granted something on a routine or a type, and what was taken from everybody. */
export const OBJECT_GRANTS = asJson(`
  WITH o AS (
    SELECT 'routine' AS "on", n.nspname AS schema, p.proname AS name, ${SIGNATURE} AS signature, p.proowner AS owner, p.proacl AS acl
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
     WHERE p.proacl IS NOT NULL AND p.prokind IN ('f', 'p') AND l.lanname NOT IN ('c', 'internal') AND ${USER_SCHEMA} AND ${notOfExtension('pg_proc', 'p.oid')}
    UNION ALL
    SELECT 'type', n.nspname, t.typname, NULL, t.typowner, t.typacl
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE t.typacl IS NOT NULL AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND ${USER_SCHEMA} AND ${notOfExtension('pg_type', 't.oid')}
  )
  SELECT o."on", o.schema, o.name, o.signature, pg_get_userbyid(a.grantee) AS grantee, a.is_grantable AS grantable, false AS withheld
    FROM o CROSS JOIN LATERAL aclexplode(o.acl) a WHERE a.grantee NOT IN (0, o.owner)
  UNION ALL
  SELECT o."on", o.schema, o.name, o.signature, 'public', false, true
    FROM o WHERE NOT EXISTS (SELECT FROM aclexplode(o.acl) a WHERE a.grantee = 0)
   ORDER BY 1, 2, 3, 4, 5`);

/** Extended statistics; those of expressions came with version 14. */
export const statistics = (serverVersion: number): string =>
  asJson(`
  SELECT sn.nspname AS schema, s.stxname AS name, n.nspname AS "tableSchema", c.relname AS "table",
         (SELECT coalesce(json_agg(k.kind ORDER BY k.kind), '[]') FROM (SELECT CASE u.kind WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies' WHEN 'm' THEN 'mcv' END AS kind FROM unnest(s.stxkind) u (kind)) k WHERE k.kind IS NOT NULL) AS kinds,
         (SELECT coalesce(json_agg(a.attname ORDER BY a.attname), '[]') FROM pg_attribute a WHERE a.attrelid = s.stxrelid AND a.attnum = ANY (s.stxkeys)) AS columns,
         ${serverVersion >= 140000 ? "coalesce(to_json(pg_get_statisticsobjdef_expressions(s.oid)), '[]')" : "'[]'::json"} AS expressions
    FROM pg_statistic_ext s JOIN pg_namespace sn ON sn.oid = s.stxnamespace JOIN pg_class c ON c.oid = s.stxrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE ${USER_SCHEMA} AND ${notOfExtension('pg_class', 'c.oid')} ORDER BY sn.nspname COLLATE "C", s.stxname COLLATE "C"`);

export const EXTENSION_VERSIONS = asJson(`SELECT x.extname AS name, x.extversion AS version FROM pg_extension x WHERE x.extname <> 'plpgsql'`);
