import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServiceBoundaryAnalyzer, type AnalyzerSource, type Boundaries } from '../analyze/analyzer.ts';
import { reportFiles } from '../analyze/report/files.ts';
import { loadConfig } from '../config/load.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { createPool } from '../postgres/connect.ts';
import { parseSchema } from '../postgres/sql/parse-schema.ts';
import { parseWorkload } from '../postgres/sql/parse-workload.ts';
import type { AnalyzeOptions, AnalyzeResult, ApplicationContext } from './application.ts';
import { readText } from './text-file.ts';

/** `banyan analyze`: of a database, of an SQL file, or of the configured monolith. */
export async function analyze(context: ApplicationContext, options: AnalyzeOptions): Promise<AnalyzeResult> {
  const workload = options.workloadFile === undefined ? undefined : await parseWorkload(await readText(options.workloadFile));
  for (const unread of workload?.unread ?? []) context.progress.note(`workload line ${unread.line} was not understood: ${unread.reason}`);
  const boundaries = await withSource(context, options, (source) =>
    new ServiceBoundaryAnalyzer({ ...source, ...(workload ? { workload: workload.workload } : {}) }).analyze(
      options.services === undefined ? {} : { services: options.services },
    ),
  );
  const { document } = boundaries;
  const files = options.outDir === undefined ? [] : await writeReports(options.outDir, reportFiles(document));
  return { ...document, metrics: { ...document.metrics }, files };
}

async function withSource(
  context: ApplicationContext,
  options: AnalyzeOptions,
  work: (source: AnalyzerSource) => Promise<Boundaries>,
): Promise<Boundaries> {
  if (options.schemaFile !== undefined) {
    const parsed = await parseSchema(await readText(options.schemaFile));
    for (const unread of parsed.unread) context.progress.note(`schema line ${unread.line} was not understood: ${unread.reason}`);
    return work({ schema: parsed.schema, routines: parsed.routines });
  }
  const url = options.db ?? (await loadConfig({ file: context.configFile, env: context.env })).monolith.url;
  const pool = createPool({ url, max: 2 });
  try {
    return await work({ schema: new PostgresIntrospector({ pool }) });
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
