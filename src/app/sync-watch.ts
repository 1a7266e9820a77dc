import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Direction } from '../model/side.ts';
import { streamName } from '../postgres/banyan-schema.ts';
import { createPool } from '../postgres/connect.ts';
import type { SlotReading } from '../postgres/slot-watch.ts';
import { CALM, nextAlarm, type AlarmState } from '../sync/alarm.ts';
import { directionsOf } from '../sync/service-sync.ts';
import type { Session } from './session.ts';
import { readSlotReport } from './sync-slots.ts';
import { readLeases } from './sync-status.ts';

const LOOK_MS = 5000;
const MB = 1_000_000;

/**
 * Looks after the slots of every service of this worker, whoever runs its streams: a service that nobody runs,
 * because it is paused or cannot start, is the one whose log grows. All workers measure; the one that
 * holds a service writes its log lines, or any where nobody holds it.
 */
export async function watchSlots(options: {
  readonly session: Session;
  readonly services: readonly ServiceConfig[];
  readonly metrics: Metrics;
  readonly worker: string;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { session, services, metrics, worker, signal } = options;
  const { clock } = session.context;
  const pools = new Map<string, pg.Pool>();
  // Its own, so that a link that is frozen keeps nobody else waiting.
  const pool = (url: string): pg.Pool => {
    const { linkTimeoutMs } = session.config.sync;
    const made = pools.get(url) ?? createPool({ url, max: 1, answerTimeoutMs: linkTimeoutMs, connectTimeoutMs: Math.min(10_000, linkTimeoutMs), logger: session.logger });
    pools.set(url, made);
    return made;
  };
  const watches = new Map<string, SlotAlarm>();
  let unusedBefore = 0;
  let readable = true;
  try {
    while (!signal.aborted) {
      try {
        const report = await readSlotReport(session.config, pool);
        const leases = await readLeases(pool(session.config.state.url));
        for (const { name } of services) {
          const { holder, paused } = leases.get(name) ?? {};
          metrics.gauge('banyan_sync_paused', paused ? 1 : 0, { service: name });
          for (const direction of directionsOf(session.config.sync.mode)) {
            const reading = report.streams.get(streamName(name, direction));
            if (!reading) continue;
            const key = streamName(name, direction);
            const watch = watches.get(key) ?? new SlotAlarm({ session, metrics, service: name, direction });
            watches.set(key, watch);
            watch.look(reading, { speak: holder === undefined || holder.id === worker });
          }
        }
        metrics.gauge('banyan_sync_unused_slots', report.unused.length);
        if (report.unused.length > unusedBefore) {
          session.logger.warn('slots that no configured stream uses keep WAL; `banyan sync status` says how to drop them', { slots: report.unused.map(({ name }) => name) });
        }
        unusedBefore = report.unused.length;
        readable = true;
      } catch (error) {
        if (readable) session.logger.warn('the slots could not be looked at', { reason: messageOf(error) });
        readable = false;
      }
      await clock.sleep(LOOK_MS, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  } finally {
    await Promise.all([...pools.values()].map((each) => each.end()));
  }
}

/** Tells of one slot: as metrics each time, in the log when something changes. */
class SlotAlarm {
  readonly #options: { readonly session: Session; readonly metrics: Metrics; readonly service: string; readonly direction: Direction };
  #alarm: AlarmState = CALM;
  #status = 'reserved';

  constructor(options: { readonly session: Session; readonly metrics: Metrics; readonly service: string; readonly direction: Direction }) {
    this.#options = options;
  }

  look(slot: SlotReading, { speak }: { readonly speak: boolean }): void {
    const { session, metrics, service, direction } = this.#options;
    const labels = { service, direction };
    const inDanger = slot.walStatus === 'unreserved' || slot.walStatus === 'lost';
    if (slot.retainedBytes !== null) metrics.gauge('banyan_sync_slot_retained_bytes', slot.retainedBytes, labels);
    if (slot.safeBytes !== null) metrics.gauge('banyan_sync_slot_safe_bytes', slot.safeBytes, labels);
    metrics.gauge('banyan_sync_slot_active', slot.active ? 1 : 0, labels);
    metrics.gauge('banyan_sync_slot_in_danger', inDanger ? 1 : 0, labels);

    const above = session.config.sync.walAlarmMb * MB;
    const { state, change } = nextAlarm(this.#alarm, { value: slot.retainedBytes ?? 0, at: session.context.clock.monotonic() }, { above, below: above * 0.8, calmMs: 0 });
    this.#alarm = state;
    const fields = { ...labels, slot: slot.name, retainedBytes: slot.retainedBytes, safeBytes: slot.safeBytes, active: slot.active };
    const { logger } = session;
    if (speak && change === 'raised') logger.warn('a slot keeps more WAL than sync.walAlarmMb: its disk fills', fields);
    if (speak && change === 'over') logger.info('a slot keeps less WAL than sync.walAlarmMb again', fields);
    if (speak && inDanger && slot.walStatus !== this.#status) {
      logger.error(slot.walStatus === 'lost' ? 'a slot has lost WAL that its stream needs' : 'a slot is about to lose WAL that its stream needs: raise max_slot_wal_keep_size now', {
        ...fields, walStatus: slot.walStatus, code: 'BANYAN_SLOT_LOST',
      });
    }
    this.#status = slot.walStatus;
  }
}
