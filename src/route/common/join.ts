import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { BanyanError } from '../../core/errors.ts';
import type { Fence } from '../../ports/fence.ts';
import { BUCKETS } from '../decide.ts';
import { passFence } from '../move.ts';
import type { MoveLink } from './move-link.ts';
import { placedBy } from './placements.ts';

export interface JoinOptions {
  readonly link: MoveLink;
  readonly service: string;
  readonly router: string;
  readonly member: string;
  /** Where users are if no router has ever said. */
  readonly latestVersion: number;
  readonly fence: Fence | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly boundMs: number;
  readonly signal: AbortSignal;
}

const LOOK_MS = 20;

/** The router of which a member is one life. */
export const routerOf = (member: string): string => member.slice(0, member.lastIndexOf('#'));

/**
 * Makes a router one of those that move users together. It waits for the end of a move under way, because it was
 * not there when that began; if who led the move is gone, it ends it.
 * @throws BANYAN_ROUTE_STORE
 */
export async function join(options: JoinOptions): Promise<void> {
  const { link, router, member, latestVersion, clock, boundMs, signal } = options;
  let seen = { attempt: 0, since: clock.monotonic() };
  for (;;) {
    signal.throwIfAborted();
    if (!(await link.refresh())) throw new BanyanError('BANYAN_ROUTE_STORE', { message: 'The routes\' shared state did not say where the users are.' });
    const { move, live, sequence } = link.view;
    const { attempt } = move;
    const former = (other: string): boolean => other !== member && routerOf(other) === router;
    if (!attempt) {
      const placement = sequence === 0 ? placedBy(latestVersion) : move.placement;
      const members = [...move.members.filter((other) => other !== member && !former(other)), member].sort();
      if ((await link.write({ ...move, members, placement })) === 'written') return;
      continue;
    }
    if (attempt.id !== seen.attempt) seen = { attempt: attempt.id, since: clock.monotonic() };
    const gone = former(attempt.leader) || !live.includes(routerOf(attempt.leader));
    if (attempt.with.length === 1 && gone) {
      await settleFor(options);
      await link.write({ ...move, attempt: null, placement: placedBy(attempt.version), postponed: null, chunk: BUCKETS });
    } else if (attempt.with.length > 1 && (gone || clock.monotonic() - seen.since > boundMs)) {
      const reason = `the router ${routerOf(attempt.leader)} went away in the middle of the move`;
      await link.write({ ...move, attempt: null, postponed: { version: attempt.version, reason } });
    } else await clock.sleep(LOOK_MS, signal);
  }
}

/**
 * Whoever moved users alone has died, and did not say which of them are moved. With all that was committed on
 * either side applied on the other, it does not matter.
 */
async function settleFor({ fence, service, clock, logger, boundMs, signal }: JoinOptions): Promise<void> {
  const reasons = await Promise.all((['service', 'monolith'] as const).map(async (to) => passFence({ fence, service, clock, to, boundMs }, boundMs, signal)));
  const reason = reasons.find((each) => each !== '');
  if (reason !== undefined) logger.warn('a move was cut short, and its users may read the past', { service, reason });
}
