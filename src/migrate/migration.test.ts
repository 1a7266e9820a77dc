import { describe, expect, it } from 'vitest';
import { BanyanError } from '../core/errors.ts';
import { FLAG_STAGES } from '../model/route-decision.ts';
import { STAGES, type Stage } from '../model/stage.ts';
import type { GateResult, MigrationSteps, MigrationStore, RecordedChange } from '../ports/migration.ts';
import { FLAG, isStage, pathTo, PERCENT, RULES } from './journey.ts';
import { Migration } from './migration.ts';

function memoryStore(): MigrationStore & { readonly changes: RecordedChange[] } {
  const changes: RecordedChange[] = [];
  return {
    changes,
    install: () => Promise.resolve(),
    history: (service) => Promise.resolve(changes.filter((change) => change.service === service)),
    record: (change) => {
      const present = changes.findLast((each) => each.service === change.service)?.to ?? 'planned';
      if (present !== change.from) return Promise.reject(new BanyanError('BANYAN_MIGRATE_CONFLICT', { message: `at ${present}` }));
      changes.push({ ...change, at: '2026-01-01T00:00:00Z' });
      return Promise.resolve();
    },
  };
}

/** Steps that write down what they are asked, with gates that fail when named. */
function world(failing: ReadonlySet<string> = new Set()) {
  const calls: string[] = [];
  const gate = (name: string) => (): Promise<GateResult> => {
    calls.push(name);
    return Promise.resolve({ name, passed: !failing.has(name), evidence: `${name} was looked at` });
  };
  const steps: MigrationSteps = {
    prerequisites: gate('prerequisites'), following: gate('following'), equal: gate('equal'), served: gate('served'),
    provision: () => (calls.push('provision'), Promise.resolve()),
    flag: (stage) => (calls.push(`flag ${stage}`), Promise.resolve()),
    shift: (percent, flag) => (calls.push(`shift ${percent}, flag ${flag}`), Promise.resolve()),
    bringHome: (flag) => (calls.push(`home, flag ${flag}`), Promise.resolve()),
  };
  const store = memoryStore();
  return { calls, store, steps, migration: new Migration({ service: 'accounts', store, steps }) };
}

/** What each stage asks and does, in order. */
const TABLE: Readonly<Record<Exclude<Stage, 'planned'>, { gates: string[]; deeds: string[] }>> = {
  prepared: { gates: ['prerequisites'], deeds: [] },
  provisioned: { gates: [], deeds: ['provision'] },
  synced: { gates: ['following'], deeds: ['flag dual-write'] },
  validated: { gates: ['equal'], deeds: ['flag shadow'] },
  routed: { gates: ['served'], deeds: ['flag shadow'] },
  canary: { gates: ['following', 'served', 'equal'], deeds: ['shift 1, flag live'] },
  half: { gates: ['following', 'served', 'equal'], deeds: ['shift 50, flag live'] },
  live: { gates: ['following', 'served', 'equal'], deeds: ['shift 100, flag ramp-down'] },
};
const LATER = STAGES.filter((stage) => stage !== 'planned');
const cases = LATER.map((stage) => [stage, TABLE[stage], STAGES[STAGES.indexOf(stage) - 1]!] as const);

describe('the journey', () => {
  it('has a rule for every stage but the first', () => {
    expect(Object.keys(RULES)).toEqual(LATER);
    expect(PERCENT).toEqual({ canary: 1, half: 50, live: 100 });
    expect(isStage('live')).toBe(true);
    expect(isStage('alive')).toBe(false);
    expect(pathTo('synced', 'canary')).toEqual(['validated', 'routed', 'canary']);
    expect(pathTo('live', 'live')).toEqual([]);
  });

  it.each(cases)('%s is entered through its gates, then its deed', async (stage, { gates, deeds }, before) => {
    const { migration, calls, store } = world();
    await migration.advance({ to: before });
    calls.length = 0;
    const report = await migration.advance();
    expect(calls).toEqual([...gates, ...deeds]);
    expect(report).toMatchObject({ service: 'accounts', stage, gates: gates.map((name) => ({ name, passed: true })) });
    expect(store.changes.at(-1)).toMatchObject({ from: before, to: stage, why: 'migrate' });
    expect(report.history.map((change) => change.to)).toEqual(LATER.slice(0, LATER.indexOf(stage) + 1));
  });

  for (const [stage, { gates }, before] of cases) {
    for (const gate of gates) {
      it(`${stage} is not entered when ${gate} says no`, async () => {
        const failing = new Set<string>();
        const { migration, calls, store } = world(failing);
        await migration.advance({ to: before });
        calls.length = 0;
        failing.add(gate);
        const report = await migration.advance();
        // All gates are asked, so that the operator hears of everything at once; nothing is done.
        expect(calls).toEqual(gates);
        expect(report.stage).toBe(before);
        expect(report.gates.filter((each) => !each.passed)).toEqual([{ name: gate, passed: false, evidence: `${gate} was looked at` }]);
        expect(store.changes.at(-1)?.to ?? 'planned').toBe(before);
        failing.clear();
        expect((await migration.advance()).stage).toBe(stage);
      });
    }
  }
});

