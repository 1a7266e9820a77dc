import { notAllowed } from '../plan/check/database/hazards/allowed-hazards.ts';
import type { Finding } from '../plan/check/finding.ts';
import { compatibilityReport, type CompatibilityReport } from '../plan/check/report.ts';
import { applyRules, type RuleFile, type WaiverUse } from '../plan/check/rule-file.ts';
import type { CheckType } from '../plan/check/rule-page.ts';
import type { ComparedPlaces } from './compare-places.ts';
import { redactUrls } from './logging.ts';

export interface Judged {
  readonly findings: readonly Finding[];
  readonly waivers?: readonly WaiverUse[];
}

/** What was found, as the team's file of rules has it. */
export function judge({ findings }: ComparedPlaces, { rules, type, at }: { readonly rules: RuleFile | undefined; readonly type: CheckType; readonly at: Date }): Judged {
  return rules === undefined ? { findings } : applyRules({ findings, rules, type, at });
}

export interface ReportOnOptions {
  readonly before: string;
  readonly after: string;
  readonly at: Date;
  readonly compared: ComparedPlaces;
  readonly judged: Judged;
  /** Hazards that somebody allows; absent: nobody said which. */
  readonly allowed?: ReadonlySet<string> | undefined;
  /** What was applied; absent: nothing was to be. */
  readonly applied?: readonly string[] | undefined;
}

/** The report of one comparison. Passwords in URLs stay out of it. */
export function reportOn({ before, after, at, compared, judged, allowed, applied }: ReportOnOptions): CompatibilityReport {
  const { dataChecks, hash, ...comparison } = compared;
  const plain = compatibilityReport({ before: redactUrls(before), after: redactUrls(after), at, comparison: { ...comparison, findings: judged.findings }, ...(judged.waivers ? { waivers: judged.waivers } : {}), ...(dataChecks ? { dataChecks } : {}) });
  return { ...plain, ...(hash === undefined ? {} : { plan_hash: hash }), ...(allowed ? { hazards_not_allowed: notAllowed(comparison.scripts, allowed) } : {}), ...(applied ? { applied } : {}) };
}
