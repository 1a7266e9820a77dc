import type { NamedRow } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import type { Side } from '../model/side.ts';
import type { RowIdentity } from './checksummer.ts';

export type RepairKind = 'insert' | 'update' | 'delete';

/**
 * `planned`: noted before it is done, so that one which a process did not live to note as done is known. `blocked`: another
 * row has to be repaired first. `left`: a row has changed since, or was locked. `queued`: refused, and left to a person.
 * `refused`: the same of an undo. `interrupted`: its run was killed before it noted what became of it; an undo looks at the row.
 */
export type RepairState = 'planned' | 'blocked' | 'applied' | 'left' | 'queued' | 'refused' | 'undone' | 'interrupted';

/** One row of one side that is to be made what it should be, with what it was. Rows are in that side's words. */
export interface Repair {
  /** The monolith's name. */
  readonly table: TableName;
  /** The side that is written. */
  readonly side: Side;
  readonly kind: RepairKind;
  readonly identity: RowIdentity;
  /** What the written side held when it was decided, whole; empty: no row. */
  readonly before: readonly NamedRow[];
  /** What the other side held then; absent: not known, and of no matter. */
  readonly other?: readonly NamedRow[];
  /** Whether the other side may hold something else by now, because it is written as well. Default false. */
  readonly alone?: boolean;
  /** What the written side is to hold; once applied, what it holds, whole. */
  readonly after: readonly NamedRow[];
  /** The repair that this one undoes. */
  readonly undoes?: string;
}

export interface StoredRepair extends Repair {
  readonly id: string;
  readonly state: RepairState;
  readonly reason?: string;
  /** RFC 3339: when it was decided. */
  readonly at: string;
}

/** What became of a repair. */
export interface RepairOutcome {
  readonly id: string;
  readonly state: RepairState;
  readonly after?: readonly NamedRow[];
  readonly reason?: string;
}

export type RunKind = 'reconcile' | 'undo' | 'approval';

export interface RunDescription {
  /** Which pair of databases: the service, or the two databases' names. */
  readonly scope: string;
  readonly kind: RunKind;
  readonly by: string;
  /** The run that is undone. */
  readonly of?: string;
  readonly reason?: string;
}

export interface ReconcileRun extends RunDescription {
  readonly id: string;
  /** `interrupted`: its process is gone, and did not end it. */
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Repairs by what became of them. */
  readonly counts: Readonly<Partial<Record<RepairState, number>>>;
}

export type DifferenceType = 'missing' | 'extra' | 'different';
export type Severity = 'critical' | 'high' | 'medium';

/** A difference that a person has to decide. */
export interface ReviewCase {
  readonly table: TableName;
  readonly type: DifferenceType;
  readonly severity: Severity;
  readonly identity: RowIdentity;
  /** By the monolith's columns; without a key, the row. */
  readonly key: NamedRow;
  /** Whole, each in its side's words; empty: no row. */
  readonly monolith: readonly NamedRow[];
  readonly service: readonly NamedRow[];
  /** Differing columns, by the monolith's names. */
  readonly columns: readonly string[];
  /** Why no policy has decided. */
  readonly why: string;
}

/** `superseded`: rejected once, and the rows have changed since. `vanished`: a later run did not find it any more. */
export type ReviewState = 'open' | 'approved' | 'rejected' | 'vanished' | 'superseded';

export interface StoredCase extends ReviewCase {
  readonly id: string;
  readonly scope: string;
  readonly state: ReviewState;
  readonly foundAt: string;
  readonly seenAt: string;
  readonly decidedBy?: string;
  readonly decidedAt?: string;
  readonly reason?: string;
  /** What was decided: a side, or an edited row. */
  readonly decision?: string;
  /** The run that carried it out. */
  readonly run?: string;
}

export interface CaseFilter {
  readonly scope?: string;
  readonly table?: string;
  readonly type?: DifferenceType;
  readonly severity?: Severity;
  /** Default: `open`. */
  readonly state?: ReviewState | 'all';
  /** Found at least so many seconds ago. */
  readonly olderThanSeconds?: number;
  readonly limit: number;
}

/** Cases by what they are, however many are listed. */
export interface CaseCount {
  readonly type: DifferenceType;
  readonly severity: Severity;
  readonly age: 'hour' | 'day' | 'week' | 'older';
  readonly cases: number;
}

export interface RepairCount {
  readonly table: TableName;
  readonly kind: RepairKind;
  readonly side: Side;
  readonly state: RepairState;
  readonly repairs: number;
}

export interface ReconcileStore {
  install(): Promise<void>;
  /** The run is `running` as long as this process holds it, until {@link end}. What others left open in the same scope is closed as `interrupted`. */
  begin(run: RunDescription): Promise<string>;
  end(run: string, state: 'done' | 'failed'): Promise<void>;
  /** Durable when it returns: what is overwritten is kept before it is overwritten. */
  plan(run: string, repairs: readonly Repair[]): Promise<void>;
  /** Planned repairs of one table, kind and side, in their order, behind `after`. */
  planned(run: string, which: { readonly table: TableName; readonly kind: RepairKind; readonly side: Side; readonly after: string; readonly limit: number; readonly state?: 'planned' | 'blocked' }): Promise<readonly StoredRepair[]>;
  settle(outcomes: readonly RepairOutcome[]): Promise<void>;
  /** Plans the blocked ones again; gives their number. */
  unblock(run: string): Promise<number>;
  /** How many repairs a run has of each table, kind, side and state. */
  count(run: string): Promise<readonly RepairCount[]>;
  /** Notes as undone what the repairs of an undoing run have undone. */
  markUndone(run: string): Promise<void>;
  runs(limit: number): Promise<readonly ReconcileRun[]>;
  run(id: string): Promise<ReconcileRun | undefined>;
  /** In their order, behind `after`. */
  repairs(run: string, options: { readonly after: string; readonly limit: number; readonly states?: readonly RepairState[] }): Promise<readonly StoredRepair[]>;
  /** Queues what is not queued yet; one that was rejected with the same rows stays rejected. Gives how many of them are. */
  queue(run: string, scope: string, cases: readonly ReviewCase[]): Promise<{ readonly rejected: number }>;
  /** Closes open and rejected cases of these tables that this run has not seen. */
  closeUnseen(run: string, scope: string, tables: readonly TableName[]): Promise<number>;
  cases(filter: CaseFilter): Promise<{ readonly cases: readonly StoredCase[]; readonly counts: readonly CaseCount[] }>;
  case(id: string): Promise<StoredCase | undefined>;
  /** False: it was not open any more. */
  decide(id: string, decision: { readonly state: 'approved' | 'rejected'; readonly by: string; readonly reason?: string; readonly decision?: string; readonly run?: string }): Promise<boolean>;
}
