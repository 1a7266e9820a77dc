import { silentLogger } from '../../../src/core/logger.ts';
import { noMetrics } from '../../../src/core/metrics.ts';
import { PLAIN_DECISION } from '../../../src/model/route-decision.ts';
import type { Side } from '../../../src/model/side.ts';
import type { MoveReport, MoveView, RouteMoves, RouteState } from '../../../src/ports/route-store.ts';
import { BucketFlow, Ticket } from '../../../src/route/bucket-flow.ts';
import { CommonShifter } from '../../../src/route/common/common-shifter.ts';
import { CompiledDecision } from '../../../src/route/decision/compiled-decision.ts';
import { MemoryMoves } from '../../support/memory-moves.ts';
import { Random } from '../random.ts';
import { Scheduler, type Process } from '../scheduler.ts';
import { Sides } from './sides.ts';

export const SERVICE = 'accounts';
const BOUND_MS = 2000;
const ALIVE_MS = 6000;
const BUCKETS_OF_USERS = [3, 40, 1200, 2600, 4100, 5500, 7000, 9990];

/** What is wrong on purpose. */
export type Bug = 'one router is not waited for' | 'drained is said too early' | 'nobody is held' | 'no fence';

export interface Scenario {
  readonly seed: number;
  readonly routers: number;
  readonly raiseOnly?: boolean;
  readonly crashes?: boolean;
  readonly cuts?: boolean;
  readonly stalls?: boolean;
  readonly bug?: Bug;
  /** Virtual milliseconds of trouble; then all is well, and everything has to end. */
  readonly ms?: number;
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly requests: number;
  readonly judged: number;
  readonly decisions: number;
  readonly moves: number;
  readonly longestHoldMs: number;
}

interface Router {
  readonly name: string;
  readonly process: Process;
  readonly flow: BucketFlow;
  readonly shifter: CommonShifter;
  readonly stop: AbortController;
  readonly closing: AbortController;
  ready: boolean;
  leaving: boolean;
  /** Counts the times it could not reach the store, and was not in step. */
  cuts: number;
  cut: boolean;
}

