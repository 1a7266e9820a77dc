import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { CommonMove } from '../../model/common-move.ts';
import type { MoveView, RouteMoves } from '../../ports/route-store.ts';
import { BUCKETS } from '../decide.ts';
import { CompiledDecision } from '../decision/compiled-decision.ts';
import { TIME_IS_OVER, within } from '../within.ts';
import type { Placements } from './placements.ts';

export interface MoveLinkOptions {
  readonly moves: RouteMoves;
  readonly service: string;
  readonly placements: Placements;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Longest time, in milliseconds, that one question to the store is waited for. */
  readonly patienceMs: number;
  /** Called when something of the move has changed. */
  readonly changed: () => void;
  readonly signal: AbortSignal;
}

/** The move of a service that nobody has had yet. */
export const NO_MOVE: CommonMove = { members: [], placement: [], attempt: null, postponed: null, chunk: BUCKETS };

/**
 * What one router knows of a service's common move, and how it changes it: each change names the document that it
 * was based on, so of two that are made at once the store takes one.
 */
export class MoveLink {
  readonly #options: MoveLinkOptions;
  view: MoveView;

  constructor(options: MoveLinkOptions) {
    this.#options = options;
    this.view = { service: options.service, sequence: 0, move: NO_MOVE, reports: [], decisions: [], live: [] };
  }

  get move(): CommonMove {
    return this.view.move;
  }

  /** What the store was found to hold; older news than those already known are left out. */
  take(view: MoveView): void {
    if (view.sequence < this.view.sequence) return;
    for (const { version, percent, decision } of view.decisions) {
      this.#options.placements.learn(version, () => new CompiledDecision(percent, decision));
    }
    this.view = view;
    this.#options.changed();
  }

  /** Reads the store. False: it did not answer in time. */
  async refresh(): Promise<boolean> {
    const { moves, service } = this.#options;
    const views = await this.#ask(async () => moves.read());
    if (views === undefined) return false;
    const view = views.find((each) => each.service === service);
    if (view) this.take(view);
    return true;
  }

  /**
   * Replaces the document that is known, if none of the routers `without` is alive. `lost`: it was changed meanwhile, and is known anew; `unknown`: the
   * store did not answer, so that the change may have been made.
   */
  async write(move: CommonMove, without: readonly string[] = []): Promise<'written' | 'lost' | 'unknown'> {
    const { moves, service } = this.#options;
    const { sequence } = this.view;
    const written = await this.#ask(async () => moves.write({ service, expected: sequence, move, without }));
    if (written === undefined) return 'unknown';
    if (written) {
      if (this.view.sequence === sequence) this.take({ ...this.view, sequence: sequence + 1, move, reports: [] });
      return 'written';
    }
    return (await this.refresh()) ? 'lost' : 'unknown';
  }

  /** Tells the leader how far this router is. False: the store did not answer. */
  async report(report: { readonly router: string; readonly member: string; readonly attempt: number; readonly busy: string }): Promise<boolean> {
    const { moves, service } = this.#options;
    return (await this.#ask(async () => {
      await moves.report({ ...report, service });
      return true;
    })) ?? false;
  }

  async #ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    const { clock, logger, service, patienceMs, signal } = this.#options;
    try {
      const answer = await within({ clock, ms: patienceMs, signal }, question);
      if (answer !== TIME_IS_OVER) return answer;
      logger.warn('the route store did not answer in time', { service, patienceMs });
    } catch (error) {
      if (!signal.aborted) logger.warn('the route store did not answer', { service, reason: messageOf(error) });
    }
    return undefined;
  }
}
