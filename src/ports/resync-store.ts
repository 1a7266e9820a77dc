import type { TableName } from '../model/names.ts';
import type { Side } from '../model/side.ts';

export type ResyncState = 'asked' | 'running' | 'done' | 'failed';

/** Rows, by what became of them. */
export interface ResyncCounts {
  /** Looked into, since they were not the same at first. */
  readonly found: number;
  /** Made equal, each with a record. */
  readonly repaired: number;
  /** Left as they are: a change of them is in quarantine. */
  readonly held: number;
  /** Left as they are: somebody wrote them, or held them locked, at every look. */
  readonly busy: number;
  /** Left as they are: the side that is to be made equal refused them. */
  readonly refused: number;
}

/** One table of a service that is to be made equal on both sides, and how far that is. */
export interface ResyncJob extends ResyncCounts {
  readonly id: string;
  readonly service: string;
  /** The monolith's name. */
  readonly table: TableName;
  /** The side that both are made equal to. */
  readonly from: Side;
  readonly askedBy: string;
  /** RFC 3339. */
  readonly askedAt: string;
  readonly state: ResyncState;
  /** Rows of both sides that have been compared in this pass, and about how many there are. */
  readonly compared: number;
  readonly expected: number;
  /** Seconds since a worker began with it, or that it took. */
  readonly seconds: number;
  /** Why it failed, or the first row was refused. */
  readonly reason?: string;
}

export type ResyncProgress = Partial<Pick<ResyncJob, 'state' | 'compared' | 'expected' | 'found' | 'repaired' | 'held' | 'busy' | 'refused' | 'reason'>>;

/** Tables that somebody asked to have made equal. Any worker may carry it out, and another go on. */
export interface ResyncStore {
  install(): Promise<void>;
  /** Asks for it; where it is asked for already, gives that one. */
  ask(job: Pick<ResyncJob, 'service' | 'table' | 'from' | 'askedBy'>): Promise<ResyncJob>;
  /** The service's oldest that is not over. */
  next(service: string): Promise<ResyncJob | undefined>;
  /** Those that are not over, oldest first. */
  open(): Promise<readonly ResyncJob[]>;
  read(id: string): Promise<ResyncJob | undefined>;
  note(id: string, progress: ResyncProgress): Promise<void>;
}
