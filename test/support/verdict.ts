import type { ChaosPair } from './chaos-pair.ts';

export interface Verdict {
  readonly ok: boolean;
  readonly writes: number;
  /** Transactions whose COMMIT was not answered. */
  readonly unknown: number;
  readonly refused: number;
  readonly conflicts: number;
  readonly superseded: number;
  readonly answers: number;
  readonly quarantined: number;
  /** The first of them, and why. */
  readonly firstQuarantined: readonly unknown[];
  /** Whether `banyan validate` found both sides equal. */
  readonly validated: boolean;
  readonly drainedSeconds: number;
  readonly lost: readonly string[];
  readonly unjust: readonly string[];
  readonly differing: readonly string[];
  /** Workers that ended by themselves, and what they said last. */
  readonly ended: readonly string[];
}

/** Lets everything drain when nothing is wrong any more and the writers have finished, and judges what is left. */
export async function judge(pair: ChaosPair, timeoutMs: number): Promise<Verdict> {
  const { monolith, service } = pair.ends;
  const began = performance.now();
  // What a request asks for crosses twice more.
  for (let i = 0; i < 3; i++) await pair.crossed(timeoutMs);
  const differing = await pair.differing(timeoutMs / 4);
  const drainedSeconds = Math.round((performance.now() - began) / 100) / 10;
  const { consistent: validated } = await pair.application.validate({ level: 'full' });
  const [lost, unjust] = [await pair.journal.lost(), await pair.journal.unjust()];
  const counted = await monolith.pool.query<{ conflicts: string; superseded: string; answers: string }>(
    "SELECT count(*) FILTER (WHERE strategy NOT IN ('superseded', 'sent-again')) AS conflicts, count(*) FILTER (WHERE strategy = 'superseded') AS superseded, " +
      "count(*) FILTER (WHERE strategy = 'sent-again') AS answers FROM banyan.conflict",
  );
  const counts = counted.rows[0];
  let quarantined = 0;
  for (const { pool } of [monolith, service]) quarantined += Number((await pool.query<{ n: string }>('SELECT count(*) AS n FROM banyan.quarantine')).rows[0]?.n);
  const firstQuarantined: unknown[] = [];
  for (const { pool } of [monolith, service]) {
    firstQuarantined.push(...(await pool.query("SELECT to_jsonb(q) - 'claims' AS entry FROM banyan.quarantine AS q ORDER BY id LIMIT 3")).rows as readonly unknown[]);
  }
  const { ended } = pair;
  return {
    ok: validated && quarantined === 0 && [lost, unjust, differing, ended].every(({ length }) => length === 0),
    writes: pair.journal.writes, unknown: pair.journal.unknown, refused: pair.journal.refused,
    conflicts: Number(counts?.conflicts), superseded: Number(counts?.superseded), answers: Number(counts?.answers),
    quarantined, firstQuarantined, validated, drainedSeconds, lost, unjust, differing, ended,
  };
}