describe('the flag of application code', () => {
  it('goes forward with the journey, and no step of it skips a stage', () => {
    const path = STAGES.map((stage) => FLAG_STAGES.indexOf(FLAG[stage]));
    expect(path.slice(1).map((index, at) => index - path[at]!).filter((step) => step < 0 || step > 1)).toEqual([]);
    expect([FLAG.planned, FLAG.live]).toEqual(['off', 'ramp-down']);
  });
});

describe('a migration', () => {
  it('begins planned, and goes all the way when asked to', async () => {
    const { migration, calls } = world();
    expect(await migration.status()).toEqual({ service: 'accounts', stage: 'planned', gates: [], history: [] });
    expect((await migration.advance({ to: 'live' })).stage).toBe('live');
    expect(calls.filter((call) => call.startsWith('shift'))).toEqual(['shift 1, flag live', 'shift 50, flag live', 'shift 100, flag ramp-down']);
    calls.length = 0;
    expect(await migration.advance()).toMatchObject({ stage: 'live' });
    expect(await migration.advance({ to: 'live' })).toMatchObject({ stage: 'live' });
    expect(calls).toEqual([]);
  });

  it('stops on the way at the gate that says no, having kept what was reached', async () => {
    const { migration } = world(new Set(['equal']));
    expect(await migration.advance({ to: 'live' })).toMatchObject({ stage: 'synced', gates: [{ name: 'equal', passed: false }] });
    expect((await migration.status()).history).toHaveLength(3);
  });

  it('only asks the gates in a dry run', async () => {
    const { migration, calls, store } = world();
    await migration.advance({ to: 'routed' });
    calls.length = 0;
    const report = await migration.advance({ to: 'live', dryRun: true });
    expect(calls).toEqual(['following', 'served', 'equal']);
    expect(report).toMatchObject({ stage: 'routed' });
    expect(report.gates).toHaveLength(3);
    expect(store.changes.at(-1)?.to).toBe('routed');
  });

  it('refuses a stage that does not exist, and one that lies behind', async () => {
    const { migration } = world();
    await migration.advance({ to: 'synced' });
    await expect(migration.advance({ to: 'sync' })).rejects.toMatchObject({ code: 'BANYAN_MIGRATE_STAGE', message: expect.stringContaining('planned, prepared') });
    await expect(migration.advance({ to: 'prepared' })).rejects.toMatchObject({ code: 'BANYAN_MIGRATE_STAGE', message: expect.stringContaining('synced') });
  });

  it('does not count a stage whose deed failed, and tries it again', async () => {
    const { store, steps } = world();
    let broken = true;
    const migration = new Migration({
      service: 'accounts', store,
      steps: { ...steps, provision: () => (broken ? Promise.reject(new Error('no room')) : Promise.resolve()) },
    });
    await expect(migration.advance({ to: 'synced' })).rejects.toThrow('no room');
    expect((await migration.status()).stage).toBe('prepared');
    broken = false;
    expect((await migration.advance()).stage).toBe('provisioned');
  });

  it('tells the second of two commands that the first has moved the service', async () => {
    const { store, steps, migration } = world();
    const slow = new Migration({
      service: 'accounts', store,
      steps: { ...steps, prerequisites: async () => (await migration.advance(), { name: 'prerequisites', passed: true, evidence: '' }) },
    });
    await expect(slow.advance()).rejects.toMatchObject({ code: 'BANYAN_MIGRATE_CONFLICT' });
    expect((await migration.status()).stage).toBe('prepared');
  });
});

describe('a rollback', () => {
  it.each(['canary', 'half', 'live'] as const)('from %s brings everybody back, and the way forward stays open', async (stage) => {
    const { migration, calls } = world();
    await migration.advance({ to: stage });
    calls.length = 0;
    const report = await migration.rollback();
    expect(calls).toEqual(['home, flag shadow']);
    expect(report.stage).toBe('validated');
    expect(report.history.at(-1)).toMatchObject({ from: stage, to: 'validated', why: 'rollback' });
    expect((await migration.advance({ to: 'live' })).stage).toBe('live');
  });

  it('also brings back those whom a killed command had moved before it could say so', async () => {
    const { migration, calls } = world();
    await migration.advance({ to: 'routed' });
    calls.length = 0;
    expect((await migration.rollback()).stage).toBe('validated');
    expect(calls).toEqual(['home, flag shadow']);
  });

  it.each(['planned', 'prepared', 'provisioned', 'synced', 'validated'] as const)('from %s stays there, and still brings back whom somebody had moved by hand', async (stage) => {
    const { migration, calls } = world();
    await migration.advance({ to: stage });
    calls.length = 0;
    const before = await migration.status();
    expect(await migration.rollback()).toEqual(before);
    expect(calls).toEqual([`home, flag ${FLAG[stage]}`]);
  });

  it('does nothing in a dry run', async () => {
    const { migration, calls } = world();
    await migration.advance({ to: 'half' });
    calls.length = 0;
    expect(await migration.rollback({ dryRun: true })).toMatchObject({ stage: 'half' });
    expect(calls).toEqual([]);
  });
});
