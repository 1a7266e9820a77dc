import { describe, expect, it } from 'vitest';
import { ConsistencyValidator, type ValidateOptions } from '../../src/validate/validator.ts';
import { instantClock } from './instant-clock.ts';
import { MemoryChecksummer } from './memory-checksummer.ts';
import { Dice } from './dice.ts';
import { ToyReplication } from './toy-replication.ts';

const KEYS = 40;

function live(seed: number): { readonly toy: ToyReplication; readonly validate: (options?: ValidateOptions) => ReturnType<ConsistencyValidator['validate']> } {
  const dice = new Dice(seed);
  const [monolith, service] = ['monolith', 'service'].map(() => new MemoryChecksummer({ table: 'flags', columns: ['id', 'state'] })) as [MemoryChecksummer, MemoryChecksummer];
  const toy = new ToyReplication(monolith, service, dice);
  for (let key = 0; key < KEYS; key++) if (dice.chance(0.7)) toy.write('monolith', String(key), ['on']);
  while (toy.applyOne('monolith'));
  // From hardly anything to a storm: what is slow stays in flight for longer.
  const storms = [0.02, 0.1, 0.5, 2, 4][seed % 5]!;
  monolith.beforeRead = service.beforeRead = () => {
    for (let left = storms; left > 0; left--) if (dice.chance(left)) toy.churn(KEYS);
  };
  for (let i = 0; i < 10; i++) toy.churn(KEYS);
  const validator = new ConsistencyValidator({ checksummer: monolith }, { checksummer: service }, { clock: instantClock(), fence: { fence: toy, service: 'accounts' } });
  return { toy, validate: (options = {}) => validator.validate(options) };
}

/** The table in one snapshot, or in ranges with snapshots of their own. */
const waysOf = (seed: number): ValidateOptions => (seed % 2 === 0 ? {} : { rangeRows: 1 + (seed % 13) });

