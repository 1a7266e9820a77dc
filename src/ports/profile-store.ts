import type { TableName } from '../model/names.ts';
import type { Side } from '../model/side.ts';
import type { TableProfile } from './profiler.ts';

export interface RecordedProfile extends TableProfile {
  /** In milliseconds since 1970. */
  readonly atMs: number;
}

/** What tables were like before. */
export interface ProfileStore {
  install(): Promise<void>;
  /** The last `limit` profiles, oldest first. */
  profiles(options: { readonly side: Side; readonly service: string; readonly table: TableName; readonly limit: number }): Promise<readonly RecordedProfile[]>;
  /** Adds one, and forgets those before `keepFromMs`. */
  record(profile: RecordedProfile & { readonly side: Side; readonly service: string; readonly table: TableName }, keepFromMs: number): Promise<void>;
}
