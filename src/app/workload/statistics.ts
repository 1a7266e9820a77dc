import { WorkloadCollector } from '../../analyze/workload/collector.ts';
import type { Workload } from '../../model/workload.ts';
import { connect } from '../../postgres/connect.ts';
import { postgresStatements } from '../../postgres/sql/read-statements.ts';
import { statementStatistics } from '../../postgres/workload/statement-statistics.ts';
import type { ApplicationContext } from '../application.ts';

/** What pg_stat_statements has counted; undefined, and a line that says what to do, if there is no such thing. */
export async function statisticsWorkload(context: ApplicationContext, url: string): Promise<Workload | undefined> {
  const client = await connect({ url, clock: context.clock });
  try {
    const found = await statementStatistics(client);
    if ('missing' in found) {
      context.progress.note(found.missing);
      return undefined;
    }
    if (found.hidden > 0) context.progress.note(`${found.hidden} statements of other roles are hidden: GRANT pg_read_all_stats to this role.`);
    const collector = new WorkloadCollector({ dialect: 'postgres', read: await postgresStatements() });
    for await (const { text, calls } of found.statements) collector.takeCounted(text, calls);
    const { kinds, dropped: _dropped, ...counts } = collector.finish();
    const source = { name: 'pg_stat_statements', format: 'pg_stat_statements', ...counts, ...(found.since === undefined ? {} : { from: found.since, to: new Date(context.clock.now()).toISOString() }) };
    return { ...(found.seconds === undefined ? {} : { seconds: found.seconds }), transactions: kinds.map(({ line: _line, ...kind }) => ({ ...kind, partial: true })), sources: [source] };
  } finally {
    await client.end();
  }
}
