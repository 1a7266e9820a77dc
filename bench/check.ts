import { performance } from 'node:perf_hooks';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import type { Schema } from '../src/model/schema.ts';
import { compareSchemas } from '../src/plan/check/database/compare-schemas.ts';
import { readSchemaJson } from '../src/plan/check/database/schema-json.ts';
import { PostgresIntrospector } from '../src/postgres/catalog/introspector.ts';
import { createPool } from '../src/postgres/connect.ts';
import { parseSchema } from '../src/postgres/sql/parse-schema.ts';

/**
 * A thousand tables against a thousand tables, each of which has changed: read and compared, from schema JSON, from
 * SQL and from a live server. Medians.
 *
 *     npx tsx bench/check.ts [--json]
 */

const TABLES = 1000;
const ROUNDS = 5;

const numbers = Array.from({ length: TABLES }, (_, n) => n);
const nameOf = (n: number): string => `t${String(n).padStart(4, '0')}`;

/** Ten columns, a key, a reference, a check and two indexes each; `fresh`: another type, default, column and index in each. */
function sql(fresh: boolean): string {
  return numbers.map((n) => `
CREATE TABLE ${nameOf(n)} (id bigint PRIMARY KEY, up bigint${n === 0 ? '' : ` REFERENCES ${nameOf(n - 1)} (id) ON DELETE CASCADE`}, name varchar(${fresh ? 80 : 40}) NOT NULL,
  email text DEFAULT '${fresh ? 'b' : 'a'}', price numeric(12,2) CHECK (price > 0), at timestamptz DEFAULT now(), body jsonb, tags text[], done boolean NOT NULL DEFAULT false, ${fresh ? 'note' : 'remark'} text);
CREATE INDEX ${nameOf(n)}_name ON ${nameOf(n)} (name${fresh ? ', at' : ''});
CREATE INDEX ${nameOf(n)}_email ON ${nameOf(n)} (lower(email)) WHERE done;`).join('\n');
}

function json(fresh: boolean): string {
  const tables = numbers.map((n) => [nameOf(n), {
    columns: {
      id: { type: 'bigint', primary_key: true, nullable: false }, up: { type: 'bigint' }, name: { type: 'varchar', length: fresh ? 80 : 40, nullable: false }, email: { type: 'text', default: fresh ? 'b' : 'a' },
      price: { type: 'decimal', precision: 12, scale: 2 }, at: { type: 'timestamp' }, body: { type: 'json' }, done: { type: 'boolean', nullable: false, default: 'false' }, [fresh ? 'note' : 'remark']: { type: 'text' },
    },
    constraints: { foreign_key: n === 0 ? [] : [{ columns: ['up'], references: `${nameOf(n - 1)}(id)`, on_delete: 'CASCADE' }] },
    indexes: [{ name: `${nameOf(n)}_name`, columns: fresh ? ['name', 'at'] : ['name'], unique: false }],
  }]);
  return JSON.stringify({ tables: Object.fromEntries(tables), views: {} });
}

interface Timed {
  readonly input: string;
  readonly readMs: number;
  readonly compareMs: number;
  readonly totalMs: number;
  readonly findings: number;
  readonly scripts: number;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function time(input: string, read: (fresh: boolean) => Promise<Schema>): Promise<Timed> {
  const reads: number[] = [];
  const compares: number[] = [];
  let [findings, scripts] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const [before, after] = [await read(false), await read(true)];
    const between = performance.now();
    const comparison = compareSchemas({ before, after });
    reads.push(between - start);
    compares.push(performance.now() - between);
    findings = comparison.findings.length;
    scripts = comparison.scripts.length;
  }
  const [readMs, compareMs] = [median(reads), median(compares)];
  return { input, readMs, compareMs, totalMs: readMs + compareMs, findings, scripts };
}

async function live(): Promise<Timed> {
  await using server = await EmbeddedPostgres.start({ durable: false });
  const admin = createPool({ url: server.url(), max: 1 });
  await admin.query('CREATE DATABASE fresh');
  const url = new URL(server.url());
  url.pathname = '/fresh';
  const other = createPool({ url: url.href, max: 1 });
  try {
    for (const [pool, fresh] of [[admin, false], [other, true]] as const) await pool.query(`SET search_path = public; ${sql(fresh)}; SET search_path = pg_catalog`);
    return await time('live servers', (fresh) => new PostgresIntrospector({ pool: fresh ? other : admin }).readEverything());
  } finally {
    await Promise.all([admin.end(), other.end()]);
  }
}

const texts = { json: [json(false), json(true)], sql: [sql(false), sql(true)] } as const;
const results = [
  await time('schema JSON', (fresh) => Promise.resolve(readSchemaJson({ file: 'schema.json', text: texts.json[fresh ? 1 : 0] }))),
  await time('SQL text', async (fresh) => (await parseSchema(texts.sql[fresh ? 1 : 0])).schema),
  await live(),
];
if (process.argv.includes('--json')) console.log(JSON.stringify({ tables: TABLES, rounds: ROUNDS, results }, null, 2));
else for (const { input, readMs, compareMs, totalMs, findings, scripts } of results) console.log(`${input.padEnd(14)} read ${readMs.toFixed(0).padStart(6)} ms   compare ${compareMs.toFixed(0).padStart(6)} ms   together ${totalMs.toFixed(0).padStart(6)} ms   ${findings} findings, ${scripts} scripts`);
