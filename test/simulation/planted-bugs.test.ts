import { afterEach, describe, expect, it, vi } from 'vitest';
import { later, ORIGIN_OF_TIME, type Position } from '../../src/model/position.ts';
import type { Applier, ApplyTransaction } from '../../src/ports/applier.ts';
import type { SourceEvent } from '../../src/ports/change-source.ts';
import { ApplyLine, type Turn } from '../../src/sync/apply-line.ts';
import type * as directionStream from '../../src/sync/direction-stream.ts';
import { Knowledge } from '../../src/sync/knowledge.ts';
import { Mapping } from '../../src/sync/mapping.ts';
import type { DirectionStreamOptions } from '../../src/sync/stream-options.ts';
import { ServiceSync, type ServiceSyncOptions } from '../../src/sync/service-sync.ts';
import { ITEMS } from './database.ts';
import { SimulatedSource } from './ports.ts';
import { World, type Profile } from './world.ts';

const both = vi.hoisted(() => ({ decide: false }));
vi.mock('../../src/sync/direction-stream.ts', async (original) => {
  const { DirectionStream } = await original<typeof directionStream>();
  return {
    DirectionStream: class extends DirectionStream {
      constructor(options: DirectionStreamOptions) {
        super(both.decide && options.authority === 'defers' ? { ...options, authority: 'settles' } : options);
      }
    },
  };
});

/** The first of `seeds` seeds that notices, with what it noticed. */
async function noticed(options: {
  readonly seeds: number;
  readonly profile?: Partial<Profile>;
  readonly engine?: (options: ServiceSyncOptions) => { run(signal: AbortSignal): Promise<void> };
}): Promise<string | undefined> {
  const { seeds, profile = {}, engine } = options;
  for (let seed = 1; seed <= seeds; seed++) {
    const { problems } = await new World(seed, { profile: { mode: 'bidirectional', ...profile }, mutation: engine ? { engine } : {} }).run();
    if (problems.length > 0) return problems[0];
  }
  return undefined;
}

/** What the checker says when it says anything about rows or streams; which of these a bug shows first depends on the seed. */
const SYMPTOM = /lost|differs|missing|drained|had seen the other|superseded|was at \d+ after/;

/** Several batches at once, most of the time. */
const SMALL_BATCHES: Partial<Profile> = { batchRows: 1, width: 3, writers: 2, transactions: 12 };

const undo: (() => void)[] = [];

type Stream = (this: SimulatedSource, options: { readonly signal: AbortSignal }) => AsyncGenerator<SourceEvent>;

const wholeStream = (): Stream => Object.getOwnPropertyDescriptor(SimulatedSource.prototype, 'stream')!.value as Stream;

/** Breaks a method of the engine until the test ends. */
function breakKnowledge<K extends 'tombstone' | 'decision' | 'commitOf'>(name: K, broken: Knowledge[K]): void {
  const { [name]: whole } = Knowledge.prototype;
  Knowledge.prototype[name] = broken;
  undo.push(() => {
    Knowledge.prototype[name] = whole;
  });
}

type Enter = (this: ApplyLine<unknown>, item: unknown, keys: ReadonlySet<string>, run: (turn: Turn) => Promise<void>) => void;

/** Gives every batch another turn than its own until the test ends. */
function breakTurn(broken: (turn: Turn) => Turn): void {
  const enter = Object.getOwnPropertyDescriptor(ApplyLine.prototype, 'enter')!.value as Enter;
  ApplyLine.prototype.enter = function (this: ApplyLine<unknown>, item, keys, run) {
    enter.call(this, item, keys, (turn) => run(broken(turn)));
  };
  undo.push(() => {
    ApplyLine.prototype.enter = enter;
  });
}

afterEach(() => {
  for (const each of undo.splice(0)) each();
});

