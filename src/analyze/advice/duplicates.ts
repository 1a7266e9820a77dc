import type { TableName } from '../../model/names.ts';
import type { CrossingRead, Cut, Duplicate } from '../document.ts';
import { compareText, type Monolith } from '../input.ts';
import type { SharedKind } from '../shared-tables.ts';
import type { Usage } from './usage.ts';

interface Wanted {
  readonly into: Set<string>;
  keys: number;
  joins: number;
}

/** What is copied where, from every remedy that copies, and how old a copy may be. */
export function findDuplicates(context: {
  readonly monolith: Monolith;
  readonly usage: Usage;
  readonly cuts: readonly Cut[];
  readonly reads: readonly CrossingRead[];
  readonly serviceOf: (table: number) => string | undefined;
  readonly sharedKindOf: (table: number) => SharedKind | undefined;
}): Duplicate[] {
  const wanted = new Map<TableName, Wanted>();
  const want = (table: TableName): Wanted => {
    const known = wanted.get(table) ?? { into: new Set<string>(), keys: 0, joins: 0 };
    wanted.set(table, known);
    return known;
  };
  for (const cut of context.cuts.filter(({ remedyKind }) => remedyKind === 'replicate')) {
    const item = want(cut.to);
    item.into.add(cut.fromService);
    item.keys += 1;
  }
  for (const read of context.reads.filter(({ remedyKind }) => remedyKind === 'replicate')) {
    for (const table of read.tables) {
      const index = context.monolith.indexOf.get(table);
      if (index === undefined || context.serviceOf(index) === read.home) continue;
      const item = want(table);
      item.into.add(read.home);
      item.joins += read.calls;
    }
  }
  return [...wanted].sort((a, b) => compareText(a[0], b[0])).flatMap(([table, { into, keys, joins }]): Duplicate[] => {
    const index = context.monolith.indexOf.get(table);
    const owner = index === undefined ? undefined : context.serviceOf(index);
    if (index === undefined || owner === undefined) return [];
    const why = [...(keys === 0 ? [] : [`${keys === 1 ? 'one key' : `${keys} keys`} of theirs refer${keys === 1 ? 's' : ''} to it`]), ...(joins === 0 ? [] : [`joined there ${context.usage.times(joins)}`])];
    return [{ table, owner, into: [...into].sort(), why: why.join('; '), staleness: staleness(context, index) }];
  });
}

function staleness({ usage, sharedKindOf }: Parameters<typeof findDuplicates>[0], table: number): string {
  const writes = usage.writes(table);
  if (sharedKindOf(table) === 'reference') return 'minutes to hours are harmless: reference data, changed by people and rarely';
  if (usage.calls === 0) return 'as old as the stream is late (`banyan sync status`); how often it changes is not known without a workload';
  if (writes === 0) return 'minutes are harmless: nothing in the workload writes it';
  return `as old as the stream is late, usually below a second (\`banyan sync status\`); written ${usage.times(writes)}; not for decisions about money or stock`;
}
