import type { Side } from '../model/side.ts';

/** What is known of a service beside its requests. What could not be read is absent. */
export interface RouteSignals {
  /** Milliseconds by which the slower direction of sync is behind. */
  readonly syncLagMs?: number;
  /** Of the rows that the latest comparison looked at, the share that is not the same, in the worst table. */
  readonly validatorDrift?: number;
  /** The processor's use of a side, in whatever unit its source has; the rules' thresholds have the same. */
  readonly cpu?: Partial<Readonly<Record<Side, number>>>;
  readonly memory?: Partial<Readonly<Record<Side, number>>>;
}

/** Reads what triggers and gates look at beside requests. */
export interface RouteSignalReader {
  /** Never rejects for a single source: that one is absent then. */
  read(service: string, signal: AbortSignal): Promise<RouteSignals>;
}
