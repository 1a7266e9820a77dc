import { afterEach, describe, expect, it, vi } from 'vitest';
import { isSpooled, type Change } from '../../src/model/change.ts';
import type { SourceEvent } from '../../src/ports/change-source.ts';
import { Holds } from '../../src/sync/holds.ts';
import { SimulatedSource } from './ports.ts';
import { World, type Profile } from './world.ts';

const seeds = Number(process.env['SIM_SEEDS'] ?? 300);
const first = Number(process.env['SIM_FIRST'] ?? 1);
const only = process.env['SIM_SEED'];

const oneWay = (seed: number): Partial<Profile> => ({ mode: seed % 2 === 0 ? 'monolith-to-service' : 'service-to-monolith' });
const bothWays = (): Partial<Profile> => ({ mode: 'bidirectional' });

/** What the first of a hundred seeds noticed that notices anything. */
async function noticed(profile: Partial<Profile>): Promise<string | undefined> {
  for (let seed = 1; seed <= 100; seed++) {
    const { problems } = await new World(seed, { profile: { refused: 30, ...profile } }).run();
    if (problems.length > 0) return problems[0];
  }
  return undefined;
}

/** One row, which both sides write often. */
const ONE_ROW: Partial<Profile> = { mode: 'bidirectional', keys: 1, transactions: 12, upsets: 0 };

/**
 * The targets refuse some of their source's rows; an operator retries and discards meanwhile, and workers
 * and connections die. When the cause is mended and all has been retried, both sides are equal but for what was discarded.
 */
describe('the quarantine over two simulated databases', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    { ways: 'one way', discards: false, profile: oneWay },
    { ways: 'one way', discards: true, profile: oneWay },
    { ways: 'both ways', discards: false, profile: bothWays },
    { ways: 'both ways', discards: true, profile: bothWays },
  ])('loses nothing $ways; discards: $discards', async ({ discards, profile }) => {
    const failures: string[] = [];
    const total = { writes: 0, conflicts: 0, quarantined: 0 };
    const list = only === undefined ? Array.from({ length: seeds }, (_, i) => first + i) : [Number(only)];
    for (const seed of list) {
      const outcome = await new World(seed, { profile: { ...profile(seed), refused: seed % 3 === 0 ? 30 : 8, discards } }).run();
      for (const name of ['writes', 'conflicts', 'quarantined'] as const) total[name] += outcome[name];
      if (outcome.problems.length > 0 && failures.length < 20) {
        failures.push(`SIM_SEED=${seed} ${JSON.stringify(outcome.profile)}\n  ${outcome.problems.slice(0, 5).join('\n  ')}`);
      }
    }
    console.log(`${list.length} seeds, ${failures.length} failed, ${JSON.stringify(total)}`);
    expect(failures.join('\n')).toBe('');
  }, 1_200_000);

  it('notices when later changes of a row do not wait', async () => {
    vi.spyOn(Holds.prototype, 'block').mockReturnValue(false);
    expect(await noticed({ mode: 'monolith-to-service' })).toMatch(/differs/);
  });

  it('notices when a row that leaves the quarantine is not settled anew', async () => {
    const stream = Object.getOwnPropertyDescriptor(SimulatedSource.prototype, 'stream')!.value as SimulatedSource['stream'];
    const isAnswer = (change: Change): boolean => change.kind === 'insert' && change.row.includes('sent-again');
    vi.spyOn(SimulatedSource.prototype, 'stream').mockImplementation(async function* (this: SimulatedSource, options): AsyncGenerator<SourceEvent> {
      for await (const event of stream.call(this, options)) {
        if (event.kind !== 'transaction' || isSpooled(event.transaction.changes)) yield event;
        else yield { ...event, transaction: { ...event.transaction, changes: event.transaction.changes.filter((change) => !isAnswer(change)) } };
      }
    });
    expect(await noticed(ONE_ROW)).toMatch(/differs/);
  });
});
