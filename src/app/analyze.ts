import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CopyTimes } from '../analyze/advice/extraction-time.ts';
import { ServiceBoundaryAnalyzer, type AnalyzerSource, type Boundaries } from '../analyze/analyzer.ts';
import type { KeyCandidate, TestedKey } from '../analyze/included-keys.ts';
import { readDivision } from '../analyze/given-division.ts';
import type { AnalyzeOptions as CutOptions } from '../analyze/options.ts';
import { reportFiles } from '../analyze/report/files.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { messageOf } from '../core/errors.ts';
import { parseTableName } from '../model/names.ts';
import { measuredEstimate } from '../plan/measured/estimate.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { createPool } from '../postgres/connect.ts';
import { parseSchema } from '../postgres/sql/parse-schema.ts';
import { testKeyValues } from '../postgres/survey/key-values.ts';
import type { AnalyzeOptions, AnalyzeResult } from './analyze-types.ts';
import type { ApplicationContext } from './application.ts';
import { survey } from '../postgres/survey/survey.ts';
import { inReach } from './plan-survey.ts';
import { readOwners } from './owners-file.ts';
import { readText } from './text-file.ts';
import { gatherWorkload } from './workload/gather.ts';

/** `banyan analyze`: of a database, of an SQL file, or of the configured monolith. */
export async function analyze(context: ApplicationContext, options: AnalyzeOptions): Promise<AnalyzeResult> {
  // What the file asks of the cut is meant for the monolith that it names.
  const configured = options.schemaFile === undefined && options.db === undefined;
  const config = configured ? await loadConfig({ file: context.configFile, env: context.env }) : undefined;
  const asked = await cutOptions(options, config?.analyze);
  const url = options.schemaFile === undefined ? (options.db ?? config?.monolith.url) : undefined;
  const workload = await gatherWorkload(context, options, url);
  const owners = options.ownersFile === undefined ? undefined : await readOwners(options.ownersFile);
  const boundaries = await withSource(context, { schemaFile: options.schemaFile, url, values: options.values !== false }, (source) =>
    new ServiceBoundaryAnalyzer({ ...source, ...(workload ? { workload } : {}), ...(owners ? { owners } : {}) }).analyze(asked),
  );
  const { document } = boundaries;
  const files = options.outDir === undefined ? [] : await writeReports(options.outDir, reportFiles(document));
  return { ...document, metrics: { ...document.metrics }, files };
}

/** The command line's numbers take the place of the file's; its groups stand beside them. */
async function cutOptions(options: AnalyzeOptions, configured: Config['analyze'] | undefined): Promise<CutOptions> {
  const services = options.services ?? configured?.services;
  const minTables = options.minTables ?? configured?.minTables;
  const maxTables = options.maxTables ?? configured?.maxTables;
  return {
    ...(services === undefined ? {} : { services }),
    ...(minTables === undefined ? {} : { minTables }),
    ...(maxTables === undefined ? {} : { maxTables }),
    ...(options.againstFile === undefined ? {} : { against: readDivision(await readText(options.againstFile), options.againstFile) }),
    keep: [...(configured?.keep ?? []), ...(options.keep ?? [])],
    apart: [...(configured?.apart ?? []), ...(options.apart ?? [])],
  };
}

async function withSource(
  context: ApplicationContext,
  from: { readonly schemaFile: string | undefined; readonly url: string | undefined; readonly values: boolean },
  work: (source: AnalyzerSource) => Promise<Boundaries>,
): Promise<Boundaries> {
  if (from.schemaFile !== undefined || from.url === undefined) {
    const parsed = await parseSchema(await readText(from.schemaFile ?? ''));
    for (const unread of parsed.unread) context.progress.note(`schema line ${unread.line} was not understood: ${unread.reason}`);
    return work({ schema: parsed.schema, routines: parsed.routines });
  }
  const pool = createPool({ url: from.url, max: 2 });
  try {
    const schema = new PostgresIntrospector({ pool });
    const testKeys = (candidates: readonly KeyCandidate[]): Promise<TestedKey[]> => testKeyValues({ pool, candidates });
    return await work({ schema, ...(await measuredCopies(context, from.url)), ...(from.values ? { testKeys } : {}) });
  } finally {
    await pool.end();
  }
}

async function writeReports(folder: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return Object.keys(files);
}

/** How long each table takes to copy, by a short look at the database; what it could not be asked is reckoned by stated rates. */
async function measuredCopies(context: ApplicationContext, url: string): Promise<{ readonly copyTimes?: CopyTimes }> {
  const { clock, signal } = context;
  try {
    const found = await inReach(context, { database: url, applicationName: 'banyan analyze' }, (pool) => survey({ pool, clock, signal, tables: [], watchSeconds: 0 }));
    if (!found) return {};
    const times = measuredEstimate(found).tables.map(({ table, copy }) => {
      const { low, likely, high, basis } = copy;
      return [parseTableName(table), { low, likely, high: high ?? likely, measured: basis === 'measured' }] as const;
    });
    return { copyTimes: new Map(times) };
  } catch (error) {
    signal.throwIfAborted();
    context.progress.note(`How long a copy takes was not measured: ${messageOf(error)}`);
    return {};
  }
}
