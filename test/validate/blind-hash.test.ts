import { expect, it } from 'vitest';
import { ConsistencyValidator } from '../../src/validate/validator.ts';
import { instantClock } from './instant-clock.ts';
import { BLIND, HONEST, MemoryChecksummer, type Hashing } from './memory-checksummer.ts';

/** Two rows of one leaf have swapped a value, and one row was replaced by another. */
async function findsSwappedValues(hashing: Hashing): Promise<void> {
  const [source, target] = ['source', 'target'].map(() => new MemoryChecksummer({ table: 't', columns: ['id', 'a', 'b'], hashing })) as [MemoryChecksummer, MemoryChecksummer];
  for (let id = 0; id < 100; id++) {
    source.put(String(id), `a${id}`, `b${id}`);
    target.put(String(id), `a${id === 41 ? 42 : id === 42 ? 41 : id}`, `b${id}`);
  }
  const report = await new ConsistencyValidator({ checksummer: source }, { checksummer: target }, { clock: instantClock() }).validate();
  expect(report.tables[0]?.different.map(({ key, columns }) => [key, Object.keys(columns)])).toEqual([
    ['41', ['a']],
    ['42', ['a']],
  ]);
}

it('finds values that two rows of one leaf have swapped', () => findsSwappedValues(HONEST));

it('would not pass with a hash that is blind to swaps', async () => {
  await expect(findsSwappedValues(BLIND)).rejects.toThrow('to deeply equal');
});
