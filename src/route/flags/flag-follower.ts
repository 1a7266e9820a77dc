import { withAbortOf } from '../../core/abort-any.ts';
import type { Clock } from '../../core/clock.ts';
import { isBanyanError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { FLAG_STAGES, type RouteDecision } from '../../model/route-decision.ts';
import { isPercent } from '../decide.ts';
import type { Decided, DecisionChange } from '../decision/change.ts';
import type { FlagLogger, OutsideProvider } from './open-feature.ts';

export interface FlagFollowerOptions {
  readonly service: string;
  readonly provider: OutsideProvider;
  readonly flag: string;
  /** Milliseconds between two looks; a provider that tells of changes is asked at once as well. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The latest decision. */
  readonly present: () => Decided;
  /** Makes a decision of what the flag says. */
  readonly decide: (change: DecisionChange, why: string) => Promise<unknown>;
  readonly signal: AbortSignal;
}

/**
 * Lets an outside flag decide about a route: its value, asked of nobody in particular, becomes a decision like any
 * other, a version that is moved through the fence and can be gone back from.
 *
 * It acts when the value *changes*, and at its beginning: two routers whose providers learn of a change one after the
 * other do not decide against each other, and whoever was rolled back stays so until somebody turns the flag.
 */
export async function followFlag(options: FlagFollowerOptions): Promise<void> {
  const { provider, clock, everyMs, signal, logger, service, flag } = options;
  const follower = new Follower(options);
  let wake: () => void = () => {};
  const changed = (): void => wake();
  provider.events?.addHandler('PROVIDER_CONFIGURATION_CHANGED', changed);
  try {
    await provider.initialize?.();
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await follower.look();
      const timer = new AbortController();
      await Promise.race([
        woken,
        withAbortOf([signal, timer.signal], (either) => clock.sleep(everyMs, either)).catch((error: unknown) => {
          if (!signal.aborted && !timer.signal.aborted) throw error;
        }),
      ]);
      timer.abort();
    }
  } catch (error) {
    logger.error('the outside flag is not followed', { service, flag, reason: messageOf(error) });
  } finally {
    provider.events?.removeHandler('PROVIDER_CONFIGURATION_CHANGED', changed);
    await provider.onClose?.();
  }
}

class Follower {
  readonly #options: FlagFollowerOptions;
  readonly #flagLogger: FlagLogger;
  /** The value that was seen last, as text; undefined: none yet. */
  #seen: string | undefined;
  #trouble = '';

  constructor(options: FlagFollowerOptions) {
    this.#options = options;
    const { logger, service } = options;
    const tell = (...told: unknown[]): void => logger.debug('the outside provider', { service, told: told.map(String).join(' ') });
    this.#flagLogger = { error: tell, warn: tell, info: tell, debug: tell };
  }

  async look(): Promise<void> {
    const { present, decide, flag } = this.#options;
    try {
      const value = await this.#value();
      const text = JSON.stringify(value);
      const first = this.#seen === undefined;
      if (text === this.#seen) return;
      const before = present();
      const change = changeOf(value, before);
      // A rollback outlives a restart: the flag that is as it was is no reason to begin again.
      if (change && !(first && before.decision.pinned !== null)) await decide(change, `the flag ${flag} says ${text}`.slice(0, 500));
      this.#seen = text;
      this.#trouble = '';
    } catch (error) {
      // Another router was first: the next look compares with what that has decided.
      if (isBanyanError(error, 'BANYAN_ROUTE_CONFLICT')) return;
      this.#say(messageOf(error));
    }
  }

  /** A number, a truth or a structure: whichever the flag is. */
  async #value(): Promise<unknown> {
    const { provider, flag } = this.#options;
    const context = {};
    const reasons: string[] = [];
    for (const ask of [
      async () => provider.resolveNumberEvaluation(flag, -1, context, this.#flagLogger),
      async () => provider.resolveBooleanEvaluation(flag, false, context, this.#flagLogger),
      async () => provider.resolveObjectEvaluation(flag, {}, context, this.#flagLogger),
    ]) {
      try {
        const answer = await ask();
        if (!('errorCode' in answer) || answer.errorCode === undefined) return answer.value;
        reasons.push(JSON.stringify(answer.errorCode));
      } catch (error) {
        reasons.push(messageOf(error));
      }
    }
    throw new Error(`it has no value: ${[...new Set(reasons)].join('; ')}`);
  }

  /** Once for each trouble: the decision stays as it is meanwhile. */
  #say(trouble: string): void {
    const { logger, service, flag } = this.#options;
    if (trouble !== this.#trouble) logger.warn('the outside flag could not be followed: keeping the last decision', { service, flag, reason: trouble });
    this.#trouble = trouble;
  }
}

/**
 * What a flag's value changes; undefined: nothing.
 * @throws Error saying what is wrong with the value
 */
export function changeOf(value: unknown, before: Decided): DecisionChange | undefined {
  if (typeof value === 'boolean') return withPercent(value ? 100 : 0, before);
  if (typeof value === 'number') return withPercent(value, before);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`its value is ${JSON.stringify(value)}; expected a percentage, true, false or a mapping`);
  const { percent, allow, deny, stage, ...unknown }: { percent?: unknown; allow?: unknown; deny?: unknown; stage?: unknown } = value;
  const [surplus] = Object.keys(unknown);
  if (surplus !== undefined) throw new Error(`its value has the unknown key ${surplus}; expected percent, allow, deny and stage`);
  const lists = { allow: keys('allow', allow), deny: keys('deny', deny) };
  const wanted = stage === undefined ? undefined : FLAG_STAGES.find((each) => each === stage);
  if (stage !== undefined && wanted === undefined) throw new Error(`its stage is ${JSON.stringify(stage)}; expected one of ${FLAG_STAGES.join(', ')}`);
  const { decision } = before;
  const change: DecisionChange = {
    ...(percent === undefined ? {} : withPercent(percent, before)),
    ...(lists.allow || lists.deny ? changeOfLists(lists, decision) : {}),
    ...(wanted === undefined || wanted === decision.stage ? {} : { stage: wanted }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

function withPercent(percent: unknown, before: Decided): DecisionChange | undefined {
  if (typeof percent !== 'number' || !isPercent(percent)) throw new Error(`it says ${JSON.stringify(percent)} %; expected 0 to 100 in steps of 0.01`);
  return percent === before.percent && before.decision.pinned === null ? undefined : { percent };
}

function keys(name: string, value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((key) => typeof key === 'string')) throw new Error(`its ${name} is ${JSON.stringify(value)}; expected a list of keys`);
  return value;
}

/** The flag's lists take the place of those there are. */
function changeOfLists(lists: { readonly allow: readonly string[] | undefined; readonly deny: readonly string[] | undefined }, decision: RouteDecision): DecisionChange {
  const { allow = decision.allow, deny = decision.deny } = lists;
  const added = { allow: allow.filter((key) => !decision.allow.includes(key)), deny: deny.filter((key) => !decision.deny.includes(key)) };
  const unlist = [...decision.allow, ...decision.deny].filter((key) => !allow.includes(key) && !deny.includes(key));
  return {
    ...(added.allow.length > 0 ? { allow: added.allow } : {}), ...(added.deny.length > 0 ? { deny: added.deny } : {}), ...(unlist.length > 0 ? { unlist } : {}),
  };
}
