import { messageOf } from '../core/errors.ts';
import { retry } from '../core/retry.ts';
import { PostgresLeaseStore } from '../state/lease-store.ts';
import { streamName } from '../postgres/banyan-schema.ts';
import { shutOut } from '../postgres/sessions.ts';
import { isTransient } from '../postgres/transient.ts';
import { directionsOf } from '../sync/service-sync.ts';
import type { SyncPauseOptions, SyncPauseResult } from './application.ts';
import type { Session } from './session.ts';

/**
 * `banyan sync pause`: no worker may hold the service from now on. Returns when nothing is written any more:
 * the holder has committed what was under way and let go, and one that is frozen or cut off is shut out by both databases.
 */
export async function pauseSync(session: Session, { service: name }: SyncPauseOptions): Promise<SyncPauseResult> {
  const { clock, env, signal } = session.context;
  const service = session.service(name);
  const store = new PostgresLeaseStore({ pool: session.statePool });
  const patiently = <T>(attempt: () => Promise<T>): Promise<T> =>
    retry(attempt, { clock, signal, transient: isTransient, onRetry: (error) => session.logger.warn('pausing', { service: name, reason: messageOf(error) }) });
  await store.install();
  const changed = await store.pause({ service: name, by: env['USER'] ?? 'command line' });
  for (;;) {
    const drained = await patiently(() => store.drained(name));
    if (drained.state === 'resumed') return { service: name, paused: false, changed };
    if (drained.state === 'free') {
      const streams = directionsOf('bidirectional').map((direction) => streamName(name, direction));
      for (const pool of Object.values(session.pools(service))) await patiently(() => shutOut(pool, { service: name, streams, token: drained.token }));
      return { service: name, paused: true, changed };
    }
    await clock.sleep(LOOK_MS, signal);
  }
}

/** `banyan sync resume`: a worker takes the service within a second or two, and goes on at its checkpoints. */
export async function resumeSync(session: Session, { service: name }: SyncPauseOptions): Promise<SyncPauseResult> {
  session.service(name);
  const store = new PostgresLeaseStore({ pool: session.statePool });
  await store.install();
  return { service: name, paused: false, changed: await store.resume(name) };
}

const LOOK_MS = 100;
