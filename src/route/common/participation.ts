import type { Bell } from '../../core/bell.ts';
import { otherSide } from '../../model/side.ts';
import type { MoveAttempt } from '../../model/common-move.ts';
import type { ApproachOptions } from '../approach.ts';
import type { BucketHold } from '../bucket-flow.ts';
import { BUCKETS } from '../decide.ts';
import type { Assignment } from '../decision/assignment.ts';
import { passFence } from '../move.ts';
import { within } from '../within.ts';
import { bucketsIn, rangesOf } from './bucket-ranges.ts';
import type { MoveLink } from './move-link.ts';
import type { Placements } from './placements.ts';

export interface ParticipationOptions extends Omit<ApproachOptions, 'meet'> {
  readonly link: MoveLink;
  readonly placements: Placements;
  readonly attempt: MoveAttempt;
  readonly router: string;
  readonly member: string;
  /** Longest time, in milliseconds, for which users are held before the attempt is withdrawn. */
  readonly windowMs: number;
  /** How long the store may take to say what became of the attempt. */
  readonly patienceMs: number;
  readonly bell: Bell;
  /** Why the attempt should be given up; empty: it should not. */
  readonly giveUp: () => string;
  /** Aborted when no request is under way any more. */
  readonly signal: AbortSignal;
}

/** Pause before the store is asked again, in milliseconds. */
const RETRY_MS = 20;
/** Most requests end within milliseconds: so long the leader waits for the last ones, rather than place a fence for each few. */
const STRAGGLERS_MS = 10;

/**
 * One router's part in a common move. It holds the moving users' new requests, says which of their buckets still
 * have requests under way, and lets a bucket go when the document says that it was moved, or that the attempt
 * is over. The leader places a fence behind what every member has drained, and then writes those buckets down as
 * moved: that writing is the moment at which they are.
 *
 * Invariant: between a member's word that a bucket is drained and the end of the attempt in the document, the
 * member lets no request of a moving user of that bucket pass. Only a member that is cut off breaks it, when its
 * time is over; {@link run} says so then.
 */
export class Participation {
  readonly #options: ParticipationOptions;
  readonly #hold: BucketHold;
  /** What each held bucket goes by once it is moved. */
  readonly #next: (Assignment | undefined)[] = Array.from<undefined>({ length: BUCKETS });
  readonly #until: number;
  #overflowed = false;
  #reported: string | null = null;
  #reporting = false;
  #wave: Promise<void> | null = null;
  /** Until when the first fence may wait for the last requests; null: not every member has spoken. */
  #firstWaveBy: number | null = null;
  readonly #over = new AbortController();

