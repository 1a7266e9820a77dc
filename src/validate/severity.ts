/** How bad a finding is, the least first. */
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A row or a table that is gone is worse than one with an old value; a surplus row loses nothing. */
export const SEVERITY_OF = { absent: 'critical', missing: 'critical', different: 'high', drift: 'high', extra: 'medium' } as const satisfies Record<string, Severity>;

/** Whether `severity` is `least` or worse. */
export function atLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

/** The worst of them; undefined: none. */
export function worst(severities: readonly Severity[]): Severity | undefined {
  return severities.reduce<Severity | undefined>((found, each) => (found !== undefined && atLeast(found, each) ? found : each), undefined);
}
