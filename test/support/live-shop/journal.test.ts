import { describe, expect, it } from 'vitest';
import type { Side } from '../../../src/model/side.ts';
import { ShopJournal, type Entry } from './journal.ts';

const entry = (at: number, side: Side, more: Partial<Entry> = {}): Entry => ({
  user: 'u1', key: 'u1', service: 'accounts', what: 'GET /me', status: 200, side, from: at, to: at + 5, ...more,
});

function journalOf(entries: readonly Entry[], lowered: readonly number[] = []): ShopJournal {
  const journal = new ShopJournal();
  for (const each of entries) journal.add(each);
  for (const at of lowered) journal.lowering('accounts', at);
  return journal;
}

describe('the journal of the shop', () => {
  it('knows who was moved back although nobody had lowered the percentage', () => {
    const there = [entry(0, 'monolith'), entry(10, 'service'), entry(20, 'monolith')];
    expect(journalOf(there).movedBack()).toHaveLength(1);
    expect(journalOf(there, [5]).movedBack()).toHaveLength(1);
    expect(journalOf(there, [15]).movedBack()).toEqual([]);
    // While the answer was on its way, either before or after.
    expect(journalOf(there, [12]).movedBack()).toEqual([]);
    expect(journalOf(there, [24]).movedBack()).toEqual([]);
    // Each return needs its own reason.
    expect(journalOf([...there, entry(30, 'service'), entry(40, 'monolith')], [15]).movedBack()).toHaveLength(1);
    expect(journalOf([entry(0, 'service'), entry(10, 'monolith', { key: 'u2' }), entry(20, 'monolith', { service: 'payments' })]).movedBack()).toEqual([]);
  });

  it('excuses failures of a service that was broken on purpose, and no others', () => {
    const journal = new ShopJournal();
    const from = journal.now();
    const mended = journal.fault('accounts');
    mended();
    const to = journal.now();
    for (const each of [
      entry(0, 'service', { from, to, status: 502 }), entry(0, 'service', { from, to, status: 0, service: 'payments' }),
      entry(0, 'service', { from: from - 10, to: from - 5, status: 500 }), entry(0, 'service', { from: to + 1, to: to + 2, status: 503 }),
      entry(0, 'service', { from, to, status: 404 }),
    ]) journal.add(each);
    expect(journal.failedWithinFaults()).toHaveLength(1);
    expect(journal.failedOutsideFaults()).toHaveLength(3);
  });
});