describe('the simulation notices', () => {
  it.each<Partial<Profile>>([{}, { upsets: 4 }, { cut: 0.02 }, SMALL_BATCHES, { codes: 'shared', upsets: 2 }, { codes: 'shared', fullIdentity: false }])(
    'nothing while nothing is broken: %j',
    async (profile) => {
      expect(await noticed({ seeds: 60, profile })).toBeUndefined();
    },
  );

  it('nothing, where nothing is planted', async () => {
    expect(await noticed({ seeds: 60 })).toBeUndefined();
  });

  it('an acknowledgement before the commit', async () => {
    const stream = wholeStream();
    SimulatedSource.prototype.stream = async function* (this: SimulatedSource, options) {
      for await (const event of stream.call(this, options)) {
        this.acknowledge(event.kind === 'transaction' ? event.transaction.position : event.position);
        yield event;
      }
    };
    undo.push(() => {
      SimulatedSource.prototype.stream = stream;
    });
    expect(await noticed({ seeds: 60, profile: { upsets: 4 } })).toMatch(SYMPTOM);
  });

  it('a writer taken for one that had seen everything', async () => {
    breakKnowledge('commitOf', () => ORIGIN_OF_TIME);
    expect(await noticed({ seeds: 60 })).toMatch(SYMPTOM);
  });

  it('a writer taken for one that had seen nothing', async () => {
    const whole = Object.getOwnPropertyDescriptor(Knowledge.prototype, 'commitOf')!.value as (this: Knowledge, writer: { readonly xid: number }) => Position | undefined;
    breakKnowledge('commitOf', function (this: Knowledge, writer) {
      return whole.call(this, writer) === undefined ? undefined : later(ORIGIN_OF_TIME, (1n << 60n) as Position);
    });
    expect(await noticed({ seeds: 60 })).toMatch(SYMPTOM);
  });

  it('tombstones thrown away', async () => {
    breakKnowledge('tombstone', () => undefined);
    expect(await noticed({ seeds: 60 })).toMatch(SYMPTOM);
  });

  it('decisions forgotten', async () => {
    breakKnowledge('decision', () => undefined);
    expect(await noticed({ seeds: 60 })).toBeDefined();
  });

  it('changes of an unclosed connection that are applied by nobody', async () => {
    // A source that forgets what it delivered when the connection is cut.
    const stream = wholeStream();
    SimulatedSource.prototype.stream = async function* (this: SimulatedSource, options) {
      let skip = true;
      for await (const event of stream.call(this, options)) {
        if (!(skip && event.kind === 'transaction')) yield event;
        skip = false;
      }
    };
    undo.push(() => {
      SimulatedSource.prototype.stream = stream;
    });
    expect(await noticed({ seeds: 60, profile: { cut: 0.02 } })).toMatch(SYMPTOM);
  });

  it('batches that are committed as soon as they are done', async () => {
    breakTurn((turn) => ({ ...turn, commit: async () => {} }));
    expect(await noticed({ seeds: 60, profile: SMALL_BATCHES })).toMatch(SYMPTOM);
  });

  it('a batch that settles before its turn', async () => {
    breakTurn((turn) => ({ ...turn, alone: async () => {} }));
    expect(await noticed({ seeds: 200, profile: SMALL_BATCHES })).toBeDefined();
  });

  it('decisions that are looked up under the service\'s names', async () => {
    const whole = Object.getOwnPropertyDescriptor(Mapping.prototype, 'rowOf')!.value as Mapping['rowOf'];
    Mapping.prototype.rowOf = function (this: Mapping, name, key) {
      const found = whole.call(this, name, key);
      // There, the row has no cell of that name.
      return found && { table: found.table, key: [''], keyText: this.keyTextOf(found.table, ['']) };
    };
    undo.push(() => {
      Mapping.prototype.rowOf = whole;
    });
    expect(await noticed({ seeds: 60, profile: { renamed: true } })).toBeDefined();
  });

  it('a table that is emptied with what nobody had seen', async () => {
    const engine = (options: ServiceSyncOptions): ServiceSync => {
      const careless = (transaction: ApplyTransaction): void => {
        const truncate = transaction.truncate.bind(transaction);
        transaction.truncate = (tables, { restartIdentity }) => truncate(tables, { restartIdentity });
      };
      return withTransaction(changing(options, 'monolith', careless), 'service', careless);
    };
    expect(await noticed({ seeds: 60, profile: { truncates: true }, engine })).toMatch(SYMPTOM);
  });

  it.each(['monolith-to-service', 'service-to-monolith'] as const)('writers of its target that %s overwrites without a word', async (mode) => {
    const engine = (options: ServiceSyncOptions): ServiceSync =>
      withTransaction(options, mode === 'monolith-to-service' ? 'service' : 'monolith', (transaction) => {
        transaction.recordConflict = () => Promise.resolve();
      });
    const profile = { mode, localWriters: true, fullIdentity: true, upsets: 0 };
    expect(await noticed({ seeds: 60, profile })).toBeUndefined();
    expect(await noticed({ seeds: 60, profile, engine })).toMatch(SYMPTOM);
  });

  it.each(['monolith-to-service', 'service-to-monolith'] as const)('a worker of %s that takes for older what stands there as it begins anew', async (mode) => {
    const target = mode === 'monolith-to-service' ? 'service' : 'monolith';
    const engine = (options: ServiceSyncOptions): ServiceSync => {
      const { beginning, ...end } = options.ends[target];
      const keep = async (): Promise<number> => {
        await beginning?.keep();
        return (await end.horizon()).xid;
      };
      return new ServiceSync({ ...options, ends: { ...options.ends, [target]: { ...end, beginning: { keep, forget: () => Promise.resolve() } } } });
    };
    const profile = { mode, localWriters: true, fullIdentity: true, upsets: 4 };
    expect(await noticed({ seeds: 30, profile })).toBeUndefined();
    expect(await noticed({ seeds: 30, profile, engine })).toMatch(/is lost/);
  });

  it('a counter of which what the other side added is forgotten', async () => {
    const engine = (options: ServiceSyncOptions): ServiceSync => {
      options.resolver.use(ITEMS, { strategy: 'last-write-wins' });
      return new ServiceSync(options);
    };
    const profile: Partial<Profile> = { strategy: 'add-up', fullIdentity: true };
    expect(await noticed({ seeds: 60, profile })).toBeUndefined();
    expect(await noticed({ seeds: 60, profile, engine })).toMatch(/were added/);
  });

  it('a key of two columns whose order is mistaken', async () => {
    const whole = Object.getOwnPropertyDescriptor(Mapping.prototype, 'keyTextOf')!.value as Mapping['keyTextOf'];
    Mapping.prototype.keyTextOf = function (this: Mapping, table, key) {
      return whole.call(this, table, key.toReversed());
    };
    undo.push(() => {
      Mapping.prototype.keyTextOf = whole;
    });
    expect(await noticed({ seeds: 60, profile: { composite: true, codes: 'shared', upsets: 2 } })).toBeDefined();
  });

  it('a service that decides as well', async () => {
    both.decide = true;
    undo.push(() => {
      both.decide = false;
    });
    expect(await noticed({ seeds: 60 })).toMatch(SYMPTOM);
  });

  it('a monolith that keeps its decisions to itself', async () => {
    const engine = (options: ServiceSyncOptions): ServiceSync =>
      new ServiceSync({
        ...options,
        ends: { ...options.ends, monolith: { ...options.ends.monolith, applier: secretive(options.ends.monolith.applier!) } },
      });
    expect(await noticed({ seeds: 60, engine })).toMatch(SYMPTOM);
  });

  it('a decision that does not say whose write it leaves', async () => {
    const engine = (options: ServiceSyncOptions): ServiceSync =>
      withTransaction(options, 'monolith', (transaction) => {
        const record = transaction.recordConflict.bind(transaction);
        transaction.recordConflict = (conflict, decision) =>
          record(conflict, decision && { ...decision, standing: { ...decision.standing, winner: 'monolith' } });
      });
    expect(await noticed({ seeds: 150, profile: { codes: 'shared', upsets: 2 }, engine })).toMatch(SYMPTOM);
  });

  it('a decided absence that the service does not ask about', async () => {
    const engine = (options: ServiceSyncOptions): ServiceSync =>
      withTransaction(options, 'service', (transaction) => {
        transaction.request = () => Promise.resolve();
      });
    expect(await noticed({ seeds: 300, profile: { codes: 'shared', fullIdentity: false }, engine })).toMatch(SYMPTOM);
  });
});

/** The engine with something done to each transaction of one side's applier. */
function withTransaction(options: ServiceSyncOptions, side: 'monolith' | 'service', change: (transaction: ApplyTransaction) => void): ServiceSync {
  return new ServiceSync(changing(options, side, change));
}

function changing(options: ServiceSyncOptions, side: 'monolith' | 'service', change: (transaction: ApplyTransaction) => void): ServiceSyncOptions {
  const end = options.ends[side];
  if (!end.applier) return options;
  const applier = new Proxy(end.applier, {
    get(target, name) {
      if (name === 'begin') {
        return async (...parameters: Parameters<Applier['begin']>) => {
          const transaction = await target.begin(...parameters);
          change(transaction);
          return transaction;
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...options, ends: { ...options.ends, [side]: { ...end, applier } } };
}

/** Records conflicts without what was decided, so that the service never hears of it. */
function secretive(applier: Applier): Applier {
  return new Proxy(applier, {
    get(target, name) {
      if (name === 'begin') {
        return async (options?: { readonly beside: boolean }) => {
          const transaction = await target.begin(options);
          const record = transaction.recordConflict.bind(transaction);
          transaction.recordConflict = (conflict) => record(conflict, undefined);
          return transaction;
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
