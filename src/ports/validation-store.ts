import type { TableName } from '../model/names.ts';

/** What one run has found of one table. */
export interface RecordedTable {
  /** Which run: all tables of a run have it. */
  readonly run: string;
  /** When it ended, RFC 3339. */
  readonly at: string;
  readonly service: string;
  /** The monolith's name. */
  readonly table: TableName;
  readonly level: string;
  readonly consistent: boolean;
  readonly source: number;
  readonly target: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  readonly unsettled: number;
  readonly score: number;
  readonly seconds: number;
}

/** What is held of a table since a run, until a run that is as close says otherwise. */
export interface RecordedStanding {
  readonly table: TableName;
  readonly level: string;
  /** Absent: nothing to alert of. */
  readonly severity?: string;
  readonly score: number;
  /** Of the larger side. */
  readonly rows: number;
  readonly counts: Readonly<Record<'missing' | 'extra' | 'different' | 'unsettled', number>>;
}

/** What repeated validation remembers: when it ran, what it found, whom it has told. */
export interface ValidationStore {
  install(): Promise<void>;
  /** Up to when a schedule of a service has been carried out, in milliseconds since 1970. */
  last(service: string, schedule: string): Promise<number | undefined>;
  note(service: string, schedule: string, atMs: number): Promise<void>;
  /** Runs `work` unless some process validates the service already; whether it ran. A process that dies makes room. */
  alone(service: string, work: () => Promise<void>): Promise<boolean>;
  /** Adds a run, and forgets those that ended before `keepFromMs`. */
  record(tables: readonly RecordedTable[], keepFromMs: number): Promise<void>;
  /** Newest first, at most `limit` rows for each table and level: frequent runs do not push closer ones out of sight. */
  history(options: { readonly table?: TableName; readonly sinceMs?: number; readonly limit: number }): Promise<readonly RecordedTable[]>;
  standings(service: string): Promise<readonly RecordedStanding[]>;
  stand(service: string, standing: RecordedStanding): Promise<void>;
  /** The severity that each webhook has last been told of each table of a service. */
  told(service: string): Promise<readonly { readonly webhook: string; readonly table: TableName; readonly severity: string }[]>;
  /** `severity` absent: told that it is over. */
  tell(service: string, webhook: string, table: TableName, severity: string | undefined): Promise<void>;
}
