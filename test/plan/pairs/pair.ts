/** A change between two schemas. `rows`: put into the old one; `kept`: a query whose answer no script may change. */
export interface SchemaPair {
  readonly name: string;
  readonly old: string;
  readonly fresh: string;
  readonly rows?: string;
  readonly kept?: string;
  readonly renames?: Readonly<Record<string, string>>;
}

type More = Omit<SchemaPair, 'name' | 'old' | 'fresh'>;

export const pair = (name: string, old: string, fresh: string, more: More = {}): SchemaPair => ({ name, old, fresh, ...more });

/** One column of a table changes; two rows, one of them with a value where one is given. */
export const column = (name: string, old: string, fresh: string, rows = ''): SchemaPair =>
  pair(name, `CREATE TABLE t (id integer PRIMARY KEY, c ${old})`, `CREATE TABLE t (id integer PRIMARY KEY, c ${fresh})`, { rows: `INSERT INTO t (id) VALUES (1)${rows === '' ? '' : `; INSERT INTO t (id, c) VALUES ${rows}`}`, kept: 'SELECT id FROM t WHERE id > 0 ORDER BY 1' });

const GOODS = 'CREATE TABLE goods (id integer PRIMARY KEY, name text NOT NULL, price numeric(8,2), tags text[], at timestamptz, spot point, body jsonb';
const GOODS_ROWS = "INSERT INTO goods (id, name, price, tags, at, body) VALUES (1, 'a', 1.5, '{x}', '2026-01-01', '{\"k\": 1}'), (2, 'b', NULL, NULL, NULL, NULL)";

/** What stands behind the columns of a table with two rows. */
export const goods = (name: string, old: string, fresh: string, more: More = {}): SchemaPair => pair(name, `${GOODS}${old}`, `${GOODS}${fresh}`, { rows: GOODS_ROWS, kept: 'SELECT id, name, price, tags, at, body FROM goods ORDER BY id', ...more });

/** The change, and the one the other way round. */
export const bothWays = ({ name, old, fresh, renames, ...more }: SchemaPair): readonly SchemaPair[] => [
  { name, old, fresh, ...more, ...(renames ? { renames } : {}) },
  { name: `${name}, undone`, old: fresh, fresh: old, ...(renames ? { renames: Object.fromEntries(Object.entries(renames).map(([a, b]) => [b, a])) } : {}) },
];
