export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** From one millisecond to a minute: what a change takes to arrive, and a request to be answered. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** Every time series of Banyan, by name. A name that is not here cannot be written. */
export const METRICS: Readonly<Record<string, MetricDeclaration>> = {
  banyan_sync_rows_total: { type: 'counter', help: 'Row changes applied.', labels: ['service', 'direction'] },
  banyan_sync_transactions_total: { type: 'counter', help: 'Source transactions applied.', labels: ['service', 'direction'] },
  banyan_sync_echoes_total: { type: 'counter', help: 'Transactions of our own that came back and were dropped.', labels: ['service', 'direction'] },
  banyan_sync_conflicts_total: { type: 'counter', help: 'Rows both sides wrote without having seen the other.', labels: ['service', 'table', 'winner'] },
  banyan_sync_quarantined_total: { type: 'counter', help: 'Changes put aside because they could not be applied.', labels: ['service', 'table'] },
  banyan_sync_retries_total: { type: 'counter', help: 'Attempts repeated after an error that may pass.', labels: ['service', 'direction'] },
  banyan_sync_latency_seconds: { type: 'histogram', help: 'From commit on one side to commit on the other.', labels: ['service', 'direction'], buckets: SECONDS },
  banyan_sync_lag_seconds: { type: 'gauge', help: 'How far a stream is behind, measured by heartbeats.', labels: ['service', 'direction'] },
  banyan_sync_lag_bytes: { type: 'gauge', help: 'Log that a stream has not applied yet.', labels: ['service', 'direction'] },
  banyan_sync_slot_safe_bytes: { type: 'gauge', help: 'Log that may still be written before the server drops the slot.', labels: ['service', 'direction'] },
  banyan_validate_rows_total: { type: 'counter', help: 'Rows compared.', labels: ['service', 'table'] },
  banyan_validate_differences_total: { type: 'counter', help: 'Rows found different.', labels: ['service', 'table'] },
  banyan_validate_consistency_ratio: { type: 'gauge', help: 'Share of equal rows in the last comparison.', labels: ['service', 'table'] },
};
