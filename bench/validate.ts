/**
 * Validation beside the raw limit in the same round: what the servers need for one hash of every row,
 * `select count(*), sum(hash_record_extended(t, 0)) from t`, on both at once. That statement alone
 * finds only that something differs, and not even that when two rows swap a value. Beside it
 * `pg_comparator` too, where it is installed.
 *
 *   npm run bench:validate [-- ROWS DIFFERENCES ROUNDS]
 *
 * ROWS: default 1000000. DIFFERENCES: scattered evenly, separated by commas, each a multiple of the one
 * before; default 0,10,10000. ROUNDS: default 5; ratios are of one round, and their median is printed.
 * The memory is that of a `banyan validate` process of its own (`npm run build` first), at its peak (Linux only).
 */
import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createPool } from '../src/postgres/connect.ts';
import { EmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';
import { PostgresChecksummer } from '../src/postgres/checksum/checksummer.ts';
import { ConsistencyValidator } from '../src/validate/validator.ts';

const ROWS = Number(process.argv[2] ?? 1_000_000);
const DIFFERENCES = (process.argv[3] ?? '0,10,10000').split(',').map(Number);
const ROUNDS = Number(process.argv[4] ?? 5);

const FILL = `
CREATE TABLE public.t (id bigint PRIMARY KEY, email text NOT NULL, age int, points bigint, amount numeric(12,2),
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, active boolean, token text, note text);
INSERT INTO public.t SELECT g, 'user' || g || '@example.com', g % 90, g * 3, (g % 100000) / 100.0,
  timestamptz '2024-01-01' + g * interval '1 microsecond', timestamptz '2024-06-01' + g * interval '3 ms',
  g % 2 = 0, md5(g::text), CASE WHEN g % 3 = 0 THEN NULL ELSE 'note ' || g END FROM generate_series(1, ${ROWS}) g;`;

const RAW = 'SELECT count(*), sum(hash_record_extended(t, 0)) FROM public.t';

/** What `pg_comparator` calls on the servers, where its own library can not be loaded. */
const COMPARATOR = `
CREATE FUNCTION public.cksum2(text) RETURNS int2 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT (hashtext($1) >> 16)::int2';
CREATE FUNCTION public.cksum4(text) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT hashtext($1)';
CREATE FUNCTION public.cksum8(text) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT hashtextextended($1, 0)';`;

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return (performance.now() - startedMs) / 1000;
}

/** What a process of its own finds, and its resident memory at the peak, in MB. */
async function inProcess(urls: readonly string[]): Promise<{ readonly found: number; readonly peakMb: number }> {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'validate', '--source', urls[0] ?? '', '--target', urls[1] ?? '', '--tables', 'public.t', '--json', '-q'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let peakMb = 0;
  const timer = setInterval(() => {
    void readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => (peakMb = Math.max(peakMb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)),
      () => {},
    );
  }, 50);
  await new Promise((resolve) => child.on('close', resolve));
  clearInterval(timer);
  const report = JSON.parse(output) as { readonly tables: readonly { readonly counts: Readonly<Record<string, number>> }[] };
  return { found: report.tables[0]?.counts['different'] ?? -1, peakMb };
}

/** The comparison tool of Debian's archive, with the servers' own fast hashes in the place of its library; undefined where it is not installed. Its exit code says how many differ. */
function comparator(urls: readonly string[]): Promise<number | undefined> {
  const [source, target] = urls.map((url) => {
    const { username, password, hostname, port, pathname } = new URL(url);
    return `pgsql://${username}:${password}@${hostname}:${port}${pathname}/public.t?id:email,age,points,amount,created_at,updated_at,active,token,note`;
  });
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    execFile('pg_comparator', ['--no-report', '--max-ratio=1.0', source ?? '', target ?? ''], (error, _output, complaints) => {
      if (error?.code === 'ENOENT') resolve(undefined);
      else if (error && typeof error.code !== 'number') reject(error);
      else if (error && /DBI|die|Error/i.test(complaints)) reject(new Error(complaints));
      else resolve((performance.now() - startedMs) / 1000);
    });
  });
}

async function main(): Promise<void> {
  const servers = await Promise.all([EmbeddedPostgres.start({ durable: false }), EmbeddedPostgres.start({ durable: false })]);
  const urls = servers.map((server) => server.url());
  const pools = urls.map((url) => createPool({ url }));
  try {
    const [source, target] = pools as [(typeof pools)[0], (typeof pools)[0]];
    await Promise.all(pools.map((pool) => pool.query(FILL + COMPARATOR)));
    await Promise.all(pools.map((pool) => pool.query('VACUUM (FREEZE, ANALYZE) public.t')));
    const validator = new ConsistencyValidator(
      { checksummer: new PostgresChecksummer({ pool: source }) },
      { checksummer: new PostgresChecksummer({ pool: target }) },
    );
    for (const differences of DIFFERENCES) {
      if (differences > 0) {
        await target.query(`UPDATE public.t SET points = id * 3 + 1 WHERE id % ${Math.floor(ROWS / differences)} = 0`);
        await target.query('VACUUM (ANALYZE) public.t');
      }
      const found = new Set<number>();
      const validate = (level: 'checksum' | 'full') => async (): Promise<void> => {
        const report = await validator.validate({ tables: ['t'], level, pauseMs: 1 });
        found.add(report.tables[0]?.counts.different ?? -1);
      };
      const times = { raw: [] as number[], checksum: [] as number[], full: [] as number[], comparator: [] as number[] };
      for (let round = 0; round < ROUNDS; round++) {
        times.raw.push(await seconds(() => Promise.all(pools.map((pool) => pool.query(RAW)))));
        times.checksum.push(await seconds(validate('checksum')));
        times.full.push(await seconds(validate('full')));
        if (round === 0) {
          const other = await comparator(urls);
          if (other !== undefined) times.comparator.push(other);
        }
      }
      const ratio = (of: readonly number[]): string => median(of.map((time, round) => time / (times.raw[round] ?? NaN))).toFixed(2);
      const alone = await inProcess(urls);
      found.add(alone.found);
      console.log(
        `${ROWS} rows, ${differences} planted, ${[...found].join('/')} found: raw ${median(times.raw).toFixed(2)} s, ` +
          `checksum ${median(times.checksum).toFixed(2)} s (${ratio(times.checksum)}×), full ${median(times.full).toFixed(2)} s (${ratio(times.full)}×), ` +
          `${times.comparator.length > 0 ? `pg_comparator ${median(times.comparator).toFixed(2)} s (${ratio(times.comparator)}×), ` : ''}peak memory ${alone.peakMb.toFixed(0)} MB`,
      );
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
    await Promise.all(servers.map((server) => server.remove()));
  }
}

await main();
