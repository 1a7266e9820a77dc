import type pg from 'pg';
import type { TableMapping } from '../../model/table-mapping.ts';
import { sqlState } from '../transient.ts';

/**
 * The mappings with the types that somebody wrote as this server spells them: `varchar(80)` is
 * `character varying(80)`. What it does not know (yet) stays as it is.
 */
export async function spelledMappings(service: pg.Pool, mappings: readonly TableMapping[]): Promise<readonly TableMapping[]> {
  const written = mappings.flatMap(({ columns = [], computed = [] }) => [...columns, ...computed].flatMap(({ type }) => type ?? []));
  const spelled = new Map<string, string>();
  for (const type of new Set(written)) {
    const found = await spell(service, type);
    if (found !== undefined) spelled.set(type, found);
  }
  if (spelled.size === 0) return mappings;
  const of = <T extends { readonly type?: string }>(column: T): T => ({ ...column, ...(column.type === undefined ? {} : { type: spelled.get(column.type) ?? column.type }) });
  return mappings.map((mapping) => ({
    ...mapping,
    ...(mapping.columns ? { columns: mapping.columns.map(of) } : {}),
    ...(mapping.computed ? { computed: mapping.computed.map(of) } : {}),
  }));
}

async function spell(client: pg.Pool, type: string): Promise<string | undefined> {
  try {
    // A result says its length; of a domain it says the base type's, which the domain's name has in it already.
    const asked = await client.query<{ kind: string; domain: string }>(
      `SELECT NULL::${type} AS value, pg_typeof(NULL::${type})::oid::text AS kind, (SELECT typtype = 'd' FROM pg_type WHERE oid = pg_typeof(NULL::${type})) AS domain`,
    );
    const [row] = asked.rows;
    const modifier = row?.domain === 't' ? -1 : asked.fields[0]?.dataTypeModifier ?? -1;
    const found = await client.query<{ type: string }>('SELECT format_type($1::text::oid, $2::text::int4) AS type', [row?.kind, String(modifier)]);
    return found.rows[0]?.type;
  } catch (error) {
    if (sqlState(error) === undefined) throw error;
    return undefined;
  }
}
