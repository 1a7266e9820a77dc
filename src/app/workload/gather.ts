import { mergeWorkloads } from '../../analyze/workload/merge.ts';
import type { Workload } from '../../model/workload.ts';
import { parseWorkload } from '../../postgres/sql/parse-workload.ts';
import type { AnalyzeOptions } from '../analyze-types.ts';
import type { ApplicationContext } from '../application.ts';
import { readText } from '../text-file.ts';
import { readLogs } from './read-logs.ts';
import { statisticsWorkload } from './statistics.ts';
import { watchWorkload } from './watch.ts';

/** The workload of all the sources that the options name; undefined if they name none. */
export async function gatherWorkload(context: ApplicationContext, options: AnalyzeOptions, url: string | undefined): Promise<Workload | undefined> {
  const note = (text: string): void => context.progress.note(text);
  const workloads: Workload[] = [];
  if (options.workloadFile !== undefined) workloads.push(await readWorkloadFile(options.workloadFile, note));
  if (options.logFiles !== undefined && options.logFiles.length > 0) {
    const database = url === undefined ? '' : databaseOf(url);
    workloads.push(
      await readLogs({
        paths: options.logFiles, note,
        ...(options.logPrefix === undefined ? {} : { prefix: options.logPrefix }),
        ...(database === '' ? {} : { database }),
      }),
    );
  }
  if (url !== undefined && /^postgres/i.test(url)) {
    // A log has the same statements, and their transactions.
    if (options.statements !== false && (options.logFiles ?? []).length === 0) workloads.push(...[await statisticsWorkload(context, url)].flatMap((workload) => workload ?? []));
    if (options.watchSeconds !== undefined) workloads.push(await watchWorkload({ context, url, seconds: options.watchSeconds }));
  }
  return workloads.length === 0 ? undefined : mergeWorkloads(workloads);
}

async function readWorkloadFile(file: string, note: (text: string) => void): Promise<Workload> {
  const { workload, statements, unread } = await parseWorkload(await readText(file));
  for (const { line, reason } of unread) note(`workload line ${line} was not understood: ${reason}`);
  const source = {
    name: file, format: 'workload file', statements, forms: workload.transactions.length, formsForgotten: 0, rolledBack: 0, unfinished: 0,
    transactions: workload.transactions.reduce((sum, { calls }) => sum + calls, 0),
    unread: unread.length, unreadExamples: unread.slice(0, 10),
  };
  return { ...workload, sources: [source] };
}

function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}
