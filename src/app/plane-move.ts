import { BanyanError } from '../core/errors.ts';
import type { PlaneShare, RunningPlane } from '../ports/data-plane.ts';

export interface PlaneMove {
  readonly planes: readonly RunningPlane[];
  readonly service: string;
  /** What the service's users will be shared by. */
  readonly percent: number;
  /** What was decided before, for every service. */
  readonly decided: readonly PlaneShare[];
  /** Whether moving users go through the router, which holds them for the fence. */
  readonly throughRouter: boolean;
  /** How long requests that are under way may take. */
  readonly drainMs: number;
  readonly signal?: AbortSignal;
  /** Stores the decision, and waits until every router has moved its users. */
  readonly decide: () => Promise<void>;
}

/**
 * Changes a share with the proxies that are not Banyan's own in step:
 * 1. they send the users who will move through the router, which serves them where they are;
 * 2. whatever had been under way past the router comes to its end;
 * 3. the router moves them, with its fence placed after all of that;
 * 4. the proxies send them to their new side.
 *
 * If it ends before 3, everything is as it was. If it ends in 3, moving users stay with the router,
 * which knows at each moment which side is theirs.
 */
export async function moveInStep(move: PlaneMove): Promise<void> {
  const { planes, decided, throughRouter, decide, signal } = move;
  const before = await Promise.all(planes.map((plane) => plane.read(signal)));
  if (throughRouter) {
    try {
      for (const [index, plane] of planes.entries()) await plane.apply(withShare(before[index] ?? [], decided, movingShare(move, before[index] ?? [])), signal);
      const drained = await Promise.all(planes.map((plane) => plane.drained({ timeoutMs: move.drainMs, ...(signal ? { signal } : {}) })));
      const late = planes.filter((_, index) => !drained[index]).map((plane) => plane.name);
      if (late.length > 0) {
        throw new BanyanError('BANYAN_PLANE_APPLY', {
          message: `Requests that were under way at ${late.join(', ')} were not over within ${move.drainMs} ms; nobody was moved.`,
        });
      }
    } catch (error) {
      for (const [index, plane] of planes.entries()) await plane.apply(before[index] ?? []);
      throw error;
    }
  }
  await decide();
  for (const [index, plane] of planes.entries()) await plane.apply(withShare(before[index] ?? [], decided, { service: move.service, percent: move.percent }));
}

/** All users whose side may change now, or was about to when an earlier move was broken off. */
function movingShare({ service, percent, decided }: PlaneMove, present: readonly PlaneShare[]): PlaneShare {
  const shares = [...decided, ...present].filter((share) => share.service === service);
  const bounds = [percent, ...shares.flatMap((share) => [share.percent, share.movingUpTo ?? share.percent])];
  return { service, percent: Math.min(...bounds), movingUpTo: Math.max(...bounds) };
}

/** The present shares with one of them changed; a service that the proxy does not know yet comes as it was decided. */
function withShare(present: readonly PlaneShare[], decided: readonly PlaneShare[], changed: PlaneShare): PlaneShare[] {
  const known = new Map([...decided, ...present, changed].map((share) => [share.service, share]));
  return decided.map((share) => known.get(share.service) ?? share);
}
