import { FLAG_STAGES, type FlagStage } from '../model/route-decision.ts';
import { rolledBack } from '../route/decision/change.ts';
import { changeRoute, showRoute } from './route-change.ts';
import { decide } from './route.ts';
import type { Session } from './session.ts';

/** Whether users of this service are moved by a router, and so a flag says how far application code may go. */
export function isRouted(session: Session, service: string): boolean {
  return session.config.route !== undefined && session.service(service).upstream !== undefined;
}

/**
 * Brings the flag of a migration forward to a stage at least, and the share of users with its last step. One version
 * for each stage on the way: each leans on what the one before has written, in every process of the application.
 */
export async function raiseFlag(session: Session, options: { readonly service: string; readonly to: FlagStage; readonly percent?: number }): Promise<void> {
  const { service, to, percent } = options;
  const { decision } = await showRoute(session, { service });
  const ahead = FLAG_STAGES.slice(FLAG_STAGES.indexOf(decision.stage) + 1, FLAG_STAGES.indexOf(to) + 1);
  const last = ahead.at(-1);
  for (const stage of ahead.slice(0, -1)) await changeRoute(session, { service, stage, why: `migrate: ${stage}` });
  if (last === undefined && percent === undefined) return;
  await changeRoute(session, {
    service, why: `migrate: ${last ?? decision.stage}`,
    ...(last === undefined ? {} : { stage: last }),
    ...(percent === undefined ? {} : { percent }),
  });
}

/**
 * Everybody home, and the flag at a stage at most, at one version. That it may leave `complete` in one step is right
 * because nobody is left for whom the new store counts.
 */
export async function bringHome(session: Session, options: { readonly service: string; readonly flag: FlagStage }): Promise<void> {
  const { service, flag } = options;
  const back = rolledBack((await showRoute(session, { service })).decision);
  const stage = FLAG_STAGES.indexOf(back.stage) > FLAG_STAGES.indexOf(flag) ? flag : back.stage;
  await decide(session, { service, percent: 0, decision: { ...back, stage }, why: 'migrate rollback' });
}
