import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'pg';
import { judgeAccounts, loadAccounts } from './journal-accounts.ts';
import type { JournalEntry } from './journal-entry.ts';
import type { Loss } from './journal-findings.ts';
import { failedRequests, movesBack, staleReads, type FailedRequest, type FaultWindow, type Move, type StaleRead } from './journal-requests.ts';
import { judgeOrderCounts, judgeShop, loadShop } from './journal-shop.ts';

export interface CheckJournalOptions {
  /** The file that the workload wrote. */
  readonly journal: string;
  readonly monolithUrl: string;
  /** The accounts service's database. Without it only the monolith's is checked. */
  readonly serviceUrl?: string;
  /** Spans in which requests were allowed to fail and visitors to be moved back. Default none. */
  readonly faultWindows?: readonly FaultWindow[];
  /** The account tables that the service has; `public.` may stand before them. Default all. */
  readonly serviceTables?: readonly string[];
}

export interface JournalReport {
  readonly requests: number;
  readonly reads: number;
  readonly requestsFailed: number;
  readonly requestsFailedOutsideFault: number;
  readonly writesAcknowledged: number;
  readonly writesLost: number;
  readonly movedBack: number;
  readonly staleReads: number;
  readonly staleReadsOutsideFault: number;
  /** Of each kind up to 20, as evidence. */
  readonly lost: readonly Loss[];
  readonly failed: readonly FailedRequest[];
  readonly moves: readonly Move[];
  readonly stale: readonly StaleRead[];
}

/**
 * Compares what the shop's clients were told with what the two databases hold. Call it when the workload has stopped
 * and both streams are drained. The journal alone says what must be there.
 */
export async function checkJournal(options: CheckJournalOptions): Promise<JournalReport> {
  const entries = await readJournal(options.journal);
  const losses = [...(await lossesOf(entries, options))];
  const windows = options.faultWindows ?? [];
  const failed = failedRequests(entries, windows);
  const moves = movesBack(entries, windows);
  const stale = staleReads(entries);
  const inFault = ({ entry }: StaleRead): boolean => windows.some((window) => entry.t <= window.to && entry.t + entry.ms >= window.from);
  return {
    requests: entries.length,
    reads: entries.filter((entry) => entry.read).length,
    requestsFailed: failed.length,
    requestsFailedOutsideFault: failed.filter((each) => !each.inFault).length,
    writesAcknowledged: entries.filter((entry) => entry.write).length,
    writesLost: new Set(losses.map((loss) => loss.what)).size,
    movedBack: moves.length,
    staleReads: stale.length,
    staleReadsOutsideFault: stale.filter((each) => !inFault(each)).length,
    lost: losses.slice(0, 20),
    failed: [...failed].sort((a, b) => Number(a.inFault) - Number(b.inFault)).slice(0, 20),
    moves: moves.slice(0, 20),
    stale: stale.slice(0, 20),
  };
}

async function lossesOf(entries: readonly JournalEntry[], options: CheckJournalOptions): Promise<Loss[]> {
  const monolith = new Pool({ connectionString: options.monolithUrl, max: 1 });
  const service = options.serviceUrl === undefined ? undefined : new Pool({ connectionString: options.serviceUrl, max: 1 });
  try {
    const shop = await loadShop(monolith, entries);
    const accounts = await loadAccounts(monolith, entries);
    const losses = [
      ...judgeShop(entries, shop),
      ...judgeAccounts('monolith', entries, accounts),
      ...judgeOrderCounts('monolith', shop, accounts.users),
    ];
    if (service === undefined) return losses;
    const moved = await loadAccounts(service, entries, options.serviceTables);
    return [...losses, ...judgeAccounts('service', entries, moved), ...judgeOrderCounts('service', shop, moved.users)];
  } finally {
    await monolith.end();
    await service?.end();
  }
}

/** A last line that was cut off when the workload was killed tells nothing; any other bad line is an error. */
export async function readJournal(file: string): Promise<JournalEntry[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      journal: { type: 'string' },
      monolith: { type: 'string' },
      service: { type: 'string' },
      fault: { type: 'string', multiple: true, default: [] },
      tables: { type: 'string' },
    },
  });
  if (values.journal === undefined || values.monolith === undefined) {
    console.error('usage: journal.ts --journal FILE --monolith URL [--service URL] [--fault FROM-TO]… [--tables a,b]');
    process.exit(2);
  }
  const report = await checkJournal({
    journal: values.journal,
    monolithUrl: values.monolith,
    ...(values.service === undefined ? {} : { serviceUrl: values.service }),
    ...(values.tables === undefined ? {} : { serviceTables: values.tables.split(',') }),
    faultWindows: values.fault.map((span) => {
      const [from = Number.NaN, to = Number.NaN] = span.split('-').map(Number);
      return { from, to };
    }),
  });
  console.log(JSON.stringify(report, undefined, 2));
  const { writesLost, requestsFailedOutsideFault, movedBack, staleReads: stale } = report;
  process.exitCode = writesLost + requestsFailedOutsideFault + movedBack + stale > 0 ? 1 : 0;
}
