import { systemClock } from '../../src/core/clock.ts';
import type { TableName } from '../../src/model/names.ts';
import { directionsOf } from '../../src/sync/service-sync.ts';
import { sourceSide } from '../../src/model/side.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { PostgresFence } from '../../src/postgres/fence.ts';
import { heldRows } from '../../src/postgres/held-rows.ts';
import type { MarkStore } from '../../src/ports/mark-store.ts';
import { PostgresMarkStore } from '../../src/state/mark-store.ts';
import type { TableToValidate } from '../../src/validate/pair.ts';
import type { TableReport, ValidationReport } from '../../src/validate/report.ts';
import { ConsistencyValidator, type ValidateOptions } from '../../src/validate/validator.ts';
import { testDatabase } from './postgres.ts';
import { build, RunningSync, type SyncSettings } from './sync-engine.ts';
import { syncPair, type SyncPair } from './sync-pair.ts';

const SERVICE = 'shop';

/** A worker that can be left behind as if it had been killed: nothing that it has noted is stored any more. */
export interface Worker {
  readonly running: RunningSync;
  /** From here on nothing that it notes is stored. */
  mute(): void;
  kill(): Promise<void>;
}

export interface IncrementalPair {
  readonly pair: SyncPair;
  readonly store: MarkStore;
  start(settings?: { readonly marked?: boolean }): Worker;
  /** Compares only what was touched. */
  incremental(options?: ValidateOptions): Promise<ValidationReport>;
  /** Compares everything, and neither asks nor tells the marks. */
  full(options?: ValidateOptions): Promise<ValidationReport>;
}

/** Two synchronised databases whose streams keep marks in a third. */
export async function incrementalPair(
  options: SyncSettings & { readonly schema: string; readonly serviceSchema?: string; readonly rows?: string; readonly compared?: readonly TableToValidate[] },
): Promise<IncrementalPair> {
  const pair = await syncPair(options);
  const state = await testDatabase({ max: 8 });
  const store = new PostgresMarkStore({ pool: state.pool });
  await store.install();
  const { monolith, service } = pair;
  const fence = {
    fence: new PostgresFence({ clock: systemClock, pools: () => ({ monolith: monolith.pool, service: service.pool }) }), service: SERVICE,
    sides: directionsOf(options.mode ?? 'bidirectional').map(sourceSide), timeoutMs: 20_000,
  };
  const sides = [{ checksummer: new PostgresChecksummer({ pool: monolith.pool }) }, { checksummer: new PostgresChecksummer({ pool: service.pool }) }] as const;
  const held = (table: TableName) => heldRows([monolith.pool, service.pool], SERVICE, [table, ...(options.mappings ?? []).filter((each) => each.service === table).map((each) => each.monolith)]);
  const marked = new ConsistencyValidator(...sides, { fence, marks: { store, service: SERVICE, of: 'test', held } });
  const plain = new ConsistencyValidator(...sides, { fence });
  const tables = options.compared ?? options.tables;
  return {
    pair, store,
    start({ marked: keeping = true } = {}) {
      let dead = false;
      const mortal: MarkStore = {
        install: () => store.install(), stored: (name) => store.stored(name), advance: (name) => store.advance(name),
        read: (...args) => store.read(...args), add: (...args) => store.add(...args), answer: (...args) => store.answer(...args),
        begin: (...args) => (dead ? Promise.reject(new Error('dead')) : store.begin(...args)),
        flush: (...args) => (dead ? Promise.reject(new Error('dead')) : store.flush(...args)),
      };
      const running = new RunningSync(build(pair.ends, { ...options, ...(keeping ? { marks: { store: mortal, everyMs: 40 } } : {}) }, pair.names));
      return {
        running,
        mute: () => void (dead = true),
        async kill() {
          dead = true;
          await running.stop();
        },
      };
    },
    incremental: (more = {}) => marked.validate({ tables, incremental: true, checks: [], ...more }),
    full: (more = {}) => plain.validate({ tables, checks: [], ...more }),
  };
}

/** What a report says of each table, as far as both kinds of run say it. */
export function found({ tables }: ValidationReport): readonly unknown[] {
  const keys = (list: readonly unknown[]): string[] => list.map((key) => JSON.stringify(key)).sort();
  return tables.map(({ table, missing, extra, different, counts }: TableReport) => ({ table, missing: keys(missing), extra: keys(extra), different: keys(different), counts }));
}

/** What an incremental run looked at, by table: rows of the source, or why all of them. */
export function lookedAt({ tables }: ValidationReport): Readonly<Record<string, number | string>> {
  return Object.fromEntries(tables.map(({ table, incremental }) => [table.replace('public.', ''), incremental === undefined ? 'nothing is said' : 'whole' in incremental ? incremental.whole : incremental.rows.source]));
}
