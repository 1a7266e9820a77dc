import { withAbortOf } from '../../core/abort-any.ts';
import { Bell } from '../../core/bell.ts';
import { messageOf } from '../../core/errors.ts';
import type { MoveView, RouteMoves } from '../../ports/route-store.ts';
import { Approach } from '../approach.ts';
import { misplaced } from '../bucket-flow.ts';
import { BUCKETS } from '../decide.ts';
import type { Assignment } from '../decision/assignment.ts';
import { passFence } from '../move.ts';
import { URGENT_RETRY_MS, type Goal, type Mover, type ShiftGoal, type ShiftOutcome, type ShifterOptions, type ShiftProgress } from '../shifter.ts';
import { ALL_BUCKETS, rangesOf } from './bucket-ranges.ts';
import { join, routerOf } from './join.ts';
import { MoveLink } from './move-link.ts';
import { Participation } from './participation.ts';
import { placedBy, Placements } from './placements.ts';

export interface CommonShifterOptions extends ShifterOptions {
  readonly moves: RouteMoves;
  /** This router's instance id, and a name for this life of it. */
  readonly router: string;
  readonly member: string;
  /** What the configuration says as long as nothing was decided: version 0. */
  readonly beginning: Assignment;
  /** Aborted when the router begins to close: it takes part, but begins nothing any more. */
  readonly closing: AbortSignal;
}

/** A router that should have begun a move is given this long for each that stands before it, in milliseconds. */
const TURN_MS = 500;
/** Longest time, in milliseconds, that the store is waited for where nobody is held for it. */
const STORE_PATIENCE_MS = 1000;
/** Pause after something went wrong that nobody foresaw. */
const PAUSE_MS = 200;

/**
 * Brings one service's users to where the latest decision has them, together with all other routers: a user's
 * home changes nowhere before every live router holds his requests and has none of his writes under way.
 *
 * Where the users are is a document in the shared state ({@link MoveLink}); every router follows it. Whoever
 * comes first of those alive leads. A router that is alone moves its users without asking anybody in between. One
 * that is cut off keeps its users where they are, but for a rollback of its own.
 */
export class CommonShifter implements Mover {
  readonly #options: CommonShifterOptions;
  readonly #placements = new Placements();
  readonly #link: MoveLink;
  readonly #bell: Bell;
  readonly #approach: Approach;
  readonly #patienceMs: number;
  #goal: Goal | null = null;
  #waiting: Goal | null = null;
  /** Ends what this router does by itself. */
  #own = new AbortController();
  /** The document that the flow was last brought in line with. */
  #followed = -1;
  /** Users are elsewhere than the document says: this router was cut off. */
  #astray = false;
  /** The attempt of which this router does not know what became. */
  #lost = 0;
  /** Since when the present goal could be led to. */
  #turn = { sequence: -1, version: -1, since: 0 };
  #running: Promise<void> = Promise.resolve();
  progress: ShiftProgress = { version: 0, state: 'done', reason: '' };

  constructor(options: CommonShifterOptions) {
    const { clock, signal, closing, boundMs, moves, service, logger } = options;
    this.#options = options;
    this.#bell = new Bell(clock);
    this.#patienceMs = Math.min(500, boundMs / 4);
    const changed = (): void => {
      this.#bell.ring();
    };
    this.#placements.learn(0, () => options.beginning);
    this.#link = new MoveLink({ moves, service, placements: this.#placements, clock, logger, patienceMs: STORE_PATIENCE_MS, changed, signal });
    this.#approach = new Approach({ ...options, meet: (now, goal) => this.#placements.meet(now, goal) });
    for (const end of [signal, closing]) {
      end.addEventListener('abort', () => {
        this.#own.abort(end.reason);
        changed();
      }, { once: true });
    }
  }

  /**
   * Becomes one of the routers that move users together, and takes over where these are. `latest` is where they
   * are if no router has ever said.
   * @throws BANYAN_ROUTE_STORE
   */
  async join(latest: { readonly version: number; readonly assignment: Assignment }): Promise<void> {
    const { flow } = this.#options;
    this.#placements.learn(latest.version, () => latest.assignment);
    await this.#join(latest.version);
    const placed = this.#placements.read(this.#link.move.placement);
    flow.adopt((bucket) => placed[bucket] ?? latest.assignment);
    this.#followed = this.#link.view.sequence;
    this.#running = this.#run();
  }

  /** What the store was found to hold. */
  onView(view: MoveView): void {
    this.#link.take(view);
  }

