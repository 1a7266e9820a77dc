/** When an alarm is raised, and when it is over. */
export interface AlarmBounds {
  /** A value greater than this raises it, at once. */
  readonly above: number;
  /** Not greater than this is calm; lower than `above`, so that a value near the bound does not flap. */
  readonly below: number;
  /** Milliseconds of calm, without a break, after which it is over. */
  readonly calmMs: number;
}

/** What an alarm remembers; begin with {@link CALM}. */
export interface AlarmState {
  readonly raised: boolean;
  /** Since when it is calm, while it is raised; undefined: it is not. */
  readonly calmSince: number | undefined;
}

export const CALM: AlarmState = { raised: false, calmSince: undefined };

/** The state after one more value, and whether it was just raised or is just over. */
export function nextAlarm(
  state: AlarmState,
  { value, at }: { readonly value: number; readonly at: number },
  bounds: AlarmBounds,
): { readonly state: AlarmState; readonly change: 'raised' | 'over' | undefined } {
  if (!state.raised) return value > bounds.above ? { state: { raised: true, calmSince: undefined }, change: 'raised' } : { state, change: undefined };
  if (value > bounds.below) return { state: { raised: true, calmSince: undefined }, change: undefined };
  const calmSince = state.calmSince ?? at;
  if (at - calmSince >= bounds.calmMs) return { state: CALM, change: 'over' };
  return { state: { raised: true, calmSince }, change: undefined };
}
