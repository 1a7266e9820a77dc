import { createPool } from '../../src/postgres/connect.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { PostgresProgressStore } from '../../src/state/progress-store.ts';
import { ConsistencyValidator } from '../../src/validate/validator.ts';

/** A validation as a process of its own, to be killed: reads what it is to do from its argument, prints the report. */
const { source, target, resume } = JSON.parse(process.argv[2] ?? '') as { readonly source: string; readonly target: string; readonly resume: boolean };
const pools = [source, target].map((url) => createPool({ url })) as [ReturnType<typeof createPool>, ReturnType<typeof createPool>];
const validator = new ConsistencyValidator(
  { checksummer: new PostgresChecksummer({ pool: pools[0] }) },
  { checksummer: new PostgresChecksummer({ pool: pools[1] }) },
  { journal: { store: new PostgresProgressStore({ pool: pools[0] }), of: 'the two', everyMs: 0 } },
);
// Whoever holds the lock stops the scan at the row in the middle.
const where = 'id <> 5000 OR pg_advisory_lock_shared(42) IS NOT NULL';
const scanned: number[] = [];
const report = await validator.validate({
  tables: ['public.first', { table: 'public.second', where }, 'public.third'],
  rangeRows: 500, pauseMs: 1, resume,
  onProgress: ({ phase, rows }) => phase === 'scan' && scanned.push(rows),
});
console.log(JSON.stringify({ report, scanned }));
await Promise.all(pools.map((pool) => pool.end()));
