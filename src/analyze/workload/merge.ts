import type { Workload, WorkloadSource } from '../../model/workload.ts';
import type { WorkloadSummary } from '../document.ts';

/**
 * One workload of several. Where each says in what time it ran, calls are told for the longest of these
 * times, so that a minute of one source weighs no less than an hour of another.
 */
export function mergeWorkloads(workloads: readonly Workload[]): Workload {
  const times = workloads.flatMap(({ seconds }) => seconds ?? []);
  const seconds = times.length === workloads.length && times.length > 0 ? Math.max(...times) : undefined;
  const sources = workloads.flatMap((workload) => workload.sources ?? []);
  return {
    ...(seconds === undefined ? {} : { seconds }),
    transactions: workloads.flatMap((workload) => {
      const factor = seconds === undefined ? 1 : seconds / (workload.seconds ?? seconds);
      return factor === 1 ? workload.transactions : workload.transactions.map((item) => ({ ...item, calls: Math.round(item.calls * factor) }));
    }),
    ...(sources.length > 0 ? { sources } : {}),
  };
}

/** What the report says of where the workload comes from. */
export function summariseWorkload({ sources = [], seconds }: Workload): WorkloadSummary {
  const sum = (count: (source: WorkloadSource) => number): number => sources.reduce((total, source) => total + count(source), 0);
  const from = sources.flatMap((source) => source.from ?? []).sort();
  const to = sources.flatMap((source) => source.to ?? []).sort();
  const [first] = from;
  const last = to.at(-1);
  return {
    transactions: sum((source) => source.transactions),
    rolledBack: sum((source) => source.rolledBack),
    unfinished: sum((source) => source.unfinished),
    statements: sum((source) => source.statements),
    forms: sum((source) => source.forms),
    unread: sum((source) => source.unread),
    ...(first === undefined ? {} : { from: first }),
    ...(last === undefined ? {} : { to: last }),
    ...(seconds === undefined ? {} : { seconds }),
    sources,
  };
}
