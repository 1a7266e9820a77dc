import { Type, type Static } from 'typebox';
import { nearest } from '../../core/nearest.ts';
import { documentError, readDocument, type DocumentIssue } from '../document.ts';
import { SEVERITIES, type Finding, type FindingSeverity } from './finding.ts';
import { KNOWN_RULES, type CheckType } from './rule-page.ts';

/** The words of a file of rules, besides those of the report. */
const WORDS: Readonly<Record<string, FindingSeverity | 'off'>> = { breaking: 'breaking', warning: 'potentially_breaking', info: 'non_breaking', off: 'off', ...Object.fromEntries(SEVERITIES.map((each) => [each, each])) };

const WaiverForm = Type.Object({
  rule: Type.String({ description: 'the name of a rule, such as column-removed' }),
  object: Type.Optional(Type.String({ description: 'where it may, such as tables.users.*' })),
  until: Type.String({ description: 'the last day on which it holds, such as 2026-12-31' }),
  reason: Type.String({ description: 'why it may, for those who come after' }),
});

const RuleFileForm = Type.Object({
  severity: Type.Optional(Type.Record(Type.String(), Type.String({ description: 'breaking, warning, info or off' }))),
  waivers: Type.Optional(Type.Array(WaiverForm)),
});

/** Leave for a finding, until a day. */
export type Waiver = Static<typeof WaiverForm>;

/** What a team thinks of the rules. */
export interface RuleFile {
  readonly severity: ReadonlyMap<string, FindingSeverity | 'off'>;
  readonly waivers: readonly Waiver[];
}

/**
 * Reads a file of rules, YAML or JSON.
 * @throws BANYAN_DOCUMENT with the file, each key, what was found and what was expected.
 */
export function readRuleFile({ file, text }: { readonly file: string; readonly text: string }): RuleFile {
  const { value, unknown } = readDocument({ file, text: text.trim() === '' ? '{}' : text, schema: RuleFileForm, check: issuesOf });
  if (unknown.length > 0) throw documentError(file, unknown.map(({ path, near }) => ({ path, found: 'a key that nobody reads', expected: 'severity or waivers, and of a waiver rule, object, until and reason', ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }) })));
  return { severity: new Map(Object.entries(value.severity ?? {}).map(([rule, word]) => [rule, WORDS[word] ?? 'off'])), waivers: value.waivers ?? [] };
}

type Issue = Omit<DocumentIssue, 'line'>;

function issuesOf({ severity = {}, waivers = [] }: Static<typeof RuleFileForm>): Issue[] {
  const unknownRule = (rule: string, path: string): Issue[] => {
    if (KNOWN_RULES.has(rule)) return [];
    const near = nearest(rule, KNOWN_RULES.keys());
    return [{ path, found: JSON.stringify(rule), expected: 'the name of a rule', ...(near === undefined ? { hint: 'docs/rules and docs/check-api.md list them.' } : { hint: `Did you mean ${near}?` }) }];
  };
  return [
    ...Object.entries(severity).flatMap(([rule, word]) => [
      ...unknownRule(rule, `severity.${rule}`),
      ...(Object.hasOwn(WORDS, word) ? [] : [{ path: `severity.${rule}`, found: JSON.stringify(word), expected: 'breaking, warning, info or off' }]),
    ]),
    ...waivers.flatMap(({ rule, until, reason }, i) => [
      ...unknownRule(rule, `waivers[${i}].rule`),
      ...(isDay(until) ? [] : [{ path: `waivers[${i}].until`, found: JSON.stringify(until), expected: 'a day, such as 2026-12-31' }]),
      ...(reason.trim() === '' ? [{ path: `waivers[${i}].reason`, found: 'an empty text', expected: 'why it may, for those who come after' }] : []),
    ]),
  ];
}

function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && Number.isFinite(Date.parse(text)) && new Date(text).toISOString().startsWith(text);
}

/** What became of a waiver. */
export interface WaiverUse extends Waiver {
  /** `expired`: what it was for counts again. `unused`: nothing was found that it is for. */
  readonly state: 'holds' | 'expired' | 'unused';
  readonly findings: number;
}

export interface ApplyRulesOptions {
  readonly findings: readonly Finding[];
  readonly rules: RuleFile;
  readonly type: CheckType;
  /** Now. A waiver holds to the end of its day, in UTC. */
  readonly at: Date;
}

/** The findings as the file has them: of other severity, waived, or left out. Waivers for rules of another type are passed over. */
export function applyRules({ findings, rules, type, at }: ApplyRulesOptions): { readonly findings: readonly Finding[]; readonly waivers: readonly WaiverUse[] } {
  const today = at.toISOString().slice(0, 10);
  const waivers = rules.waivers.filter(({ rule }) => KNOWN_RULES.get(rule)?.of === type).map((waiver) => ({ waiver, expired: waiver.until < today, matches: matcher(waiver.object ?? '*'), findings: 0 }));
  const kept = findings.flatMap((finding): Finding[] => {
    const severity = rules.severity.get(finding.rule) ?? finding.severity;
    if (severity === 'off') return [];
    const fitting = waivers.filter(({ waiver, matches }) => waiver.rule === finding.rule && matches(finding.field_path));
    for (const each of fitting) each.findings += 1;
    const holding = fitting.find(({ expired }) => !expired)?.waiver;
    return [{
      ...finding, severity, ...(severity === finding.severity ? {} : { catalogue_severity: finding.severity }),
      ...(holding === undefined ? {} : { waived: { until: holding.until, reason: holding.reason } }),
    }];
  });
  return { findings: kept, waivers: waivers.map(({ waiver, expired, findings: count }) => ({ ...waiver, state: count === 0 ? 'unused' : expired ? 'expired' : 'holds', findings: count })) };
}

/** `*`: anything, `?`: one sign. */
function matcher(glob: string): (path: string) => boolean {
  const pattern = new RegExp(`^${glob.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/\*+/g, '.*').replaceAll('?', '.')}$`, 's');
  return (path) => pattern.test(path);
}
