import { BanyanError } from '../core/errors.ts';
import type { DataCheck } from '../plan/check/data-check.ts';
import { dataCheckLines } from '../plan/check/data-check-text.ts';
import { rowsInTheWay, unknownRows } from '../plan/check/database/rows/rows-in-the-way.ts';
import { notAllowed } from '../plan/check/database/hazards/allowed-hazards.ts';
import type { Finding, MigrationScript } from '../plan/check/finding.ts';
import type { ApplicationContext } from './application.ts';
import { applyScripts } from './apply-scripts.ts';
import { isUrl, withPool } from './database-place.ts';
import type { CheckOptions } from './plan-types.ts';

export interface ApplyPlanOptions {
  /** The database. */
  readonly before: string;
  readonly scripts: readonly MigrationScript[];
  /** The hash of what would run now; absent: no database was compared. */
  readonly hash?: string;
  /** Hazards that somebody allows. */
  readonly allowed: ReadonlySet<string>;
  readonly findings: readonly Finding[];
  /** What the rows say now; absent: nobody looked. */
  readonly dataChecks?: readonly DataCheck[];
  /** Where rows may break a rule, by the `field_path` of the data check. */
  readonly allowedRows: readonly string[];
  readonly apply: NonNullable<CheckOptions['apply']>;
}

/**
 * Refuses scripts that are not those that somebody has looked at and has allowed. It asks no database.
 * @throws BANYAN_PLAN_CHANGED, BANYAN_HAZARD, BANYAN_USAGE
 */
export function admitPlan({ before, scripts, hash, allowed, apply }: Pick<ApplyPlanOptions, 'before' | 'scripts' | 'hash' | 'allowed' | 'apply'>): void {
  if (hash === undefined || !isUrl(before)) throw new BanyanError('BANYAN_USAGE', { message: '--apply needs --type database and the URL of a database in --before.' });
  if (hash !== apply.planHash) {
    throw new BanyanError('BANYAN_PLAN_CHANGED', {
      message: `The plan is not the one that was looked at: expected ${apply.planHash}, found ${hash}. The database, the new schema or the renames have changed since.`,
      details: { expected: apply.planHash, found: hash },
    });
  }
  const hazards = notAllowed(scripts, allowed);
  if (hazards.length > 0) throw new BanyanError('BANYAN_HAZARD', { message: `Nobody has allowed what the scripts may do: ${hazards.join(', ')}.`, details: { hazards } });
}

/**
 * Runs the scripts, if {@link admitPlan} admits them and no row stands in their way.
 * Refused, nothing has changed.
 */
export async function applyPlan(context: ApplicationContext, options: ApplyPlanOptions): Promise<readonly string[]> {
  const { before, scripts, findings, dataChecks, allowedRows, apply } = options;
  admitPlan(options);
  if (!dataChecks) throw new BanyanError('BANYAN_USAGE', { message: '--apply looks at the rows first, so --rows-timeout can not be 0.' });
  refuseRows({ dataChecks, findings, allowedRows });
  for (const line of dataCheckLines(dataChecks.filter(({ not_checked: reason }) => reason !== undefined))) context.progress.note(line);
  const { clock, signal } = context;
  const note = (text: string): void => context.progress.note(text);
  return await withPool(before, (pool) => applyScripts({ pool, scripts, clock, signal, note, ...(apply.lockTimeoutMs === undefined ? {} : { lockTimeoutMs: apply.lockTimeoutMs }) }));
}

function refuseRows(options: { readonly dataChecks: readonly DataCheck[]; readonly findings: readonly Finding[]; readonly allowedRows: readonly string[] }): void {
  const [unknown] = unknownRows(options);
  if (unknown !== undefined) {
    const known = [...new Set(options.dataChecks.map(({ field_path: path }) => path))];
    throw new BanyanError('BANYAN_USAGE', { message: `--allow-rows ${unknown}: no data check is of that name. ${known.length === 0 ? 'There is none.' : `Expected one of ${known.join(', ')}.`}` });
  }
  const inTheWay = rowsInTheWay(options);
  if (inTheWay.length === 0) return;
  throw new BanyanError('BANYAN_PLAN_ROWS', { message: `Rows stand in the way of the new schema; nothing was changed. ${dataCheckLines(inTheWay).join('. ')}.`, details: { data_checks: inTheWay } });
}
