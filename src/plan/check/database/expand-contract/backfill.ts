import { quoteIdentifier, quoteTable } from '../../../../model/names.ts';
import type { Key } from '../../../../model/schema.ts';
import type { Twins } from './keep-in-step.ts';

/** Rows of a batch, and seconds between two of them: others get at the table and the log in between. */
const BATCH = 1000;
const PAUSE_SECONDS = 0.02;

/**
 * Fills the column that is empty, batch by batch along the primary key, each in a transaction of its own: one statement,
 * which can stand in no transaction. It touches rows whose other column has a value; the trigger turns the value that the
 * row has then, so that no newer one is written over. It ends at the last key of its start, however fast others add rows:
 * those the trigger fills. Run again, it leads on with what is empty still.
 */
export function backfill({ table, old, fresh }: Twins, key: Key, empty: 'old' | 'fresh'): string {
  const [from, to] = (empty === 'fresh' ? [old, fresh] : [fresh, old]).map(({ name }) => quoteIdentifier(name));
  // To name the empty column would be to write null to it; one that takes no null may give out numbers, which nobody may write.
  const touched = old.nullable ? from : to;
  const name = quoteTable(table);
  const columns = key.columns.map(quoteIdentifier);
  const variables = (letter: string): string[] => columns.map((_, n) => `${letter}${n + 1}`);
  const row = (parts: readonly string[]): string => (parts.length === 1 ? parts.join('') : `(${parts.join(', ')})`);
  const [low, high, last] = [variables('low'), variables('high'), variables('last')];
  const declare = [low, high, last].flatMap((names) => names.map((each, n) => `${each} ${name}.${columns[n]}%TYPE;`));
  const first = columns.join(', ');
  const descending = columns.map((column) => `${column} DESC`).join(', ');
  return `DO $banyan$
DECLARE
  ${declare.join(' ')}
BEGIN
  SELECT ${first} INTO ${last.join(', ')} FROM ${name} ORDER BY ${descending} LIMIT 1;
  SELECT ${first} INTO ${low.join(', ')} FROM ${name} ORDER BY ${first} LIMIT 1;
  WHILE FOUND LOOP
    PERFORM set_config('lock_timeout', '2s', true);
    SELECT ${first} INTO ${high.join(', ')} FROM (SELECT ${first} FROM ${name} WHERE ${row(columns)} >= ${row(low)} AND ${row(columns)} <= ${row(last)} ORDER BY ${first} LIMIT ${BATCH}) batch ORDER BY ${descending} LIMIT 1;
    UPDATE ${name} SET ${touched} = ${touched} WHERE ${row(columns)} >= ${row(low)} AND ${row(columns)} <= ${row(high)} AND ${to} IS NULL AND ${from} IS NOT NULL;
    COMMIT;
    PERFORM pg_sleep(${PAUSE_SECONDS});
    ${low.map((each, n) => `${each} := ${high[n]};`).join(' ')}
    PERFORM 1 FROM ${name} WHERE ${row(columns)} > ${row(low)} AND ${row(columns)} <= ${row(last)} LIMIT 1;
  END LOOP;
END $banyan$;`;
}
