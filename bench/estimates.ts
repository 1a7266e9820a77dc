import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { systemClock } from '../src/core/clock.ts';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import { parseTableName } from '../src/model/names.ts';
import type { Survey } from '../src/model/survey.ts';
import { measuredEstimate } from '../src/plan/measured/estimate.ts';
import type { Estimate } from '../src/plan/measured/range.ts';
import { createPool } from '../src/postgres/connect.ts';
import { survey } from '../src/postgres/survey/survey.ts';

/**
 * What `banyan plan` estimates from a live database, beside how long reading, copying and indexing the table then took.
 * Beside it the same with every probe's time wrong by eight, which reading and indexing must not agree with. Ends with 1
 * if most rounds say otherwise: other work on the machine spoils a round.
 *
 *     npx tsx bench/estimates.ts [ROUNDS]
 */

const ROUNDS = Number(process.argv[2] ?? 9);
const FIGURES = ['read', 'copy', 'build'] as const;
type Figures = Record<(typeof FIGURES)[number], Estimate | undefined>;

const holds = ({ low, high }: Estimate, truth: number): boolean => low <= truth && truth <= (high ?? Number.POSITIVE_INFINITY);

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

/** The planted bug: every probe's time wrong by a factor. */
const slower = (found: Survey, by: number): Survey => ({
  ...found,
  tables: found.tables.map((table) => ({
    ...table,
    indexes: table.indexes.map((index) => (index.sort ? { ...index, sort: { ...index.sort, seconds: index.sort.seconds * by } } : index)),
    ...(table.read ? { read: { slices: table.read.slices.map((slice) => ({ ...slice, seconds: slice.seconds * by })) } } : {}),
  })),
});

function figuresOf(seen: Survey): Figures {
  const [table] = measuredEstimate(seen).tables;
  return { read: table?.read, copy: table?.copy, build: table?.indexes.find(({ index }) => index === 'by_email')?.build };
}

const server = await EmbeddedPostgres.start({ durable: false });
const pool = createPool({ url: server.url(), max: 6, applicationName: 'bench estimates' });
const right = { read: 0, copy: 0, build: 0 };
const wrong = { read: 0, copy: 0, build: 0 };
try {
  await pool.query(`
    CREATE TABLE public.events (id bigint PRIMARY KEY, email text NOT NULL, note text, n int NOT NULL);
    INSERT INTO public.events SELECT g, md5(g::text) || '@example.org', repeat(md5(g::text), 2), (hashint8(g) % 100000)::int FROM generate_series(1, 60000) g;
    CREATE INDEX by_email ON public.events (email); CREATE INDEX by_n ON public.events (n); ANALYZE public.events;`);
  const [source, target] = [await pool.connect(), await pool.connect()];
  const read = (): Promise<unknown> => pipeline(source.query(copyTo('COPY (SELECT * FROM public.events) TO STDOUT')), new Writable({ write: (_chunk, _encoding, done) => done() }));
  for (let round = 0; round < ROUNDS; round++) {
    const first = await seconds(read);
    const found = await survey({ pool, clock: systemClock, tables: [parseTableName('events')], watchSeconds: 1, bounds: { pages: 512, sortedRows: 20_000 } });
    const second = await seconds(read);
    await target.query('DROP TABLE IF EXISTS public.copied; CREATE TABLE public.copied (LIKE public.events); ALTER TABLE public.copied ADD PRIMARY KEY (id)');
    const copy = await seconds(() => pipeline(source.query(copyTo('COPY (SELECT * FROM public.events) TO STDOUT')), target.query(copyFrom('COPY public.copied FROM STDIN'))));
    await target.query('DROP INDEX public.by_email');
    const build = await seconds(() => target.query('CREATE INDEX by_email ON public.events (email)'));
    const truths = { read: (first + second) / 2, copy, build };
    const estimates = figuresOf(found);
    const planted = [figuresOf(slower(found, 8)), figuresOf(slower(found, 1 / 8))];
    for (const what of FIGURES) {
      const estimate = estimates[what];
      if (!estimate) throw new Error(`there is no estimate of ${what}`);
      if (holds(estimate, truths[what])) right[what] += 1;
      if (planted.some((each) => each[what] !== undefined && holds(each[what], truths[what]))) wrong[what] += 1;
      console.log(`${round + 1} ${what}: ${truths[what].toFixed(3)} s, estimated ${estimate.low} to ${estimate.high}`);
    }
  }
  source.release();
  target.release();
} finally {
  await pool.end();
  await server.remove();
}
console.log(`of ${ROUNDS} rounds right: ${JSON.stringify(right)}; still right if times were wrong by eight: ${JSON.stringify(wrong)}`);
const failed = FIGURES.filter((what) => right[what] <= ROUNDS / 2 || (what !== 'copy' && wrong[what] > ROUNDS / 2));
if (failed.length > 0) console.error(`most rounds say otherwise: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
