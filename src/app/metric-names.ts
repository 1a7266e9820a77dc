export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** From one millisecond to a minute: what a change takes to arrive, and a request to be answered. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

const STREAM = ['service', 'direction'] as const;

/** Every time series of Banyan, by name. A name that is not here cannot be written. */
export const METRICS: Readonly<Record<string, MetricDeclaration>> = {
  banyan_sync_rows_total: { type: 'counter', help: 'Row changes applied.', labels: STREAM },
  banyan_sync_conflicts_total: { type: 'counter', help: 'Rows both sides wrote without having seen the other, by what met what.', labels: [...STREAM, 'type'] },
  banyan_sync_quarantined_total: { type: 'counter', help: 'Changes put aside because they could not be applied.', labels: STREAM },
  banyan_sync_quarantine_changes: { type: 'gauge', help: 'Changes in quarantine now, with those held behind them.', labels: STREAM },
  banyan_sync_quarantine_oldest_seconds: { type: 'gauge', help: 'Since when the oldest change in quarantine is there.', labels: STREAM },
  banyan_sync_paused_tables: { type: 'gauge', help: 'Tables that wait because their form changed on one side; `sync status` says what to run.', labels: STREAM },
  banyan_sync_retries_total: { type: 'counter', help: 'Attempts repeated after an error that may pass.', labels: STREAM },
  banyan_sync_latency_seconds: { type: 'histogram', help: 'From commit on one side to commit on the other.', labels: STREAM, buckets: SECONDS },
  banyan_sync_clock_skew_seconds: { type: 'gauge', help: "How far the service's clock is ahead of the monolith's; below 0: behind.", labels: ['service'] },
  banyan_sync_clock_skew_uncertainty_seconds: { type: 'gauge', help: 'By how much that may be off.', labels: ['service'] },
  banyan_sync_behind: { type: 'gauge', help: '1 while a stream lags by more than sync.lagToleranceMs.', labels: STREAM },
  banyan_sync_paused: { type: 'gauge', help: '1 while a service is paused.', labels: ['service'] },
  banyan_sync_slot_retained_bytes: { type: 'gauge', help: 'WAL that the source keeps for a stream.', labels: STREAM },
  banyan_sync_slot_safe_bytes: { type: 'gauge', help: 'WAL that may be written before the slot is in danger; absent where max_slot_wal_keep_size is -1.', labels: STREAM },
  banyan_sync_slot_active: { type: 'gauge', help: '1 while the slot is read.', labels: STREAM },
  banyan_sync_slot_in_danger: { type: 'gauge', help: '1 while the slot is about to lose WAL that it needs, or has lost it.', labels: STREAM },
  banyan_sync_unused_slots: { type: 'gauge', help: 'Slots that no configured stream uses.', labels: [] },
  banyan_sync_throttle_share: { type: 'gauge', help: 'Of its time, how much the stream to the monolith may write; 1: full speed. Only with sync.throttle.', labels: ['service'] },
  banyan_sync_monolith_commit_seconds: { type: 'gauge', help: 'What a small commit takes on the monolith, the median of five. Only with sync.throttle.', labels: ['service'] },
  banyan_sync_lag_seconds: { type: 'gauge', help: 'How far a stream is behind.', labels: STREAM },

  data_drift_percentage: { type: 'gauge', help: 'Share of rows that differed in the last comparison.', labels: ['table'] },
  reconciliation_inconsistencies_total: { type: 'counter', help: 'Rows found missing, extra or different, and findings in the structure, by kind.', labels: ['table', 'type', 'severity'] },
  reconciliation_auto_corrections_total: { type: 'counter', help: 'Rows that were repaired, by what was done to them.', labels: ['table', 'correction_type'] },
  reconciliation_duration_seconds: { type: 'histogram', help: 'How long a comparison took.', labels: ['job_type'], buckets: [...SECONDS, 300, 1800, 7200] },
  banyan_validate_score: { type: 'gauge', help: "Share of a service's rows that are equal on both sides, 0 to 1, as far as is known.", labels: ['service'] },
  banyan_validate_runs_total: { type: 'counter', help: 'Scheduled comparisons, by what they found: equal, different, failed.', labels: ['service', 'result'] },
  banyan_validate_last_run_timestamp_seconds: { type: 'gauge', help: 'When the last scheduled comparison ended, in seconds since 1970.', labels: ['service', 'level'] },
  banyan_validate_alerts_total: { type: 'counter', help: 'Alerts that were sent to a webhook, or could not be.', labels: ['webhook', 'result'] },

  http_request_duration_seconds: {
    type: 'histogram',
    help: 'Requests through the router, from first byte in to last byte out.',
    labels: ['route', 'side', 'status'],
    buckets: SECONDS,
  },
  traffic_split_percentage: { type: 'gauge', help: 'Share of users that each version serves.', labels: ['service', 'version'] },
  banyan_route_percent: { type: 'gauge', help: 'Share of users that the service serves.', labels: ['service'] },
  banyan_route_move_seconds: { type: 'histogram', help: 'From a new percentage to the last user moved.', labels: ['service'], buckets: SECONDS },
  banyan_route_moves_postponed_total: { type: 'counter', help: 'Moves put off because a side had not caught up in time.', labels: ['service'] },
  banyan_route_barrier_seconds: { type: 'histogram', help: 'Wait until a side had applied what the other had committed.', labels: ['side'], buckets: SECONDS },
  banyan_route_barrier_missed_total: { type: 'counter', help: 'Waits that ran out of time.', labels: ['side'] },
  banyan_route_held_requests_total: { type: 'counter', help: 'Requests that waited for the move of their user.', labels: ['service'] },
  banyan_route_fallbacks_total: { type: 'counter', help: 'Requests that the other side answered instead.', labels: ['service', 'reason'] },
  banyan_route_full_total: { type: 'counter', help: 'Requests answered 503 because a side had as many under way as it may.', labels: ['service', 'side'] },
  banyan_route_breaker_changes_total: { type: 'counter', help: 'Circuit breakers that opened, half opened or closed.', labels: ['service', 'side', 'state'] },
  banyan_route_shadow_total: { type: 'counter', help: 'Answers compared, by result.', labels: ['service', 'result'] },
  banyan_route_shadow_noise_places: { type: 'gauge', help: "Places in which one side's own answers differ, as far as they are remembered.", labels: ['service'] },
  banyan_route_shadow_same_side_pairs: { type: 'gauge', help: 'How often two answers of one side were compared, to learn what is noise.', labels: ['service'] },
  banyan_route_shadow_seconds: { type: 'histogram', help: 'Answers to the same request at the same moment, by side.', labels: ['service', 'side'], buckets: SECONDS },
  banyan_route_shadow_latency_ratio: { type: 'gauge', help: "A quantile of the service's time by the monolith's, for the same requests; absent while too few tell it.", labels: ['service', 'quantile'] },
  banyan_route_alerts_total: { type: 'counter', help: 'Triggers that only raise an alert.', labels: ['service', 'metric'] },
  banyan_route_evidence_ratio: { type: 'gauge', help: 'Evidence against the service, on a logarithmic scale: 0 is none, at 1 the trigger fires.', labels: ['service', 'metric', 'action'] },
  banyan_route_gradual_overdue: { type: 'gauge', help: '1 while a step of a gradual shift waits longer than it should, else 0.', labels: ['service'] },
  banyan_route_notices_total: { type: 'counter', help: 'What webhooks were told of triggers, by result.', labels: ['webhook', 'result'] },
  banyan_route_rollbacks_total: { type: 'counter', help: 'Triggers that sent everybody back to the monolith.', labels: ['service', 'metric'] },
};
