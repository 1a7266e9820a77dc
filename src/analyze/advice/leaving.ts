import type { Cut, Leaving } from '../document.ts';
import { compareText, type Monolith } from '../input.ts';
import { count, counted as countedIn, itemAt } from '../lookup.ts';
import { counted, listed, shortName } from '../text.ts';
import type { Usage } from './usage.ts';

export interface LeavingContext {
  readonly monolith: Monolith;
  readonly usage: Usage;
  readonly cuts: readonly Cut[];
  readonly serviceOf: (table: number) => string | undefined;
}

/** For each service what ties it to each other one, the strongest tie first. */
export function tiesOf(context: LeavingContext): (service: string) => readonly Leaving[] {
  const joins = new Map<string, number>();
  const transactions = new Map<string, number>();
  const services = (tables: readonly number[]): string[] => [...new Set(tables.flatMap((table) => context.serviceOf(table) ?? []))];
  for (const { calls, writes, joins: groups } of context.monolith.transactions) {
    for (const key of pairKeys(services(writes))) count(transactions, key, calls);
    for (const key of new Set(groups.flatMap((tables) => pairKeys(services(tables))))) count(joins, key, calls);
  }
  return (service) => {
    const others = new Set<string>();
    for (const { fromService, toService } of context.cuts) {
      if (fromService === service) others.add(toService);
      if (toService === service) others.add(fromService);
    }
    for (const key of [...joins.keys(), ...transactions.keys()]) {
      const [a = '', b = ''] = key.split('\n');
      if (a === service) others.add(b);
      if (b === service) others.add(a);
    }
    return [...others]
      .map((other) => tie(context, { service, other, joins: countedIn(joins, pairKey(service, other)), transactions: countedIn(transactions, pairKey(service, other)) }))
      .sort((a, b) => b.transactions - a.transactions || b.joins - a.joins || b.keysOut + b.keysIn - a.keysOut - a.keysIn || compareText(a.service, b.service));
  };
}

function tie(
  { cuts, usage }: LeavingContext,
  { service, other, joins, transactions }: { readonly service: string; readonly other: string; readonly joins: number; readonly transactions: number },
): Leaving {
  const out = cuts.filter((cut) => cut.fromService === service && cut.toService === other);
  const keysIn = cuts.filter((cut) => cut.fromService === other && cut.toService === service).length;
  const says = [
    ...(out.length === 0 ? [] : [`${counted(out.length, 'key')} to it (${listed(out.map((cut) => `${shortName(cut.from)}.${cut.columns.join('+')} → ${shortName(cut.to)}`))})`]),
    ...(keysIn === 0 ? [] : [`${counted(keysIn, 'key')} from it`]),
    ...(transactions === 0 ? [] : [`${usage.says(transactions)} of transactions that write in both`]),
    ...(joins === 0 ? [] : [`${usage.says(joins)} with joins across`]),
  ];
  return { service: other, keysOut: out.length, keysIn, joins, transactions, says: says.join('; ') };
}

function pairKeys(services: readonly string[]): string[] {
  const sorted = [...services].sort();
  return sorted.flatMap((a, i) => sorted.slice(i + 1).map((b) => `${a}\n${b}`));
}

function pairKey(a: string, b: string): string {
  return itemAt(pairKeys([a, b]), 0);
}
