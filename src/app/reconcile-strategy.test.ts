import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { systemClock } from '../core/clock.ts';
import type { NamedRow } from '../model/conflict.ts';
import { parseTableName } from '../model/names.ts';
import type { RowRepairer } from '../ports/row-repairer.ts';
import type { Contender } from '../validate/reconcile/policy.ts';
import { askStrategy } from './reconcile-strategy.ts';

const unasked = (): never => {
  throw new Error('no strategy asks for this');
};
const repairer: RowRepairer = {
  describe: unasked, read: unasked, nextTransaction: unasked, begin: unasked, isBusy: unasked,
  // As a server compares numbers: by what they are, not by their text.
  compare: (_table, _column, pairs) => Promise.resolve(pairs.map(([a, b]) => Number(a) - Number(b))),
};

const contender = (row: NamedRow | null, committedAt?: bigint): Contender => ({ row, ...(committedAt === undefined ? {} : { committedAt }) });
const ours = (at?: bigint, n: string | null = '9') => contender({ id: '1', n }, at);
const theirs = (at?: bigint, n: string | null = '10') => contender({ id: '1', n }, at);
const gone = (at?: bigint) => contender(null, at);

/** What a table's strategy answers: the reason why it can not, or the winner. */
async function ask(strategy: string, monolith: Contender, service: Contender): Promise<unknown> {
  const { sync } = parseConfig({
    file: 'banyan.yaml', env: {},
    text: `monolith: { url: "postgres://m@h/db" }\nservices: { shop: { url: "postgres://s@h/shop", tables: [stock] } }\nsync: { conflicts: { tables: { stock: ${strategy} } } }\n`,
  });
  const answer = await (await askStrategy({ sync, clock: systemClock, repairer }))(parseTableName('stock'), { id: '1' }, { monolith, service });
  return typeof answer === 'string' ? answer : answer.winner;
}

const LAST = '{ strategy: last-write-wins }';
const MERGE = '{ strategy: merge-columns }';
const ADD_UP = '{ strategy: add-up, columns: [n] }';
const LATEST = '{ strategy: latest-by-column, column: n }';

describe('a conflict strategy that is asked about a difference', () => {
  it.each<[string, string, Contender, Contender, string]>([
    ['prefer-monolith needs no times', '{ strategy: prefer-monolith }', ours(), theirs(), 'monolith'],
    ['prefer-monolith wants a row that only it lacks gone', '{ strategy: prefer-monolith }', gone(), theirs(), 'monolith'],
    ['prefer-service wants one that it lacks gone', '{ strategy: prefer-service }', ours(), gone(), 'service'],
    ['last-write-wins takes the later commit', LAST, ours(5n), theirs(6n), 'service'],
    ['last-write-wins takes the monolith\'s at the same time', LAST, ours(6n), theirs(6n), 'monolith'],
    ['last-write-wins can not do without the monolith\'s time', LAST, ours(), theirs(6n), 'last-write-wins needs to know when both rows were committed'],
    ['nor without the service\'s', LAST, ours(5n), theirs(), 'last-write-wins needs to know when both rows were committed'],
    ['last-write-wins does not take a lack for a delete that was just now', LAST, ours(5n), gone(6n), 'last-write-wins does not know when the row was deleted'],
    ['merge-columns has no old row to merge by: the later commit wins', MERGE, ours(5n), theirs(6n), 'service'],
    ['merge-columns needs the times for that', MERGE, ours(5n), theirs(), 'merge-columns needs to know when both rows were committed'],
    ['add-up has no old row to add to: the later commit wins, and nothing is counted twice', ADD_UP, ours(7n), theirs(6n), 'monolith'],
    ['add-up needs the times for that', ADD_UP, ours(), theirs(), 'add-up needs to know when both rows were committed'],
    ['add-up does not know of deletes', ADD_UP, gone(5n), theirs(6n), 'add-up does not know when the row was deleted'],
    ['latest-by-column asks the database, needs no times', LATEST, ours(), theirs(), 'service'],
    ['latest-by-column keeps the monolith\'s later value', LATEST, ours(undefined, '100'), theirs(), 'monolith'],
    ['latest-by-column takes no value as earlier than any', LATEST, ours(undefined, null), theirs(), 'service'],
    ['latest-by-column does not know of deletes', LATEST, ours(), gone(), 'latest-by-column does not know when the row was deleted'],
    ['nor of inserts', LATEST, gone(), theirs(), 'latest-by-column does not know when the row was deleted'],
  ])('%s', async (_promise, strategy, monolith, service, expected) => {
    expect(await ask(strategy, monolith, service)).toBe(expected);
  });
});
