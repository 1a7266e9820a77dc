import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../src/core/errors.ts';
import { Random } from '../simulation/random.ts';
import { ChaosPair } from '../support/chaos-pair.ts';
import { until } from '../support/condition.ts';
import { FAULTS, WORKERS } from '../support/faults.ts';
import { PHASES, type PhaseVerdict } from '../support/phases.ts';
import { judge } from '../support/verdict.ts';

/*
 * `npm run soak:chaos`: two servers, 16 writers on each side over the same keys, two `banyan sync run`
 * processes, and a seeded script of faults (test/support/faults.ts). A journal that the writers keep judges
 * at the end. Prints one JSON document; exit code 1 if the answer is no. See docs/soak.md.
 *
 * SOAK_SEED (default: any), SOAK_WRITES (10,000) acknowledged writes at least, SOAK_FAULTS (40), SOAK_WRITERS (16) on
 * each side, SOAK_KEYS (400) rows, SOAK_PAUSE (400) ms a writer rests at most, SOAK_ONLY names of faults, by commas,
 * SOAK_PHASES names of phases (test/support/phases.ts), each before the rest on a pair of its own; empty: none.
 * SOAK_LOG a folder for what each worker says.
 */
const setting = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);
const SEED = setting('SOAK_SEED', randomInt(1_000_000));
const WRITES = setting('SOAK_WRITES', 10_000);
const WRITERS = setting('SOAK_WRITERS', 16);
const COUNT = setting('SOAK_FAULTS', 40);
const NAMES = process.env['SOAK_ONLY']?.split(',') ?? Object.keys(FAULTS);
const KEYS = setting('SOAK_KEYS', 400);
const PHASE_NAMES = (process.env['SOAK_PHASES'] ?? Object.keys(PHASES).join(',')).split(',').filter((name) => name !== '');
/** A stream that has not moved for so long is stuck. */
const STUCK_MS = setting('SOAK_STUCK', 120_000);

const LOG = process.env['SOAK_LOG'];
if (LOG !== undefined) mkdirSync(LOG, { recursive: true });

const random = new Random(SEED);
const began = performance.now();
const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
const say = (text: string): void => console.error(`${new Date().toISOString()} ${seconds()} s: ${text}`);

/** Every fault as often as every other, in an order that the seed gives. */
function script(): string[] {
  const names: string[] = [];
  while (names.length < COUNT) {
    const left = [...NAMES];
    while (left.length > 0 && names.length < COUNT) names.push(...left.splice(random.below(left.length), 1));
  }
  return names;
}

const phases: Record<string, PhaseVerdict> = {};
for (const name of PHASE_NAMES) {
  say(`phase ${name}`);
  const options = { keys: KEYS, writers: Math.min(WRITERS, 8), pauseMs: 800, logFolder: LOG };
  phases[name] = await (PHASES[name]?.(options, STUCK_MS) ?? Promise.reject(new Error('there is no such phase'))).catch((error: unknown) => ({ ok: false, stuck: messageOf(error) }));
  say(JSON.stringify(phases[name]));
}

await using pair = await ChaosPair.start({ keys: KEYS, writers: WRITERS, pauseMs: setting('SOAK_PAUSE', 400), smallDisk: true, logFolder: LOG });
const happened: Record<string, number> = {};
const recoveries: number[] = [];
try {
  say(`seed ${SEED}`);
  pair.keepWorkers(WORKERS);
  await pair.crossed(STUCK_MS);
  pair.journal.start(WRITERS);
  for (const name of script()) {
    say(`${name} (${pair.journal.writes} writes)`);
    await FAULTS[name]?.(pair, random);
    happened[name] = (happened[name] ?? 0) + 1;
    pair.keepWorkers(WORKERS);
    // Half of the faults meet what the one before has left.
    if (random.chance(0.5)) {
      const recovery = await pair.crossed(STUCK_MS);
      recoveries.push(recovery);
      say(`recovered in ${Math.round(recovery)} ms`);
    } else await delay(random.below(1500));
  }
  await until(() => pair.journal.writes >= WRITES, { timeoutMs: 600_000, everyMs: 100 });
  await pair.journal.finish();
  say('draining');
  const verdict = await judge(pair, STUCK_MS);
  if (verdict.differing.length > 0) {
    const values = verdict.differing.flatMap((row) => /entry \(.*,(.*)\)$/.exec(row)?.[1] ?? []);
    say(`${await pair.written('monolith', values)}\n${await pair.written('service', values)}\n${await pair.situation()}`);
  }
  const ok = verdict.ok && Object.values(phases).every((phase) => phase.ok);
  recoveries.sort((a, b) => a - b);
  const few = (found: readonly string[]): unknown => ({ count: found.length, first: found.slice(0, 5) });
  console.log(JSON.stringify({
    ...verdict, ok, phases, seed: SEED, writersPerSide: WRITERS, faults: happened, smallDisk: pair.smallDisk,
    recoveryMs: { p50: Math.round(recoveries[recoveries.length >> 1] ?? 0), max: Math.round(recoveries.at(-1) ?? 0) }, seconds: seconds(),
    lost: few(verdict.lost), unjust: few(verdict.unjust), differing: few(verdict.differing), ended: few(verdict.ended),
  }));
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  console.log(JSON.stringify({ ok: false, phases, seed: SEED, faults: happened, seconds: seconds(), ended: pair.ended, stuck: messageOf(error) }));
  say(await pair.situation());
  for (const worker of pair.workers) console.error(`--- worker ${worker.pid}, ${worker.end ?? 'alive'}: ${worker.said.slice(-3000)}`);
  process.exitCode = 1;
}
