import { BanyanError } from '../core/errors.ts';
import { madeAgain, rolledBack } from '../route/decision/change.ts';
import type { RouteHistoryOptions, RouteHistoryResult, RouteResult, RouteRollbackOptions } from './route-types.ts';
import { beginningOfService } from './route-decision.ts';
import { decide, readRoutes, routedService, storeOf } from './route.ts';
import type { Session } from './session.ts';

/** How many versions are looked through for an earlier one. */
const ALL = 1_000_000;

/**
 * `banyan route rollback`: everybody back to the monolith, behind the fence; or an earlier version's decision again.
 * @throws BANYAN_ROUTE_INVALID if there is no such version.
 */
export async function rollbackRoute(session: Session, options: RouteRollbackOptions): Promise<RouteResult> {
  const name = routedService(session, options.service);
  const { toVersion, why = `route rollback${toVersion === undefined ? '' : ` to version ${toVersion}`}` } = options;
  const store = storeOf(session);
  await store.install();
  const [latest] = await store.history(name, 1);
  if (toVersion === undefined) {
    const decision = rolledBack(latest?.decision ?? beginningOfService(session.service(name)));
    await decide(session, { service: name, percent: 0, decision, why });
    return readRoutes(session);
  }
  const earlier = (await store.history(name, ALL)).find(({ version }) => version === toVersion);
  if (!earlier) {
    throw new BanyanError('BANYAN_ROUTE_INVALID', {
      message: `${name} has no version ${toVersion}; ${latest ? `the latest is ${latest.version}` : 'nothing was decided yet'}. \`banyan route history ${name}\` lists them.`,
    });
  }
  await decide(session, { service: name, ...madeAgain(earlier), why });
  return readRoutes(session);
}

/** `banyan route history`: who decided what, when and why. */
export async function readHistory(session: Session, { service, limit }: RouteHistoryOptions): Promise<RouteHistoryResult> {
  const name = routedService(session, service);
  const store = storeOf(session);
  await store.install();
  const versions = await store.history(name, limit);
  return { service: name, versions: versions.map(({ version, percent, by, why, at }) => ({ version, percent, by, why, at })) };
}
