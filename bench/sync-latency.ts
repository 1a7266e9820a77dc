/** From the answer to a commit on one side to the row's being visible on the other, at a steady rate. */
import type pg from 'pg';

export interface LatencyOptions {
  readonly from: pg.Pool;
  readonly to: pg.Pool;
  readonly seconds: number;
  /** Transactions a second over all writers. */
  readonly rate: number;
  readonly rowsPerTransaction: number;
  /** Distinct between runs and directions on one pair of databases. */
  readonly run: number;
}

export interface LatencyResult {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Reached, in transactions a second. */
  readonly rate: number;
}

export const LATENCY_SCHEMA =
  'CREATE TABLE public.beat (run int, writer int, seq int, part int, note text, at timestamptz, PRIMARY KEY (run, writer, seq, part))';

const WRITERS = 8;
/** Writers begin at different moments, so their commits do not come in bursts. */
const LEAD_MS = 20;

export async function measureLatency(options: LatencyOptions): Promise<LatencyResult> {
  const { from, to, seconds, rate, rowsPerTransaction, run } = options;
  const committed: number[][] = Array.from({ length: WRITERS }, () => []);
  const seen: number[] = Array.from({ length: WRITERS }, () => 0);
  const latencies: number[] = [];
  const total = Math.floor((seconds * rate) / WRITERS);
  const begin = performance.now() + LEAD_MS;
  const write = async (writer: number): Promise<void> => {
    const client = await from.connect();
    try {
      for (let seq = 1; seq <= total; seq++) {
        const due = begin + ((seq - 1) * WRITERS + writer) * (1000 / rate);
        const wait = due - performance.now();
        if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait));
        await client.query({
          name: 'beat',
          text: "INSERT INTO public.beat SELECT $1, $2, $3, part, 'a note of some length', now() FROM generate_series(1, $4::int) part",
          values: [run, writer, seq, rowsPerTransaction],
        });
        committed[writer]?.push(performance.now());
      }
    } finally {
      client.release();
    }
  };
  const watcher = await to.connect();
  const state = { writing: true };
  const watch = async (): Promise<void> => {
    const text =
      `SELECT w, (SELECT seq FROM public.beat WHERE run = $1 AND writer = w ORDER BY seq DESC LIMIT 1) AS seq FROM generate_series(0, ${WRITERS - 1}) w`;
    const limit = performance.now() + seconds * 1000 + 60_000;
    while (state.writing || seen.some((seq) => seq < total)) {
      const found = await watcher.query<{ w: string; seq: string | null }>({ name: 'watch', text, values: [run] });
      const now = performance.now();
      for (const row of found.rows) {
        const writer = Number(row.w);
        const latest = Number(row.seq ?? 0);
        // A row may be there before its writer was told of its commit.
        for (let seq = (seen[writer] ?? 0) + 1; seq <= latest; seq++) latencies.push(Math.max(0, now - (committed[writer]?.[seq - 1] ?? now)));
        seen[writer] = Math.max(seen[writer] ?? 0, latest);
      }
      if (now > limit) throw new Error('rows did not arrive');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const watching = watch();
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  const tookMs = performance.now() - begin;
  state.writing = false;
  await watching;
  watcher.release();
  // The first tenth warms up.
  const sorted = latencies.slice(Math.floor(latencies.length / 10)).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), rate: (total * WRITERS) / (tookMs / 1000) };
}
