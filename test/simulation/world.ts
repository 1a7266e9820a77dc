import type { Clock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { isBanyanError, messageOf } from '../../src/core/errors.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { ORIGIN_OF_TIME } from '../../src/model/position.ts';
import { directionFrom, otherSide, type Direction, type Side } from '../../src/model/side.ts';
import { ConflictResolver, type PlainStrategy, type ResolveConflict } from '../../src/sync/conflict.ts';
import { directionsOf, ServiceSync, type ServiceSyncOptions, type SyncMode } from '../../src/sync/service-sync.ts';
import { check } from './checker.ts';
import { Database, ITEMS, RENAMED, type Session } from './database.ts';
import { layoutOf, pairedColumns } from './layout.ts';
import { call, endLater, SimulatedApplier, SimulatedSource, type Faults, type PortOptions, type Slot } from './ports.ts';
import { Random } from './random.ts';
import { Scheduler, type Process } from './scheduler.ts';
import { Truth } from './truth.ts';
import { Writer } from './writer.ts';

/** What one seed chooses to do to the engine. */
export interface Profile {
  readonly mode: SyncMode;
  readonly strategy: PlainStrategy | 'latest-by-column' | 'add-up' | 'custom';
  readonly keys: number;
  readonly writers: number;
  readonly transactions: number;
  /** Whether both sides take unique values from one small set. */
  readonly codes: 'none' | 'own' | 'shared';
  readonly fullIdentity: boolean;
  readonly cut: number;
  readonly upsets: number;
  readonly skewMs: number;
  readonly batchRows: number;
  readonly queueRows: number;
  /** Sessions of each applier. */
  readonly width: number;
  readonly firstXid: number;
  /** Whether the service has other names for the table and its columns, one of them the monolith's for another. */
  readonly renamed: boolean;
  /** Whether two columns make up the key, in another order on each side. */
  readonly composite: boolean;
  /** Whether writers empty the table now and then. */
  readonly truncates: boolean;
  /** Whether a one-way stream's target has writers of its own. */
  readonly localWriters: boolean;
  /** Percentage of rows that each side refuses to take from the other, until somebody mends it. */
  readonly refused: number;
  /** Whether the operator gives changes in quarantine up as well. */
  readonly discards: boolean;
}

/** Replaces parts of the engine or of its surroundings, to plant a bug. */
export interface Mutation {
  readonly engine?: (options: ServiceSyncOptions) => { run(signal: AbortSignal): Promise<void> };
}

export interface Outcome {
  readonly seed: number;
  readonly profile: Profile;
  readonly problems: readonly string[];
  readonly steps: number;
  readonly writes: number;
  readonly conflicts: number;
  readonly quarantined: number;
}

/**
 * Rows with whole old images and without a second unique key; `wide` adds partial images (unchanged large
 * values) and unique values that clash. Every promise is checked in both.
 */
export function profileOf(seed: number, wide: boolean): Profile {
  const random = new Random(seed * 2 + 1);
  const kind = random.next();
  return {
    mode: kind < 0.08 ? 'monolith-to-service' : kind < 0.16 ? 'service-to-monolith' : 'bidirectional',
    strategy: random.pick(['last-write-wins', 'last-write-wins', 'prefer-monolith', 'prefer-service', 'merge-columns', 'latest-by-column', 'custom']),
    keys: 1 + random.below(5),
    writers: 1 + random.below(2),
    transactions: 3 + random.below(10),
    codes: 'none',
    fullIdentity: true,
    cut: random.pick([0, 0, 0.005, 0.02]),
    upsets: random.pick([0, 0, 1, 2, 4]),
    skewMs: random.pick([0, 0, 50, 5000]),
    batchRows: random.pick([1, 3, 10, 2000]),
    queueRows: random.pick([1, 4, 50_000]),
    width: random.pick([1, 2, 2, 3]),
    firstXid: random.pick([1000, 4_294_967_276]),
    renamed: random.chance(0.4),
    refused: 0,
    discards: false,
    composite: false,
    truncates: false,
    localWriters: false,
    ...(wide ? { codes: random.pick(['none', 'own', 'shared'] as const), fullIdentity: random.chance(0.4), ...shapeOf(random) } : {}),
  };
}

function shapeOf(random: Random): Partial<Profile> {
  const composite = random.chance(0.3);
  const kind = random.next();
  // What is added up is never deleted, and needs the old row.
  if (kind < 0.15) return { composite, strategy: 'add-up', codes: 'none', fullIdentity: true };
  if (kind < 0.35) return { composite, truncates: true };
  // What a target's own writer deleted can be brought back only from a whole row.
  if (kind < 0.65) return { composite, localWriters: true, codes: 'none', fullIdentity: true };
  return { composite };
}

function resolverOf(strategy: Profile['strategy'], clock: Clock): ConflictResolver {
  if (strategy === 'custom') return new ConflictResolver({ clock, custom: byMarks });
  if (strategy !== 'latest-by-column' && strategy !== 'add-up') return new ConflictResolver({ clock, default: strategy });
  const resolver = new ConflictResolver({ clock });
  resolver.use(ITEMS, strategy === 'add-up' ? { strategy, columns: ['code'] } : { strategy, column: 'mark' });
  return resolver;
}

/** Anything, as users' functions decide; the same for the same rows, so that a seed replays. */
const byMarks: ResolveConflict = (monolith, service) =>
  ((monolith.row?.['mark'] ?? '').length + (service.row?.['mark'] ?? '').length) % 2 === 0 ? { winner: 'monolith' } : { winner: 'service' };

interface Engine {
  readonly process: Process;
  readonly sessions: Set<Session>;
}

const SIDES: readonly Side[] = ['monolith', 'service'];
const MAX_STEPS = 60_000;

/** Both databases, their writers, the engines that come and go, and everything that befalls them. */
export class World {
  readonly #seed: number;
  readonly #profile: Profile;
  readonly #mutation: Mutation;
  readonly #random: Random;
  readonly #scheduler: Scheduler;
  readonly #databases: Readonly<Record<Side, Database>>;
  readonly #slots: Readonly<Record<Side, Slot>>;
  readonly #truth = new Truth();
  readonly #faults: Faults;
  readonly #server: Process;
  readonly #problems: string[] = [];
  #engines: Engine[] = [];
  #born = 0;
  #mended = false;
  /** Whether an engine knows what stood in its target before it. */
  #begun = false;

  constructor(seed: number, options: { readonly wide?: boolean; readonly profile?: Partial<Profile>; readonly mutation?: Mutation } = {}) {
    this.#seed = seed;
    this.#profile = { ...profileOf(seed, options.wide ?? process.env['SIM_WIDE'] !== undefined), ...options.profile };
    this.#mutation = options.mutation ?? {};
    this.#random = new Random(seed);
    this.#scheduler = new Scheduler(this.#random);
    this.#faults = { cut: this.#profile.cut };
    this.#server = this.#scheduler.process('server');
    this.#databases = { monolith: this.#database('monolith'), service: this.#database('service') };
    const slot = (): Slot => ({ confirmed: ORIGIN_OF_TIME, activeBy: undefined, heldUntil: 0 });
    this.#slots = { monolith: slot(), service: slot() };
    for (const direction of directionsOf(this.#profile.mode)) {
      const target = direction === 'monolith-to-service' ? 'service' : 'monolith';
      this.#databases[target].streams.set(direction, { token: 0, position: ORIGIN_OF_TIME, seen: ORIGIN_OF_TIME });
    }
  }

  async run(): Promise<Outcome> {
    const { mode, writers, transactions, codes, keys, strategy, truncates, localWriters } = this.#profile;
    this.#start();
    let writing = 0;
    const names = Array.from({ length: keys }, (_, i) => `k${i}`);
    for (const side of SIDES) {
      if (mode !== 'bidirectional' && mode !== directionFrom(side) && !localWriters) continue;
      for (let i = 0; i < writers; i++) {
        const writer = new Writer({
          database: this.#databases[side], process: this.#scheduler.process(`${side} writer ${i}`), random: this.#random,
          truth: this.#truth, transactions, keys: names,
          ...(strategy === 'add-up' ? { counts: side === 'service' && mode === 'bidirectional' ? 'there' as const : 'anywhere' as const } : {}),
          truncates,
          // What stood in a one-way stream's target before it began is in nobody's way.
          ...(mode === 'bidirectional' || mode === directionFrom(side) ? {} : { mayBegin: () => this.#begun }),
          codes: codes === 'none' ? [] : codes === 'own' ? [`${side}1`, `${side}2`] : ['x', 'y'],
        });
        writing += 1;
        void writer.run().then(
          () => (writing -= 1),
          (error: unknown) => this.#problems.push(`a writer failed: ${messageOf(error)}`),
        );
      }
    }
    void this.#upset();
    void this.#operate();
    const finished = await this.#scheduler.run(() => writing === 0 || this.#problems.length > 0, MAX_STEPS);
    if (!finished && this.#problems.length === 0) this.#problems.push('the writers never came to an end');
    if (this.#problems.length === 0) await this.#drain();
    if (this.#problems.length === 0) {
      this.#problems.push(...check({ databases: this.#databases, truth: this.#truth, directions: directionsOf(mode), counts: strategy === 'add-up' }));
    }
    for (const engine of this.#engines) this.#scheduler.kill(engine.process);
    const count = (of: (database: Database) => number): number => of(this.#databases.monolith) + of(this.#databases.service);
    return {
      seed: this.#seed, profile: this.#profile, problems: this.#problems, steps: this.#scheduler.steps,
      writes: this.#truth.acknowledged.length,
      conflicts: count((database) => database.conflicts.length), quarantined: count((database) => database.quarantine.length),
    };
  }

  get databases(): Readonly<Record<Side, Database>> {
    return this.#databases;
  }

  get truth(): Truth {
    return this.#truth;
  }

  #database(side: Side): Database {
    const { firstXid, fullIdentity, skewMs } = this.#profile;
    const database = new Database({ side, scheduler: this.#scheduler, random: this.#random, fullIdentity, firstXid });
    database.truncates = this.#profile.truncates;
    database.uniqueCodes = this.#profile.strategy !== 'add-up';
    database.skewMs = skewMs * (this.#random.next() * 2 - 1);
    database.refuses = ([, , mark]) => !this.#mended && isRefused(mark, this.#profile.refused);
    return database;
  }

  #start(): void {
    const { mode, strategy, batchRows, queueRows, renamed, composite } = this.#profile;
    this.#born += 1;
    const process = this.#scheduler.process(`engine ${this.#born}`);
    const engine: Engine = { process, sessions: new Set() };
    this.#engines.push(engine);
    const clock = this.#scheduler.clock(process, () => 0);
    const end = (side: Side) => {
      const database = this.#databases[side];
      const port: PortOptions = { database, process, server: this.#server, random: this.#random, faults: this.#faults, layout: layoutOf({ renamed: renamed && side === 'service', composite }) };
      const incoming = directionFrom(otherSide(side));
      return {
        source: new SimulatedSource({ ...port, slot: this.#slots[side], replayOrigin: incoming }),
        applier: new SimulatedApplier({
          ...port, source: this.#databases[otherSide(side)], stream: incoming, origin: incoming,
          truth: this.#truth, sessions: engine.sessions, width: this.#profile.width,
        }),
        replayOrigin: incoming,
        mark: async () => {
          await call(port);
          return database.placeMark(process);
        },
        horizon: async () => {
          await call(port);
          return database.horizon(process);
        },
        beginning: {
          keep: async () => {
            await call(port);
            const { xid } = await database.horizon(process);
            this.#begun = true;
            const stream = database.streams.get(incoming);
            return stream ? (stream.beginning ??= xid) : xid;
          },
          forget: async () => {},
        },
      };
    };
    const options: ServiceSyncOptions = {
      service: 'shop', mode, ends: { monolith: end('monolith'), service: end('service') },
      pairs: [
        renamed
          ? { monolith: ITEMS, service: RENAMED.table, columns: pairedColumns({ composite }) }
          : { monolith: ITEMS, service: ITEMS },
      ],
      resolver: resolverOf(strategy, clock),
      clock, logger: silentLogger, metrics: noMetrics, batchRows, queueRows,
      // So few that most of what is remembered has been packed.
      recentSize: 3,
    };
    const sync = this.#mutation.engine?.(options) ?? new ServiceSync(options);
    void sync.run(new AbortController().signal).then(
      () => this.#problems.push('an engine ended by itself'),
      (error: unknown) => this.#ended(engine, error),
    );
  }

  #ended(engine: Engine, error: unknown): void {
    this.#crash(engine);
    // A worker whose stream was claimed by another has to end.
    if (isBanyanError(error, 'BANYAN_STREAM_FENCED')) {
      // Two that start at once may fence each other; then their supervisor starts a third.
      if (this.#engines.length === 0) this.#start();
      return;
    }
    this.#problems.push(`an engine stopped: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  #crash(engine: Engine): void {
    this.#engines = this.#engines.filter((each) => each !== engine);
    this.#scheduler.kill(engine.process);
    for (const side of SIDES) {
      const slot = this.#slots[side];
      if (slot.activeBy !== engine.process) continue;
      slot.activeBy = undefined;
      slot.heldUntil = this.#scheduler.now + this.#random.below(300);
    }
    for (const session of engine.sessions) {
      endLater(session, { sessions: engine.sessions, server: this.#server, random: this.#random, database: session.database });
    }
  }

  /** Asks for changes in quarantine, long before anything is mended. */
  async #operate(): Promise<void> {
    if (this.#profile.refused === 0) return;
    const process = this.#scheduler.process('operator');
    while (!this.#mended) {
      await this.#scheduler.sleep(process, this.#random.below(1000));
      await this.#scheduler.step(process);
      const held = SIDES.flatMap((side) => this.#databases[side].quarantine.filter(({ state }) => state === 'held'));
      if (held.length > 0) this.#random.pick(held).asked = this.#profile.discards && this.#random.chance(0.3) ? 'discard' : 'retry';
    }
  }

  /** The cause is mended, and everything that waits is asked for, until nothing does. */
  async #empty(): Promise<void> {
    this.#mended = true;
    for (let round = 0; round < 20 && this.#problems.length === 0; round++) {
      const held = SIDES.flatMap((side) => this.#databases[side].quarantine.filter(({ state }) => state === 'held'));
      if (held.length === 0) {
        // The last of it may just have left, and tell the other side of it.
        await this.#drained();
        return;
      }
      for (const record of held) if (record.code !== 'held') record.asked = 'retry';
      const asked = (): boolean => held.some((record) => record.asked !== undefined);
      await this.#scheduler.run(() => !asked() || this.#problems.length > 0, MAX_STEPS);
      await this.#drained();
    }
    if (this.#problems.length === 0) this.#problems.push('the quarantine never emptied');
  }

  /** Crashes, freezes, second workers, stepping clocks. */
  async #upset(): Promise<void> {
    const process = this.#scheduler.process('upset');
    for (let i = 0; i < this.#profile.upsets; i++) {
      await this.#scheduler.sleep(process, this.#random.below(1500));
      await this.#scheduler.step(process);
      const engine = this.#random.pick(this.#engines);
      const dice = this.#random.next();
      if (dice < 0.5) {
        this.#crash(engine);
        this.#start();
      } else if (dice < 0.65) {
        engine.process.frozenUntil = this.#scheduler.now + this.#random.below(2000);
      } else if (dice < 0.8) {
        engine.process.frozenUntil = this.#scheduler.now + this.#random.below(2000);
        this.#start();
      } else {
        const { skewMs } = this.#profile;
        this.#databases[this.#random.pick(SIDES)].skewMs += skewMs * (this.#random.next() * 2 - 1);
      }
    }
  }

  async #drain(): Promise<void> {
    this.#faults.cut = 0;
    await this.#drained();
    if (this.#profile.refused > 0) await this.#empty();
  }

  async #drained(): Promise<void> {
    // Once for the writes, once for what the monolith decided about them, once to be sure.
    for (let round = 0; round < 3; round++) {
      const ends = { monolith: this.#databases.monolith.insertPosition, service: this.#databases.service.insertPosition };
      const drained = (): boolean =>
        directionsOf(this.#profile.mode).every((direction) => this.#applied(direction) >= ends[direction === 'monolith-to-service' ? 'monolith' : 'service']);
      const done = await this.#scheduler.run(() => drained() || this.#problems.length > 0, MAX_STEPS);
      if (this.#problems.length > 0) return;
      if (!done) {
        this.#problems.push('the streams never drained');
        return;
      }
    }
    // The last commits become visible.
    await this.#scheduler.run(() => false, 50);
  }

  #applied(direction: Direction): bigint {
    return this.#databases[direction === 'monolith-to-service' ? 'service' : 'monolith'].streams.get(direction)!.position;
  }
}

/** The writers number their versions: which of them are refused is the same for both sides. */
function isRefused(mark: string | null | undefined, percent: number): boolean {
  const number = Number(mark?.slice(1) ?? Number.NaN);
  return (number * 7919) % 100 < percent;
}
