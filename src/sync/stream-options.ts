import type { Throttle } from '../core/throttle.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Position } from '../model/position.ts';
import type { Direction } from '../model/side.ts';
import type { TableMapping } from '../model/table-mapping.ts';
import type { Applier, Checkpoint } from '../ports/applier.ts';
import type { ChangeSource } from '../ports/change-source.ts';
import type { ConflictResolver } from './conflict.ts';
import type { Knowledge } from './knowledge.ts';
import type { OfferOutcome } from './offers.ts';
import type { MarkKeeper } from './mark-keeper.ts';
import type { LeftColumn, PausedTable, SchemaWatch } from './schema-watch.ts';
import type { Authority } from './settle-context.ts';

/** What one direction of a service's sync is made of. */
export interface DirectionStreamOptions {
  readonly service: string;
  readonly direction: Direction;
  readonly source: ChangeSource;
  readonly applier: Applier;
  readonly pairs: readonly TableMapping[];
  readonly authority: Authority;
  /** What is known of the side this stream reads. */
  readonly sourceKnowledge: Knowledge;
  /** What is known of the side it writes. */
  readonly targetKnowledge: Knowledge;
  /** The origin under which the opposite stream writes into this stream's source. */
  readonly echoOrigin: string | undefined;
  /** Banyan's own tables by role, as this source names them. */
  readonly ownTables: { readonly mark: string; readonly conflict: string; readonly request: string };
  /** Whether the target's stream has been read, but for what is as recent as a heartbeat. */
  readonly targetRead: () => boolean;
  /** Writes a mark into the target's log; gives a position before it. */
  readonly markTarget: () => Promise<Position>;
  readonly resolver: ConflictResolver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Most row changes that one target transaction joins. Default 2000. */
  readonly batchRows?: number;
  /** About how many bytes of row changes one target transaction joins at most. Default 8 MiB. */
  readonly batchBytes?: number;
  /** Most row changes held in memory between reading and writing. Default 10,000: more only makes the garbage collector work. */
  readonly queueRows?: number;
  /** Most bytes of row changes held in memory between reading and writing. Default 32 MiB. */
  readonly queueBytes?: number;
  /** Pause between checkpoints when there is nothing but progress to note, in milliseconds. Default 1000. */
  readonly heartbeatMs?: number;
  /**
   * Give the stream up when one of its sides can not be worked with for this long, in milliseconds, so that
   * somebody else can try. Default: never.
   */
  readonly patienceMs?: number;
  /** Knows whether the tables' forms fit. Absent: a table whose target lacks a column stops the stream. */
  readonly schema?: SchemaWatch;
  /** How much of its time it may write. Default: all. */
  readonly throttle?: Pick<Throttle, 'share' | 'pauseMs'>;
  /** Notes what is read, for incremental validation. Absent: nobody asks. */
  readonly marks?: MarkKeeper;
  /** Whether enough has been read again, after a restart, to judge the first change. */
  readonly remembered: () => boolean;
  /** Told after each durable checkpoint. */
  readonly onCheckpoint: (checkpoint: Checkpoint) => void;
  /** Told what became of rows that the source had offered, once that is durable. */
  readonly onOffers?: (outcomes: ReadonlyMap<string, OfferOutcome>) => void;
}

/** A stream's counts since its start. */
export interface StreamCounts {
  readonly received: Position;
  readonly applied: Position;
  readonly lagMs: number;
  readonly transactions: number;
  readonly rows: number;
  readonly conflicts: number;
  readonly quarantined: number;
  readonly pausedTables: readonly PausedTable[];
  readonly leftColumns: readonly LeftColumn[];
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number };
}