describe('rows in flight', () => {
  it('are never reported, whatever is written and applied between two reads', async () => {
    let rechecked = 0;
    let conflicts = 0;
    for (let seed = 0; seed < 1000; seed++) {
      const { toy, validate } = live(seed);
      const report = await validate(waysOf(seed));
      expect(report.tables[0], `seed ${seed}`).toMatchObject({ consistent: true, missing: [], extra: [], different: [] });
      rechecked += toy.sides.monolith.lookups;
      conflicts += toy.conflicts;
    }
    // Otherwise nothing was in flight, and the test says nothing.
    expect(rechecked).toBeGreaterThan(300);
    expect(conflicts).toBeGreaterThan(1000);
  });

  it('do not hide a row that the streams will never repair', async () => {
    for (let seed = 0; seed < 100; seed++) {
      const { toy, validate } = live(seed);
      const kind = seed % 3;
      if (kind !== 1) toy.sides.monolith.put('1000', 'here');
      if (kind !== 0) toy.sides.service.put('1000', 'there');
      const report = await validate(waysOf(seed));
      const expected = { missing: kind === 0 ? ['1000'] : [], extra: kind === 1 ? ['1000'] : [], different: kind === 2 ? [{ key: '1000', columns: { state: { source: 'here', target: 'there' } } }] : [] };
      expect(report.tables[0], `seed ${seed}`).toMatchObject({ consistent: false, ...expected });
    }
  });

  it('are found at every level under the same writes', async () => {
    for (const level of ['count', 'sample', 'checksum'] as const) {
      for (let seed = 0; seed < 60; seed++) {
        const { toy, validate } = live(seed);
        expect((await validate({ level })).consistent, `${level}, seed ${seed}`).toBe(true);
        toy.sides.monolith.put('1000', 'lost');
        if (level !== 'count') expect((await validate({ level })).tables[0]?.missing, `${level}, seed ${seed}`).toEqual(['1000']);
      }
    }
  });

  it('that change at every look are counted as unsettled, not as differences', async () => {
    const { toy, validate } = live(1);
    let n = 0;
    toy.sides.service.beforeRead = () => toy.sides.service.put('7', `new ${n++}`);
    toy.sides.monolith.beforeRead = () => {};
    const [table] = (await validate({ rounds: 5 })).tables;
    expect(table).toMatchObject({ consistent: true, different: [], counts: { different: 0, unsettled: 1 } });
  });

  it('that wait for the decision of a conflict are not differences', async () => {
    // The service's write has to reach the monolith, and then the decision has to come back.
    for (let seed = 0; seed < 20; seed++) {
      const { toy, validate } = live(seed);
      let conflicting = 1;
      toy.sides.service.beforeRead = () => {};
      toy.sides.monolith.beforeRead = () => {
        if (conflicting-- <= 0) return;
        toy.write('monolith', '7', ['monolith wins']);
        toy.write('service', '7', ['service wins']);
      };
      expect((await validate()).tables[0], `seed ${seed}`).toMatchObject({ consistent: true, different: [], counts: { unsettled: 0 } });
      expect(toy.conflicts).toBeGreaterThan(0);
    }
  });

  it('that swing between the same two values are not taken for unchanged', async () => {
    const { toy } = live(2);
    const { monolith, service } = toy.sides;
    monolith.beforeRead = service.beforeRead = () => {};
    // After each fence the row goes off on both sides, and on again on one: every look sees on and off.
    const swing = () => {
      toy.write('monolith', '7', ['off']);
      while (toy.applyOne('monolith'));
      toy.write('monolith', '7', ['on']);
    };
    const fence = {
      place: toy.place.bind(toy),
      passed: async (options: Parameters<typeof toy.passed>[0]) => {
        const passed = await toy.passed(options);
        if (options.side === 'monolith') swing();
        return passed;
      },
    };
    const validator = new ConsistencyValidator({ checksummer: monolith }, { checksummer: service }, { fence: { fence, service: 'accounts' } });
    expect((await validator.validate()).tables[0]).toMatchObject({ consistent: true, different: [], counts: { unsettled: 1 } });
  });

  it('would be reported by a validator without a fence', async () => {
    const { toy } = live(3);
    const { monolith, service } = toy.sides;
    monolith.beforeRead = service.beforeRead = () => {};
    toy.write('monolith', '2000', ['on the way']);
    const validator = new ConsistencyValidator({ checksummer: monolith }, { checksummer: service }, { clock: instantClock() });
    expect((await validator.validate()).tables[0]?.missing).toEqual(['2000']);
  });

  it('stop the validation when the streams do not pass a fence', async () => {
    const { toy } = live(3);
    const fence = { place: toy.place.bind(toy), passed: () => Promise.resolve(false) };
    const validator = new ConsistencyValidator({ checksummer: toy.sides.monolith }, { checksummer: toy.sides.service }, { fence: { fence, service: 'accounts', timeoutMs: 5 } });
    await expect(validator.validate()).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_FENCE', details: { side: 'monolith' } });
    expect(toy.sides.monolith.openSnapshots + toy.sides.service.openSnapshots).toBe(0);
  });

  it('need fences only on the sides that are streamed', async () => {
    const { toy } = live(3);
    toy.sides.monolith.beforeRead = toy.sides.service.beforeRead = () => {};
    const sides: string[] = [];
    const fence = {
      place: (options: { side: 'monolith' | 'service' }) => {
        sides.push(options.side);
        return toy.place(options);
      },
      passed: toy.passed.bind(toy),
    };
    const validator = new ConsistencyValidator({ checksummer: toy.sides.monolith }, { checksummer: toy.sides.service }, { fence: { fence, service: 'accounts', sides: ['monolith'] } });
    expect((await validator.validate()).consistent).toBe(true);
    expect(new Set(sides)).toEqual(new Set(['monolith']));
  });
});