  constructor(options: ParticipationOptions) {
    this.#options = options;
    const { flow, attempt, placements, clock, windowMs, bell } = options;
    const goal = placements.of([attempt.version]);
    const buckets = bucketsIn(attempt.left);
    const met = new Map<Assignment, Assignment>();
    for (const bucket of buckets) {
      const now = flow.assignment(bucket);
      let next = attempt.to === 'service' ? goal : met.get(now);
      if (!next) met.set(now, (next = placements.meet(now, goal)));
      this.#next[bucket] = next;
    }
    this.#until = clock.monotonic() + windowMs;
    this.#hold = flow.hold({
      buckets,
      next: (bucket) => this.#next[bucket] ?? goal,
      maxRequests: options.maxHeld,
      onOverflow: () => {
        this.#overflowed = true;
        bell.ring();
      },
    });
  }

  /** Takes part until the attempt is over. False: what became of it is not known; the users stay where they were. */
  async run(): Promise<boolean> {
    const { link, attempt, clock, windowMs, bell, signal } = this.#options;
    const readsUntil = this.#until - windowMs / 2;
    try {
      for (;;) {
        this.#settleMoved();
        if (link.move.attempt?.id !== attempt.id || signal.aborted) return true;
        const reason = this.#whyWithdraw();
        if (reason !== '') {
          if (!(await this.#withdraw(reason))) return false;
          continue;
        }
        const now = clock.monotonic();
        if (now >= readsUntil) this.#hold.ignoreReads();
        this.#hold.takeDrained();
        this.#report();
        if (attempt.leader === this.#options.member) this.#lead();
        void this.#hold.drained().then(() => {
          bell.ring();
        });
        const until = now < readsUntil ? readsUntil : this.#until;
        const next = this.#firstWaveBy !== null && this.#firstWaveBy > now ? Math.min(until, this.#firstWaveBy) : until;
        await bell.heard(next - now);
      }
    } finally {
      this.#over.abort(new Error('the attempt is over'));
      this.#hold.settleRest();
      await this.#wave;
    }
  }

  /** Lets go what the document has moved. */
  #settleMoved(): void {
    const { link, attempt, placements } = this.#options;
    const { attempt: present, placement } = link.move;
    if (present?.id === attempt.id && present.left === attempt.left) return;
    const placed = placements.read(placement);
    const moved: number[] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const next = this.#next[bucket];
      if (next === undefined || placed[bucket] !== next) continue;
      moved.push(bucket);
      this.#next[bucket] = undefined;
    }
    this.#hold.settle(moved);
  }

  #whyWithdraw(): string {
    const { giveUp, clock, windowMs } = this.#options;
    const wanted = giveUp();
    if (wanted !== '') return wanted;
    if (this.#overflowed) return 'too many requests were waiting for the move';
    if (clock.monotonic() < this.#until) return '';
    const busy = this.#hold.busy.length;
    if (busy > 0) return `requests of ${busy} buckets were still under way after ${Math.round(windowMs)} ms`;
    return this.#missing();
  }

  /** Who has not drained what. */
  #missing(): string {
    const { attempt, windowMs, link } = this.#options;
    const after = `after ${Math.round(windowMs)} ms`;
    for (const member of attempt.with) {
      const report = link.view.reports.find((each) => each.member === member && each.attempt === attempt.id);
      const [name] = member.split('#');
      if (!report) return `the router ${name} had not held its requests ${after}`;
      if (report.busy !== '') return `requests at the router ${name} were still under way ${after}`;
    }
    return `the move was not finished ${after}`;
  }

  /** Ends the attempt for everybody, unless it has ended. False: the store can't say which. */
  async #withdraw(reason: string): Promise<boolean> {
    const { link, attempt, clock, patienceMs, bell, signal } = this.#options;
    const end = clock.monotonic() + patienceMs;
    while (link.move.attempt?.id === attempt.id && !signal.aborted) {
      const { move } = link;
      const smaller = this.#overflowed && this.#hold.size > 1;
      const next = {
        ...move,
        attempt: null,
        // Fewer users at once, so fewer who wait at once.
        ...(smaller ? { chunk: Math.max(1, Math.floor(this.#hold.size / 2)) } : { postponed: { version: attempt.version, reason } }),
      };
      const outcome = await within({ clock, ms: Math.max(1, end - clock.monotonic()), signal }, async () => link.write(next));
      if (outcome === 'written' || outcome === 'lost') continue;
      if (clock.monotonic() >= end) return false;
      await bell.heard(RETRY_MS);
    }
    return true;
  }

  /** Says which buckets have requests under way, one word at a time. */
  #report(): void {
    const { link, attempt, router, member, bell } = this.#options;
    if (this.#reporting) return;
    const busy = rangesOf(this.#hold.busy);
    if (busy === this.#reported) return;
    this.#reporting = true;
    void link.report({ router, member, attempt: attempt.id, busy }).then((said) => {
      this.#reporting = false;
      if (said) {
        this.#reported = busy;
        this.#heard(busy);
      }
      bell.ring();
    });
  }

  /** The store has this router's own word: no need to read it there. */
  #heard(busy: string): void {
    const { link, attempt, router, member } = this.#options;
    if (link.move.attempt?.id !== attempt.id) return;
    const { service } = link.view;
    const reports = [...link.view.reports.filter((each) => each.member !== member), { router, member, service, attempt: attempt.id, busy }];
    link.view = { ...link.view, reports };
  }

  /** Moves what every member has drained, as far as nothing else is being moved. */
  #lead(): void {
    if (this.#wave) return;
    const { drained, busy } = this.#drainedEverywhere();
    if (drained.length === 0) return;
    const now = this.#options.clock.monotonic();
    this.#firstWaveBy ??= now + STRAGGLERS_MS;
    if (busy && now < this.#firstWaveBy) return;
    this.#wave = this.#move(drained).finally(() => {
      this.#wave = null;
      this.#options.bell.ring();
    });
  }

  #drainedEverywhere(): { readonly drained: readonly number[]; readonly busy: boolean } {
    const { link, attempt } = this.#options;
    const busy = new Set<number>();
    for (const member of attempt.with) {
      const report = link.view.reports.find((each) => each.member === member && each.attempt === attempt.id);
      if (!report) return { drained: [], busy: true };
      for (const bucket of bucketsIn(report.busy)) busy.add(bucket);
    }
    const left = bucketsIn(link.move.attempt?.left ?? '');
    const drained = busy.size === 0 ? left : left.filter((bucket) => !busy.has(bucket));
    return { drained, busy: drained.length < left.length };
  }

  async #move(buckets: readonly number[]): Promise<void> {
    const { fence, service, clock, boundMs, attempt, link, placements } = this.#options;
    const reason = await passFence({ fence, service, clock, boundMs, to: attempt.to }, this.#until - clock.monotonic(), this.#over.signal);
    const { move } = link;
    if (this.#over.signal.aborted || move.attempt?.id !== attempt.id) return;
    if (reason !== '') {
      await this.#withdraw(reason.startsWith('the fence') ? reason : `the ${attempt.to} has not applied what the ${otherSide(attempt.to)} committed within ${boundMs} ms`);
      return;
    }
    const placed = [...placements.read(move.placement)];
    for (const bucket of buckets) placed[bucket] = this.#next[bucket] ?? placed[bucket] ?? placements.of([attempt.version]);
    const moved = new Set(buckets);
    const left = rangesOf(bucketsIn(move.attempt.left).filter((bucket) => !moved.has(bucket)));
    // The fence holds for what was drained before it; whether the attempt still stands, the store knows.
    await link.write({
      ...move,
      placement: placements.write((bucket) => placed[bucket] ?? placements.of([attempt.version])),
      attempt: left === '' ? null : { ...move.attempt, left },
      postponed: null,
    });
  }
}
