import { redactUrls } from './logging.ts';
import type { Schema } from '../model/schema.ts';
import { compareApis } from '../plan/check/api/compare-apis.ts';
import type { DataCheck } from '../plan/check/data-check.ts';
import { compareSchemas, type CompareSchemasOptions } from '../plan/check/database/compare-schemas.ts';
import { compareWithExpandContract } from '../plan/check/database/expand-contract/with-expand-contract.ts';
import { notAllowed, readAllowed } from '../plan/check/database/hazards/allowed-hazards.ts';
import { withHazards } from '../plan/check/database/hazards/script-hazards.ts';
import { isMysqlDump, readMysqlDump } from '../plan/check/database/mysql/read-dump.ts';
import { planHash } from '../plan/check/database/plan-hash.ts';
import { readSchemaJson } from '../plan/check/database/schema-json.ts';
import type { Comparison } from '../plan/check/finding.ts';
import { compareGraphql } from '../plan/check/graphql/compare-graphql.ts';
import { compareMessages } from '../plan/check/message/compare-messages.ts';
import { reportGithub, reportJunit, reportMarkdown, reportSarif, reportText } from '../plan/check/render-report.ts';
import { applyRules, readRuleFile } from '../plan/check/rule-file.ts';
import { parseText } from '../plan/document.ts';
import { compatibilityReport, type CompatibilityReport } from '../plan/check/report.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { parseSchema } from '../postgres/sql/parse-schema.ts';
import type { ApplicationContext } from './application.ts';
import { applyPlan } from './apply-plan.ts';
import { checkRows } from './check-rows.ts';
import { isUrl, serverMajor, withPool } from './database-place.ts';
import { writeDocument } from './document-output.ts';
import type { CheckOptions, CheckResult } from './plan-types.ts';
import { readDocumentText } from './text-file.ts';

/** `banyan check`: two schemas or APIs against each other. */
export async function check(context: ApplicationContext, { before, after, type, output, format, renames, expandContract = false, rules, compatibility, rowsTimeoutSeconds = 60, allowHazards, allowRows, apply }: CheckOptions): Promise<CheckResult> {
  const at = new Date(context.clock.now());
  const allowed = allowHazards && readAllowed(allowHazards);
  const own = rules === undefined ? undefined : readRuleFile({ file: rules, text: await readDocumentText(rules) });
  const { dataChecks, hash, ...comparison } = await compare(context, { before, after, type, rowsTimeoutSeconds, expandContract, ...(renames ? { renames } : {}), ...(compatibility ? { compatibility } : {}) });
  const judged = own === undefined ? { findings: comparison.findings } : applyRules({ findings: comparison.findings, rules: own, type, at });
  const applied = apply && (await applyPlan(context, {
    before, scripts: comparison.scripts, allowed: allowed ?? new Set(), apply, findings: judged.findings, allowedRows: allowRows ?? [],
    ...(dataChecks ? { dataChecks } : {}), ...(hash === undefined ? {} : { hash }),
  }));
  const plain = compatibilityReport({ before: redactUrls(before), after: redactUrls(after), at, comparison: { ...comparison, findings: judged.findings }, ...('waivers' in judged ? { waivers: judged.waivers } : {}), ...(dataChecks ? { dataChecks } : {}) });
  const report: CompatibilityReport = {
    ...plain, ...(hash === undefined ? {} : { plan_hash: hash }), ...(allowed ? { hazards_not_allowed: notAllowed(comparison.scripts, allowed) } : {}), ...(applied ? { applied } : {}),
  };
  const written = await writeDocument({
    format, ...(output === undefined ? {} : { output }),
    render: {
      json: () => `${JSON.stringify(report, null, 2)}\n`, text: () => reportText(report), markdown: () => reportMarkdown(report),
      sarif: () => reportSarif(report), junit: () => reportJunit(report), github: () => reportGithub(report),
    },
  });
  return { ...written, report };
}

type Compared = Comparison & { readonly dataChecks?: readonly DataCheck[]; readonly hash?: string };

type CompareOptions = Pick<CheckOptions, 'before' | 'after' | 'type' | 'renames' | 'compatibility'> & { readonly rowsTimeoutSeconds: number; readonly expandContract: boolean };

async function compare(context: ApplicationContext, { before, after, type, renames, compatibility, rowsTimeoutSeconds, expandContract }: CompareOptions): Promise<Compared> {
  if (type === 'database') {
    const [old, fresh] = [await schemaOf(context, before), await schemaOf(context, after)];
    const options = { before: old, after: fresh, ...(renames ? { renames: new Map(Object.entries(renames)) } : {}) };
    const comparison = expandContract ? expanded(context, options) : compareSchemas(options);
    if (old.dialect === 'mysql' || fresh.dialect === 'mysql') {
      context.progress.note('Scripts are made for PostgreSQL only: of a dump of MySQL or MariaDB there are none.');
      return { ...comparison, scripts: [] };
    }
    const scripts = await withHazards({ scripts: comparison.scripts, ...options, ...(isUrl(before) ? { major: await withPool(before, serverMajor) } : {}) });
    const hash = planHash({ before: old, scripts });
    if (!isUrl(before) || rowsTimeoutSeconds === 0) return { ...comparison, scripts, hash };
    const dataChecks = await withPool(before, (pool) => checkRows({ pool, before: old, after: fresh, renames: new Map(Object.entries(renames ?? {})), timeoutSeconds: rowsTimeoutSeconds }));
    return { ...comparison, scripts, dataChecks, hash };
  }
  const [old, fresh] = [await readDocumentText(before), await readDocumentText(after)];
  const names = { before, after };
  if (type === 'graphql') return compareGraphql({ before: old, after: fresh, names });
  const documents = { before: parseText(before, old), after: parseText(after, fresh), names };
  return type === 'schema' ? compareMessages({ ...documents, ...(compatibility ? { compatibility } : {}) }) : compareApis({ ...documents, at: new Date(context.clock.now()) });
}

function expanded(context: ApplicationContext, options: CompareSchemasOptions): Comparison {
  const { inPlace, ...comparison } = compareWithExpandContract(options);
  for (const { column, reason } of inPlace) context.progress.note(`${column} is changed in its place, without a second column: ${reason}.`);
  return comparison;
}

/** A database's URL, or a file of SQL or of schema JSON. */
async function schemaOf(context: ApplicationContext, place: string): Promise<Schema> {
  if (isUrl(place)) return await withPool(place, (pool) => new PostgresIntrospector({ pool }).readEverything());
  const text = await readDocumentText(place);
  if (/\.json$/i.test(place) || /^\uFEFF?\s*\{/.test(text)) return readSchemaJson({ file: place, text });
  const parsed = isMysqlDump(text) ? readMysqlDump(text) : await parseSchema(text);
  for (const unread of parsed.unread) context.progress.note(`${place}:${unread.line} was not understood: ${unread.reason}`);
  return parsed.schema;
}
