import type pg from 'pg';
import type { TableName } from '../../model/names.ts';
import { isPlain, type TableMapping } from '../../model/table-mapping.ts';
import { readShapes, type TableShape } from '../apply/table-shape.ts';
import { readKey, type CopiedPart, type SourceTable } from './chunks.ts';
import { copiedTable } from './copied-table.ts';

/** What a copy needs to know of its tables, read from both catalogues. In the order of the mappings. */
export async function readSourceTables(options: {
  readonly monolith: pg.Pool;
  readonly service: pg.Pool;
  readonly pairs: readonly TableMapping[];
}): Promise<SourceTable[]> {
  const { monolith, service, pairs } = options;
  const sources = [...new Set(pairs.map((pair) => pair.monolith))];
  const from = await readShapes(monolith, sources, { keyless: true });
  const to = await readShapes(service, [...new Set(pairs.map((pair) => pair.service))], { keyless: true });
  const sameMajor = (await majorVersion(monolith)) === (await majorVersion(service));
  const partOf = (pair: TableMapping): CopiedPart => {
    const copied = copiedTable(pair, { service: to.get(pair.service) ?? { columns: [], key: [] } });
    return { ...copied, binary: sameMajor && isPlain(pair) && isBinaryEqual(copied, { from: from.get(pair.monolith), to: to.get(pair.service) }) };
  };
  const tables: SourceTable[] = [];
  for (const source of sources) {
    const shape = from.get(source);
    tables.push({ source, key: shape ? await readKey(monolith, shape) : [], parts: pairs.filter((pair) => pair.monolith === source).map(partOf) });
  }
  return tables;
}

export const targetsOf = (tables: readonly SourceTable[]): TableName[] => [...new Set(tables.flatMap((table) => table.parts.map((part) => part.target)))];

async function majorVersion(pool: pg.Pool): Promise<number> {
  const found = await pool.query<{ version: string }>("SELECT current_setting('server_version_num') AS version");
  return Math.floor(Number(found.rows[0]?.version) / 10_000);
}

/**
 * Types whose binary form means the same in any database of one major version. Not among them: what
 * holds numbers of catalogue entries, what depends on the locale, and whatever users or extensions made.
 */
const PORTABLE: ReadonlySet<string> = new Set(
  (
    'int2 int4 int8 float4 float8 numeric bool text varchar bpchar name date time timetz timestamp timestamptz interval ' +
    'uuid bytea json jsonb inet cidr macaddr bit varbit'
  )
    .split(' ')
    .flatMap((type) => [`pg_catalog.${type}`, `pg_catalog._${type}`]),
);

function isBinaryEqual(copied: { readonly read: readonly string[]; readonly write: readonly string[] }, shapes: {
  readonly from: TableShape | undefined;
  readonly to: TableShape | undefined;
}): boolean {
  const typeOf = (shape: TableShape | undefined, column: string | undefined): string | undefined =>
    column === undefined ? undefined : shape?.sqlTypes[shape.columns.indexOf(column)];
  return copied.write.every((column, i) => {
    const type = typeOf(shapes.to, column);
    // Names that are keywords, such as numeric, come quoted.
    return type !== undefined && type === typeOf(shapes.from, copied.read[i]) && PORTABLE.has(type.replaceAll('"', ''));
  });
}
