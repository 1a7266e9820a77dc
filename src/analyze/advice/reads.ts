import type { CrossingRead } from '../document.ts';
import { compareText } from '../input.ts';
import { count, counted, itemAt } from '../lookup.ts';
import { listed, shortName } from '../text.ts';
import type { SagaContext } from './saga.ts';
import type { Usage } from './usage.ts';

type ReadContext = SagaContext & { readonly usage: Usage };

/** A table this much more often read here than written may as well be copied. */
const WORTH_COPYING = 10;
/** Below this share of all calls a question to the other service costs nobody anything. */
const RARE = 0.01;

/** Statements that join tables of several services, and how each can still be answered. */
export function describeReads(context: ReadContext): CrossingRead[] {
  const merged = new Map<string, { calls: number; readonly tables: readonly number[] }>();
  for (const { calls, joins } of context.monolith.transactions) {
    for (const tables of joins) {
      if (new Set(tables.map(context.serviceOf)).size < 2) continue;
      const known = merged.get(tables.join(',')) ?? { calls: 0, tables };
      known.calls += calls;
      merged.set(tables.join(','), known);
    }
  }
  return [...merged.values()]
    .map(({ calls, tables }) => describe(context, calls, tables))
    .sort((a, b) => b.calls - a.calls || compareText(a.tables.join(), b.tables.join()));
}

function describe(context: ReadContext, calls: number, tables: readonly number[]): CrossingRead {
  const { usage } = context;
  const serviceOf = (table: number): string => context.serviceOf(table) ?? 'monolith';
  const held = new Map<string, number>();
  for (const table of tables) count(held, serviceOf(table));
  const services = [...held.keys()].sort();
  // Reference data is no reason to be asked: who holds the rest answers.
  const own = (service: string): number => tables.filter((table) => serviceOf(table) === service && context.sharedKindOf(table) !== 'reference').length;
  const [home = ''] = [...services].sort((a, b) => own(b) - own(a) || counted(held, b) - counted(held, a) || compareText(a, b));
  const foreign = tables.filter((table) => serviceOf(table) !== home);
  const callsPerDay = usage.perDay(calls);
  const name = (table: number): string => shortName(itemAt(context.monolith.tables, table).name);
  const writes = Math.max(...foreign.map((table) => usage.writes(table)));
  const copied = listed(foreign.map((table) => `${name(table)} (of ${serviceOf(table)})`));
  const numbers = `read ${usage.times(calls)}; ${foreign.length === 1 ? 'that is' : 'the busiest of them is'} written ${usage.times(writes)}`;
  const remedy = (): Pick<CrossingRead, 'remedyKind' | 'remedy' | 'why'> => {
    if (foreign.every((table) => context.sharedKindOf(table) === 'reference') || calls >= WORTH_COPYING * Math.max(1, writes)) {
      return { remedyKind: 'replicate', remedy: `replicate: ${home} keeps a read-only copy of ${copied}`, why: numbers };
    }
    if (calls <= usage.calls * RARE) {
      return { remedyKind: 'compose', remedy: `compose: ${home} reads its own rows and asks for ${copied} by their ids, all in one request`, why: `${numbers}: too rare to keep a copy for` };
    }
    return {
      remedyKind: 'read-model',
      remedy: `read model: ${home} keeps only the columns it reads of ${copied}, fed by their events`,
      why: `${numbers}: too often to ask each time, and too much written to copy whole`,
    };
  };
  return {
    tables: tables.map((table) => itemAt(context.monolith.tables, table).name), services, calls,
    ...(callsPerDay === undefined ? {} : { callsPerDay }), home, ...remedy(),
  };
}
