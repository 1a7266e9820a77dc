import type { Direction } from '../../src/model/side.ts';
import type { StreamNames } from '../../src/postgres/banyan-schema.ts';
import { testDatabase, type TestDatabase } from './postgres.ts';
import { build, RunningSync, setUp, type Ends, type SyncSettings } from './sync-engine.ts';

export interface SyncPair {
  readonly monolith: TestDatabase;
  readonly service: TestDatabase;
  readonly settings: SyncSettings;
  readonly ends: Ends;
  readonly names: ReadonlyMap<Direction, StreamNames>;
  /** Rows that the first setup copied. */
  readonly copied: number;
  run(): RunningSync;
}

/** Two databases of one schema, the monolith's filled by `rows`, with their streams set up. */
export async function syncPair(
  options: SyncSettings & { readonly schema: string; readonly serviceSchema?: string; readonly rows?: string },
): Promise<SyncPair> {
  const monolith = await testDatabase({ schema: options.schema, max: 20 });
  const service = await testDatabase({ schema: options.serviceSchema ?? options.schema, max: 20 });
  if (options.rows !== undefined) await monolith.query(`SET search_path = public; ${options.rows}; SET search_path = pg_catalog`);
  const ends = { monolith, service };
  const { names, copied } = await setUp(ends, options);
  return { monolith, service, settings: options, ends, names, copied, run: () => new RunningSync(build(ends, options, names)) };
}
