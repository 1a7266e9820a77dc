import { loadConfig } from '../config/load.ts';
import { isBanyanError } from '../core/errors.ts';
import { readAllowed } from '../plan/check/database/hazards/allowed-hazards.ts';
import { reportGithub, reportJunit, reportMarkdown, reportSarif, reportText } from '../plan/check/render-report.ts';
import { readRuleFile, type RuleFile } from '../plan/check/rule-file.ts';
import type { ApplicationContext } from './application.ts';
import { admitPlan, applyPlan } from './apply-plan.ts';
import { comparePlaces } from './compare-places.ts';
import { writeDocument } from './document-output.ts';
import { judge, reportOn } from './judge.ts';
import type { CheckOptions, CheckResult } from './plan-types.ts';
import { readDocumentText } from './text-file.ts';

/** `banyan check`: two schemas or APIs against each other. */
export async function check(context: ApplicationContext, options: CheckOptions): Promise<CheckResult> {
  const { before, after, type, output, format, renames, expandContract = false, compatibility, rowsTimeoutSeconds = 60, allowHazards, allowRows, apply } = options;
  const at = new Date(context.clock.now());
  const allowed = allowHazards && readAllowed(allowHazards);
  const rules = await rulesOf(context, options.rules);
  const note = (text: string): void => context.progress.note(text);
  const compared = await comparePlaces({
    before, after, type, rowsTimeoutSeconds, expandContract, at, note, ...(renames ? { renames } : {}), ...(compatibility ? { compatibility } : {}),
    ...(apply ? { admit: (plan) => admitPlan({ before, allowed: allowed ?? new Set(), apply, ...plan }) } : {}),
  });
  const { dataChecks, hash } = compared;
  const judged = judge(compared, { rules, type, at });
  const applied = apply && (await applyPlan(context, {
    before, scripts: compared.scripts, allowed: allowed ?? new Set(), apply, findings: judged.findings, allowedRows: allowRows ?? [],
    ...(dataChecks ? { dataChecks } : {}), ...(hash === undefined ? {} : { hash }),
  }));
  const report = reportOn({ before, after, at, compared, judged, allowed, applied });
  const written = await writeDocument({
    format, ...(output === undefined ? {} : { output }),
    render: {
      json: () => `${JSON.stringify(report, null, 2)}\n`, text: () => reportText(report), markdown: () => reportMarkdown(report),
      sarif: () => reportSarif(report), junit: () => reportJunit(report), github: () => reportGithub(report),
    },
  });
  return { ...written, report };
}

/** The file that was named, else that of the configuration, if there is one. */
async function rulesOf(context: ApplicationContext, named: CheckOptions['rules']): Promise<RuleFile | undefined> {
  if (named === false) return undefined;
  const file = named ?? (await configuredRules(context));
  return file === undefined ? undefined : readRuleFile({ file, text: await readDocumentText(file) });
}

async function configuredRules({ configFile: file, env }: ApplicationContext): Promise<string | undefined> {
  try {
    return (await loadConfig({ file, env })).check.rules;
  } catch (error) {
    if (isBanyanError(error, 'BANYAN_CONFIG_NOT_FOUND')) return undefined;
    throw error;
  }
}