/** Several routers, their store, two databases, and users whose requests come through any router. */
export class World {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #scheduler: Scheduler;
  readonly #sides: Sides;
  readonly #moves: MemoryMoves;
  readonly #versions: RouteState[] = [];
  readonly #seen = new Map<string, number>();
  readonly #routers: Router[] = [];
  readonly #watching = new Set<() => void>();
  readonly #violations: string[] = [];
  readonly #values = BUCKETS_OF_USERS.map(() => 0);
  readonly #acknowledged = BUCKETS_OF_USERS.map(() => 0);
  readonly #onService = BUCKETS_OF_USERS.map(() => false);
  #over = false;
  #lives = 0;
  #open = 0;
  #requests = 0;
  #judged = 0;
  #longestHoldMs = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = new Random(scenario.seed);
    this.#scheduler = new Scheduler(this.#random);
    this.#sides = new Sides(this.#scheduler, this.#random);
    if (scenario.bug === 'no fence') this.#sides.fence = () => ({ place: async () => 0n as never, passed: async () => true });
    this.#moves = new MemoryMoves({
      decisions: () => this.#versions,
      live: () => [...this.#seen].filter(([, at]) => this.#scheduler.now - at < ALIVE_MS).map(([name]) => name),
      changed: () => {
        this.#changed();
      },
    });
  }

  async run(): Promise<Verdict> {
    const { routers, ms = 15_000 } = this.#scenario;
    const scheduler = this.#scheduler;
    for (let n = 0; n < routers; n++) this.#start(`r${n}`);
    for (let user = 0; user < BUCKETS_OF_USERS.length; user++) for (let lane = 0; lane < 2; lane++) void this.#user(user);
    void this.#operator();
    if (this.#scenario.crashes || this.#scenario.cuts || this.#scenario.stalls) void this.#trouble();
    const end = scheduler.now + ms;
    await scheduler.run(() => scheduler.now >= end, 5_000_000);
    this.#over = true;
    for (const router of this.#routers) router.cut = false;
    this.#sides.stalledUntil = 0;
    const last = this.#versions.at(-1);
    const settled = (): boolean =>
      this.#open === 0 && this.#routers.every(({ flow, shifter, ready }) => ready && flow.percent === (last?.percent ?? 0) && shifter.progress.state === 'done');
    const deadline = scheduler.now + 30_000;
    await scheduler.run(() => settled() || scheduler.now > deadline, 5_000_000);
    if (!settled()) {
      this.#violations.push(`does not end: ${this.#open} requests open, ${last?.percent} % wanted; ${JSON.stringify(this.#routers.map(({ name, flow, shifter, ready }) => [name, ready, flow.percent, shifter.progress]))} ${JSON.stringify(this.#moves.now().map(({ move, live }) => ({ move, live })))}`);
    }
    return {
      violations: this.#violations, requests: this.#requests, judged: this.#judged, decisions: this.#versions.length,
      moves: this.#moves.writes, longestHoldMs: this.#longestHoldMs,
    };
  }

  #start(name: string): void {
    const process = this.#scheduler.process(name);
    const clock = this.#scheduler.clock(process, () => 0);
    const flow = this.#scenario.bug === 'nobody is held' ? new NeverHeld() : new BucketFlow();
    const [stop, closing] = [new AbortController(), new AbortController()];
    const latest = this.#versions.at(-1);
    const shifter = new CommonShifter({
      flow, service: SERVICE, fence: this.#sides.fence(process), clock, logger: silentLogger, metrics: noMetrics, boundMs: BOUND_MS, maxHeld: 4096,
      retryMs: 300, onProgress: () => {}, moves: this.#link(name, () => router), router: name, member: `${name}#${++this.#lives}`,
      beginning: new CompiledDecision(0), closing: closing.signal, signal: stop.signal,
    });
    const router: Router = { name, process, flow, shifter, stop, closing, ready: false, leaving: false, cut: false, cuts: 0 };
    this.#routers.push(router);
    void this.#live(router, latest);
  }

  async #live(router: Router, latest: RouteState | undefined): Promise<void> {
    const { shifter, process, name } = router;
    this.#seen.set(name, this.#scheduler.now);
    const target = new CompiledDecision(latest?.percent ?? 0);
    for (;;) {
      try {
        await shifter.join({ version: latest?.version ?? 0, assignment: target });
        break;
      } catch {
        await this.#scheduler.sleep(process, 100);
      }
    }
    router.ready = true;
    if (latest) void shifter.moveTo({ assignment: target, version: latest.version, urgent: false });
    void this.#beat(router);
    await this.#watch(router, latest);
  }

  async #beat(router: Router): Promise<void> {
    while (!router.stop.signal.aborted) {
      if (!router.cut) this.#seen.set(router.name, this.#scheduler.now);
      await this.#scheduler.sleep(router.process, 2000);
    }
  }

  /** What the router's listening session does: it hears of changes late, and looks every second besides. */
  async #watch(router: Router, latest: RouteState | undefined): Promise<void> {
    let known = { version: latest?.version ?? 0, percent: latest?.percent ?? 0 };
    while (!router.stop.signal.aborted) {
      if (!router.cut) {
        const [last, views] = [this.#versions.at(-1), this.#moves.now()];
        await this.#delay(router.process);
        const cuts = router.cuts;
        for (const view of this.#seenBy(router, views)) router.shifter.onView(view);
        if (last && last.version > known.version) {
          void router.shifter.moveTo({ assignment: new CompiledDecision(last.percent), version: last.version, urgent: last.percent < known.percent });
          known = last;
        }
        if (cuts > 0 && router.shifter.inStep) router.cuts = 0;
      }
      const timer = new AbortController();
      await Promise.race([
        new Promise<void>((resolve) => {
          const heard = (): void => {
            this.#watching.delete(heard);
            resolve();
          };
          this.#watching.add(heard);
        }),
        this.#scheduler.sleep(router.process, 1000, timer.signal).catch(() => {}),
      ]);
      timer.abort();
    }
  }

  #changed(): void {
    for (const heard of this.#watching) heard();
  }

  /** The way of one router to the store. */
  #link(name: string, router: () => Router): RouteMoves {
    const ask = async <T>(question: () => Promise<T>): Promise<T> => {
      const { process } = router();
      await this.#delay(process);
      // Cut off: sometimes the question is lost, sometimes the answer.
      while (router().cut) await this.#scheduler.sleep(process, 50);
      const answer = await question();
      await this.#delay(process);
      while (router().cut) await this.#scheduler.sleep(process, 50);
      return answer;
    };
    return {
      read: async () => ask(async () => this.#seenBy(router(), this.#moves.now())),
      write: async (change) => ask(async () => this.#moves.write(change)),
      report: async (report) => ask(async () => this.#moves.report(this.#said(report, name))),
    };
  }

  #seenBy(_router: Router, views: readonly MoveView[]): readonly MoveView[] {
    if (this.#scenario.bug !== 'one router is not waited for') return views;
    return views.map((view) => {
      const { attempt } = view.move;
      const last = attempt?.with.at(-1);
      if (!attempt || last === undefined) return view;
      const reports = view.reports.filter(({ member }) => member !== last);
      return { ...view, reports: [...reports, { router: 'any', member: last, service: SERVICE, attempt: attempt.id, busy: '' }] };
    });
  }

  #said(report: MoveReport, name: string): MoveReport {
    return this.#scenario.bug === 'drained is said too early' && name !== 'none' ? { ...report, busy: '' } : report;
  }

  async #delay(process: Process): Promise<void> {
    const slow = this.#random.chance(0.03) ? 400 : this.#random.chance(0.1) ? 40 : 3;
    await this.#scheduler.sleep(process, 0.1 + this.#random.next() * slow);
  }

  /** One user's requests, one after another, through any router. */
  async #user(user: number): Promise<void> {
    const process = this.#scheduler.process(`user ${user}`);
    while (!this.#over) {
      await this.#scheduler.sleep(process, this.#random.next() * (this.#random.chance(0.1) ? 400 : 40));
      const routers = this.#routers.filter(({ ready, leaving }) => ready && !leaving);
      if (routers.length > 0 && !this.#over) await this.#request(user, this.#random.pick(routers));
    }
  }

  async #request(user: number, router: Router): Promise<void> {
    const { process } = router;
    const before = { acknowledged: this.#acknowledged[user] ?? 0, onService: this.#onService[user] === true };
    const unsafe = this.#random.chance(0.5);
    const away = (): boolean => router.cut || router.cuts > 0;
    const began = this.#scheduler.now;
    let tainted = away();
    const watch = (): void => {
      tainted ||= away();
    };
    this.#requests++;
    this.#open++;
    let ended = false;
    const served = (async (): Promise<void> => {
      const admitted = router.flow.admit({ key: `u${user}`, bucket: BUCKETS_OF_USERS[user] ?? 0, facts: null }, unsafe);
      const ticket: Ticket = await admitted;
      this.#longestHoldMs = Math.max(this.#longestHoldMs, this.#scheduler.now - began);
      watch();
      const side: Side = ticket.home;
      await this.#scheduler.sleep(process, this.#random.next() * (this.#random.chance(0.15) ? 400 : 30));
      const value = unsafe ? (this.#values[user] = (this.#values[user] ?? 0) + 1) : this.#sides.read(side, user);
      if (unsafe) this.#sides.write(side, { user, value });
      await this.#scheduler.sleep(process, this.#random.next() * (this.#random.chance(0.02) ? 3000 : 15));
      watch();
      if (unsafe) ticket.leave();
      else ticket.answered();
      if (tainted) return;
      this.#judged++;
      if (unsafe) this.#acknowledged[user] = Math.max(value, this.#acknowledged[user] ?? 0);
      else if (value < before.acknowledged) {
        this.#violations.push(`user ${user} read ${value} from the ${side} through ${router.name} at ${Math.round(began)}, after ${before.acknowledged} was acknowledged`);
      }
      if (this.#scenario.raiseOnly && before.onService && side === 'monolith') {
        this.#violations.push(`user ${user} was moved back through ${router.name} at ${Math.round(began)}`);
      }
      if (side === 'service') this.#onService[user] = true;
    })();
    await Promise.race([served, this.#diesWith(process, () => ended)]);
    ended = true;
    this.#open--;
  }

  /** Resolves when the process was killed: the connection breaks. */
  async #diesWith(process: Process, ended: () => boolean): Promise<void> {
    const watcher = this.#scheduler.process('connection');
    while (process.alive && !ended()) await this.#scheduler.sleep(watcher, 50);
  }

  async #operator(): Promise<void> {
    const process = this.#scheduler.process('operator');
    while (!this.#over) {
      await this.#scheduler.sleep(process, 100 + this.#random.next() * (this.#random.chance(0.3) ? 100 : 2500));
      if (this.#over) return;
      const present = this.#versions.at(-1)?.percent ?? 0;
      const percent = this.#scenario.raiseOnly ? Math.min(100, present + 1 + this.#random.below(25)) : this.#random.pick([0, 0, 5, 12, 30, 50, 75, 100]);
      this.#versions.push({ service: SERVICE, version: this.#versions.length + 1, percent, decision: PLAIN_DECISION, by: 'operator', why: '', at: '' });
      this.#changed();
    }
  }

  /** Kills routers and starts them again, lets them leave, cuts them off, and holds the streams. */
  async #trouble(): Promise<void> {
    const { crashes, cuts, stalls } = this.#scenario;
    const process = this.#scheduler.process('trouble');
    while (!this.#over) {
      await this.#scheduler.sleep(process, 300 + this.#random.next() * 2500);
      if (this.#over) return;
      const kinds = [...(crashes ? ['crash', 'leave', 'new'] : []), ...(cuts ? ['cut'] : []), ...(stalls ? ['stall'] : [])];
      const kind = this.#random.pick(kinds);
      const router = this.#routers.length > 0 ? this.#random.pick(this.#routers) : undefined;
      if (!router) continue;
      if (kind === 'stall') this.#sides.stalledUntil = this.#scheduler.now + this.#random.next() * 3000;
      else if (kind === 'cut') void this.#cutOff(router);
      else if (kind === 'new' && this.#routers.length < 5) this.#start(`r${10 + this.#lives}`);
      else if (kind === 'crash' && router.ready) {
        this.#scheduler.kill(router.process);
        this.#routers.splice(this.#routers.indexOf(router), 1);
        void this.#again(router.name);
      } else if (kind === 'leave' && router.ready && this.#routers.filter(({ ready }) => ready).length > 1) void this.#leave(router);
    }
  }

  async #again(name: string): Promise<void> {
    const process = this.#scheduler.process('supervisor');
    await this.#scheduler.sleep(process, this.#random.next() * 3000);
    this.#start(name);
  }

  async #leave(router: Router): Promise<void> {
    router.leaving = true;
    router.closing.abort(new Error('closing'));
    const process = this.#scheduler.process('supervisor');
    await this.#scheduler.sleep(process, 4000);
    router.stop.abort(new Error('closed'));
    await Promise.race([router.shifter.stopped(), this.#scheduler.sleep(process, 3000)]);
    this.#seen.delete(router.name);
    this.#routers.splice(this.#routers.indexOf(router), 1);
    this.#scheduler.kill(router.process);
    if (this.#routers.length === 0) this.#start(router.name);
  }

  async #cutOff(router: Router): Promise<void> {
    router.cut = true;
    router.cuts++;
    await this.#scheduler.sleep(this.#scheduler.process('cable'), this.#random.next() * (this.#random.chance(0.3) ? 12_000 : 1500));
    router.cut = false;
  }
}

/** Planted: holds nobody. */
class NeverHeld extends BucketFlow {
  override admit({ bucket }: { readonly bucket: number }, unsafe: boolean): Ticket {
    return new Ticket(this, { home: this.home(bucket), bucket, unsafe });
  }
}
