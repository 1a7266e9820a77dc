import { expect, it } from 'vitest';
import { otherSide, type Side } from '../../src/model/side.ts';
import type { Position } from '../../src/model/position.ts';
import type { Fence } from '../../src/ports/fence.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { ConsistencyValidator } from '../../src/validate/validator.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { Dice } from './dice.ts';

const SCHEMA = 'CREATE TABLE public.accounts (id int8 PRIMARY KEY, state text, balance numeric(12,2) NOT NULL)';
const KEYS = 3000;

/** Both databases are written all the time and follow each other, a little late. */
class LiveToy implements Fence {
  readonly #databases: Readonly<Record<Side, TestDatabase>>;
  readonly #stop = new AbortController();
  readonly #queues: Readonly<Record<Side, { readonly sql: string; readonly values: readonly unknown[] }[]>> = { monolith: [], service: [] };
  readonly #sent: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #applied: Record<Side, number> = { monolith: 0, service: 0 };
  readonly #work: Promise<unknown>;
  written = 0;

  constructor(monolith: TestDatabase, service: TestDatabase) {
    this.#databases = { monolith, service };
    this.#work = Promise.all((['monolith', 'service'] as const).flatMap((side) => [this.#write(side), this.#apply(side)]));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  /** Even keys are written in the monolith, odd ones in the service. */
  async #write(side: Side): Promise<void> {
    const dice = new Dice(side === 'monolith' ? 1 : 2);
    for (;;) {
      // The applier must be able to keep up on a busy machine.
      await until(() => this.#queues[side].length < 10 || this.#stop.signal.aborted, { everyMs: 2 });
      if (this.#stop.signal.aborted) return;
      const keys = Array.from({ length: 20 }, () => 2 * dice.below(KEYS / 2) + (side === 'monolith' ? 0 : 1));
      const change =
        dice.chance(0.2)
          ? { sql: 'DELETE FROM public.accounts WHERE id = ANY ($1::int8[])', values: [keys] }
          : {
              sql: `INSERT INTO public.accounts SELECT DISTINCT k, $2::text, $3::numeric FROM unnest($1::int8[]) k
                    ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state, balance = EXCLUDED.balance`,
              values: [keys, dice.pick(['on', 'off', null]), String(dice.below(3))],
            };
      await this.#databases[side].query(change.sql, change.values);
      this.#queues[side].push(change);
      this.#sent[side]++;
      this.written += keys.length;
    }
  }

  async #apply(from: Side): Promise<void> {
    for (;;) {
      await until(() => this.#queues[from].length > 0 || this.#stop.signal.aborted, { everyMs: 2 });
      const change = this.#queues[from].shift();
      if (!change) return;
      await this.#databases[otherSide(from)].query(change.sql, change.values);
      this.#applied[from]++;
    }
  }

  place({ side }: { readonly side: Side }): Promise<Position> {
    // A write may have committed whose place in the queue is not taken yet: the fence is behind it.
    return new Promise((resolve) => {
      const sent = this.#sent[side];
      void until(() => this.#stop.signal.aborted || this.#sent[side] > sent, { everyMs: 2 }).then(() => resolve(BigInt(this.#sent[side]) as Position));
    });
  }

  async passed({ side, position }: { readonly side: Side; readonly position: Position }): Promise<boolean> {
    await until(() => this.#applied[side] >= Number(position), { everyMs: 2 });
    return true;
  }
}

describePostgres('validation of two databases that are being written', () => {
  it('reports nothing while they are in step, and a true corruption at once', async () => {
    const [monolith, service] = await Promise.all([testDatabase({ schema: SCHEMA }), testDatabase({ schema: SCHEMA })]);
    const fill = `INSERT INTO public.accounts SELECT g, 'on', 0 FROM generate_series(0, ${KEYS - 1}) g`;
    await Promise.all([monolith.query(fill), service.query(fill)]);
    const toy = new LiveToy(monolith, service);
    try {
      const validator = new ConsistencyValidator(
        { checksummer: new PostgresChecksummer({ pool: monolith.pool }) },
        { checksummer: new PostgresChecksummer({ pool: service.pool }) },
        { fence: { fence: toy, service: 'accounts' } },
      );
      let suspects = 0;
      for (let round = 0; round < 4; round++) {
        const report = await validator.validate({ onProgress: (progress) => (suspects = Math.max(suspects, progress.suspects)) });
        expect(report).toMatchObject({ consistent: true, tables: [{ missing: [], extra: [], different: [] }] });
      }
      expect(suspects, 'rows were in flight').toBeGreaterThan(0);
      // Outside the keys that are written, so that no stream repairs it.
      await monolith.query("INSERT INTO public.accounts VALUES (100000, 'on', 1), (100001, 'on', 1)");
      await service.query("INSERT INTO public.accounts VALUES (100001, 'on', 1.01), (100002, 'on', 1)");
      expect((await validator.validate()).tables[0]).toMatchObject({
        consistent: false,
        missing: ['100000'],
        extra: ['100002'],
        different: [{ key: '100001', columns: { balance: { source: '1.00', target: '1.01' } } }],
      });
      expect(toy.written).toBeGreaterThan(1000);
    } finally {
      await toy.stop();
    }
  });
});