  /** How many routers take part, this one included. */
  get routers(): number {
    const { members } = this.#link.move;
    const { live } = this.#link.view;
    return Math.max(1, members.filter((member) => member === this.#options.member || live.includes(routerOf(member))).length);
  }

  /** Whether the users whose requests come here are where all routers have them, as far as is known here. */
  get inStep(): boolean {
    const { member, router } = this.#options;
    const { move, sequence, live } = this.#link.view;
    return !this.#astray && live.includes(router) && move.members.includes(member) && (this.#followed === sequence || move.attempt !== null);
  }

  async moveTo(goal: ShiftGoal): Promise<ShiftOutcome> {
    return new Promise((resolve) => {
      this.#waiting?.resolve({ state: 'superseded', reason: `version ${goal.version} took its place` });
      this.#waiting = { ...goal, resolve };
      if (goal.urgent) this.#own.abort(new Error(`version ${goal.version} is urgent`));
      this.#bell.ring();
    });
  }

  async stopped(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal, logger, service } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#step();
      } catch (error) {
        if (signal.aborted) break;
        logger.error('a move of users failed', { service, reason: messageOf(error) });
        await this.#bell.heard(PAUSE_MS);
      }
    }
    for (const goal of [this.#goal, this.#waiting]) goal?.resolve({ state: 'superseded', reason: 'the router stopped' });
    await this.#leave();
  }

  async #step(): Promise<void> {
    this.#takeGoal();
    if (this.#goal?.stored === false) return this.#goAlone(this.#goal);
    const { member } = this.#options;
    const { move, sequence } = this.#link.view;
    const { attempt } = move;
    if (!move.members.includes(member)) return this.#comeBack();
    if (attempt?.id === this.#lost && this.#lost > 0) return this.#giveUpLost();
    // A rollback that the store had not heard of brought users home: they need not go out again for it.
    const homeward = this.#astray && this.#goal?.urgent === true && !this.#isReached(this.#goal);
    if (this.#followed !== sequence && !homeward && !(await this.#follow())) return;
    if (attempt) return attempt.with.includes(member) ? this.#takePart() : this.#bell.heard();
    if (!this.#goal) return this.#bell.heard();
    await this.#pursue(this.#goal);
  }

  #takeGoal(): void {
    if (!this.#waiting) return;
    this.#goal?.resolve({ state: 'superseded', reason: `version ${this.#waiting.version} took its place` });
    const goal = this.#waiting;
    this.#waiting = null;
    this.#goal = goal;
    if (goal.stored !== false) this.#placements.learn(goal.version, () => goal.assignment);
    this.#approach.begin();
    this.#report({ version: goal.version, state: 'moving', reason: this.progress.reason });
  }

  #isReached({ version }: ShiftGoal): boolean {
    const { placement } = this.#link.move;
    const [only] = placement;
    return placement.length === 1 && only?.buckets === ALL_BUCKETS && only.versions.length === 1 && only.versions[0] === version;
  }

  /** The users are not where they should be, and nothing is under way. */
  async #pursue(goal: Goal): Promise<void> {
    const { closing, member, clock, retryMs } = this.#options;
    const { move, sequence, live } = this.#link.view;
    if (this.#isReached(goal)) {
      this.#report({ version: goal.version, state: 'done', reason: '' });
      this.#goal = null;
      goal.resolve({ state: 'done', reason: '' });
      return;
    }
    const postponed = move.postponed?.version === goal.version ? move.postponed : null;
    if (postponed) {
      this.#report({ version: goal.version, state: 'postponed', reason: postponed.reason });
      goal.resolve({ state: 'postponed', reason: postponed.reason });
    }
    // Others know of a later decision; it will be heard of here as well.
    const outdated = move.placement.some(({ versions }) => versions.some((version) => version > goal.version));
    if (closing.aborted || outdated) return this.#bell.heard();
    const now = clock.monotonic();
    if (this.#turn.sequence !== sequence || this.#turn.version !== goal.version) this.#turn = { sequence, version: goal.version, since: now };
    const before = move.members.filter((other) => other < member && live.includes(routerOf(other))).length;
    const pause = postponed ? (goal.urgent ? Math.min(retryMs, URGENT_RETRY_MS) : retryMs) : 0;
    const wait = this.#turn.since + pause + before * TURN_MS - now;
    if (wait > 0) return this.#bell.heard(wait);
    await this.#lead(goal);
  }

  /** Begins a move, for all who live. */
  async #lead(goal: Goal): Promise<void> {
    const { member, clock, flow, fence, service, boundMs } = this.#options;
    const { move, live, sequence } = this.#link.view;
    const members = move.members.filter((other) => other === member || live.includes(routerOf(other)));
    const without = move.members.filter((other) => !members.includes(other)).map(routerOf);
    const aim = this.#placements.of([goal.version]);
    const placed = this.#placements.read(move.placement);
    const at = (bucket: number): Assignment => placed[bucket] ?? flow.assignment(bucket);
    const to = (['monolith', 'service'] as const).find((side) => misplaced(at, aim, side).length > 0);
    if (!to) {
      await this.#write({ ...move, members, placement: placedBy(goal.version), postponed: null, chunk: BUCKETS }, without);
      return;
    }
    const alone = members.length === 1;
    const left = rangesOf(misplaced(at, aim, to).slice(0, alone ? BUCKETS : move.chunk));
    const attempt = { id: sequence + 1, leader: member, with: members, version: goal.version, to, left };
    if (alone) return this.#moveAlone(goal, { ...move, members, attempt, postponed: null }, without);
    this.#own = new AbortController();
    const reason = await passFence({ fence, service, clock, boundMs, to }, boundMs, this.#own.signal);
    if (this.#own.signal.aborted || this.#goal !== goal || this.#waiting || this.#link.view.sequence !== sequence) return;
    await this.#write(reason === '' ? { ...move, members, attempt, postponed: null } : { ...move, members, postponed: { version: goal.version, reason } }, without);
  }

  /** Nobody else is there: whoever comes waits until this move is over, and it is written down while its fence is awaited. */
  async #moveAlone(goal: Goal, opened: MoveView['move'], without: readonly string[]): Promise<void> {
    const { flow, signal } = this.#options;
    this.#own = new AbortController();
    const opening = this.#link.write(opened, without);
    const permission = opening.then((outcome) => (outcome === 'written' ? '' : 'the route store did not take the move'));
    const aim = this.#placements.of([goal.version]);
    const reason = await withAbortOf([signal, this.#own.signal], (either) => this.#approach.run(aim, { permission, signal: either }));
    const outcome = await opening;
    if (outcome === 'lost') return;
    if (outcome === 'unknown') return this.#unanswered();
    const postponed = reason === '' || this.#waiting ? null : { version: goal.version, reason };
    // Users have changed sides: until this is known, nobody may join.
    while (this.#link.move.attempt?.id === opened.attempt?.id) {
      const said = await this.#link.write({ ...this.#link.move, attempt: null, placement: this.#placements.write((bucket) => flow.assignment(bucket)), postponed });
      if (said === 'written') this.#followed = this.#link.view.sequence;
      else if (signal.aborted) return;
      else if (said === 'unknown') await this.#bell.heard(PAUSE_MS);
    }
  }

  async #takePart(): Promise<void> {
    const { attempt } = this.#link.move;
    const { flow, boundMs, closing, metrics, clock, service } = this.#options;
    if (!attempt) return;
    if (attempt.with.length === 1) {
      // The answer to its beginning came too late: nobody was moved.
      await this.#write({ ...this.#link.move, attempt: null, placement: this.#placements.write((bucket) => flow.assignment(bucket)) });
      return;
    }
    const wasClosing = closing.aborted;
    const giveUp = (): string => {
      if (closing.aborted && !wasClosing) return 'a router is closing';
      const later = this.#waiting ?? this.#goal;
      return later?.urgent === true && later.version > attempt.version ? `stopped: version ${later.version} is urgent` : '';
    };
    if (this.#goal?.version === attempt.version) this.#report({ version: attempt.version, state: 'moving', reason: this.progress.reason });
    const started = clock.monotonic();
    const participation = new Participation({
      ...this.#options, link: this.#link, placements: this.#placements, attempt, bell: this.#bell, giveUp,
      windowMs: boundMs - this.#patienceMs, patienceMs: this.#patienceMs,
    });
    if (!(await participation.run())) {
      this.#lost = attempt.id;
      this.#astray = true;
    }
    metrics.observe('banyan_route_move_seconds', (clock.monotonic() - started) / 1000, { service });
    metrics.gauge('traffic_split_percentage', flow.percent, { service, version: 'service' });
    metrics.gauge('traffic_split_percentage', 100 - flow.percent, { service, version: 'monolith' });
  }

  /** Brings the flow to where the document has the users. False: not yet. */
  async #follow(): Promise<boolean> {
    const { flow, signal } = this.#options;
    const { sequence, move } = this.#link.view;
    const placed = this.#placements.read(move.placement);
    this.#own = new AbortController();
    const there = (bucket: number): Assignment => placed[bucket] ?? flow.assignment(bucket);
    const reason = await withAbortOf([signal, this.#own.signal], (either) => this.#approach.run(there, { signal: either }));
    if (reason !== '') {
      await this.#bell.heard(PAUSE_MS);
      return false;
    }
    this.#followed = sequence;
    this.#astray = false;
    if (!move.attempt) {
      const named = move.placement.flatMap(({ versions }) => versions);
      this.#placements.keepOnly(new Set([0, ...named, ...[this.#goal, this.#waiting].flatMap((goal) => (goal ? [goal.version] : []))]));
    }
    return this.#link.view.sequence === sequence;
  }

  /** Cut off, with a service in distress: those whose requests come here go home. */
  async #goAlone(goal: Goal): Promise<void> {
    const { signal } = this.#options;
    this.#astray = true;
    this.#followed = -1;
    this.#own = new AbortController();
    const reason = await withAbortOf([signal, this.#own.signal], (either) => this.#approach.run(goal.assignment, { signal: either }));
    if (this.#waiting || signal.aborted) return;
    this.#report({ version: goal.version, state: reason === '' ? 'done' : 'postponed', reason });
    goal.resolve({ state: reason === '' ? 'done' : 'postponed', reason });
    await this.#bell.heard(reason === '' ? undefined : URGENT_RETRY_MS);
  }

  /** The time was over before this router heard what became of an attempt. */
  async #giveUpLost(): Promise<void> {
    const { move } = this.#link;
    if (!move.attempt) return;
    const reason = `the router ${this.#options.router} was cut off in the middle of the move`;
    await this.#write({ ...move, attempt: null, postponed: { version: move.attempt.version, reason } });
  }

  /** The others went on without this router: it was cut off for too long. */
  async #comeBack(): Promise<void> {
    this.#astray = true;
    this.#followed = -1;
    const { logger, service } = this.#options;
    await this.#join(0);
    logger.info('back among the routers', { service, members: this.#link.move.members.length });
  }

  async #join(latestVersion: number): Promise<void> {
    await join({ ...this.#options, link: this.#link, latestVersion });
  }

  async #write(move: MoveView['move'], without: readonly string[] = []): Promise<void> {
    if ((await this.#link.write(move, without)) === 'unknown') await this.#unanswered();
  }

  /** Cut off: the users stay where they are, and whoever waits is told so. */
  async #unanswered(): Promise<void> {
    const reason = 'the route store does not answer';
    const goal = this.#goal;
    if (goal) {
      this.#report({ version: goal.version, state: 'postponed', reason });
      goal.resolve({ state: 'postponed', reason });
    }
    await this.#bell.heard(this.#options.retryMs);
  }

  /** The last word: nobody needs to wait for this router any more. */
  async #leave(): Promise<void> {
    const { member, moves, service, clock, logger, flow } = this.#options;
    const link = new MoveLink({
      moves, service, placements: this.#placements, clock, logger, patienceMs: this.#patienceMs, changed: () => {}, signal: new AbortController().signal,
    });
    for (let tries = 0; tries < 5; tries++) {
      if (!(await link.refresh()) || !link.move.members.includes(member)) return;
      const { move } = link;
      const mine = move.attempt?.with.includes(member) === true;
      const members = move.members.filter((other) => other !== member);
      const reason = `the router ${this.#options.router} left in the middle of the move`;
      const alone = mine && members.length === 0 ? { placement: this.#placements.write((bucket) => flow.assignment(bucket)) } : {};
      const ended = mine && move.attempt ? { attempt: null, ...alone, postponed: { version: move.attempt.version, reason } } : {};
      if ((await link.write({ ...move, members, ...ended })) === 'written') return;
    }
  }

  #report(progress: ShiftProgress): void {
    const changed = progress.state !== this.progress.state || progress.version !== this.progress.version;
    if (!changed && progress.reason === this.progress.reason) return;
    this.progress = progress;
    const { service, logger, metrics, flow } = this.#options;
    metrics.gauge('banyan_route_percent', flow.percent, { service });
    if (progress.state === 'postponed') {
      metrics.count('banyan_route_moves_postponed_total', { service });
      if (changed) logger.warn('a move of users is put off', { service, ...progress, percent: flow.percent });
    }
    this.#options.onProgress(progress);
  }
}
