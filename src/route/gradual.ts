export interface GradualOptions {
  readonly from: number;
  readonly to: number;
  /** How much one step changes; its sign does not matter. */
  readonly stepPercent: number;
}

/** The percentages of a gradual shift, ending with `to`; one step if there is nothing to go. */
export function gradualSteps(options: GradualOptions): number[] {
  const { from, to } = options;
  const step = Math.max(0.01, Math.abs(options.stepPercent));
  const up = to > from;
  const steps: number[] = [];
  for (let n = 1; ; n++) {
    const next = Number((from + (up ? n : -n) * step).toFixed(2));
    if (up ? next >= to : next <= to) break;
    steps.push(next);
  }
  return [...steps, to];
}
