/** Where a gradual shift is going, and how. It travels with each of its decisions, so any router can go on with it. */
export interface GradualPlan {
  /** The percentage it ends with. */
  readonly to: number;
  readonly stepPercent: number;
  /** Each step lasts at least as long. */
  readonly everySeconds: number;
  /** A step whose evidence has not come by then is overdue. */
  readonly maxSeconds: number;
  /** What then: go on waiting, and say so; or go on to the next step, unless something speaks against it. */
  readonly overdue: 'wait' | 'continue';
}
