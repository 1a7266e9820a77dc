/** Labels of one time series. */
export type Labels = Readonly<Record<string, string>>;

/**
 * What a room may count and measure. Names and labels follow Prometheus; the composition root
 * puts prom-client behind it.
 */
export interface Metrics {
  /** Adds `value` (default 1) to a counter. */
  count(name: string, labels?: Labels, value?: number): void;
  /** Sets a gauge. */
  gauge(name: string, value: number, labels?: Labels): void;
  /** Records one observation; durations are in seconds. */
  observe(name: string, value: number, labels?: Labels): void;
}

export const noMetrics: Metrics = { count: () => {}, gauge: () => {}, observe: () => {} };
