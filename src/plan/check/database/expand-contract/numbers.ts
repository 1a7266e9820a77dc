import { quoteIdentifier, quoteLiteral, quoteTable, type TableName } from '../../../../model/names.ts';
import type { Column, Sequence } from '../../../../model/schema.ts';
import { identitySql } from '../definitions.ts';
import { qualified } from '../differences.ts';
import { hasColumn } from '../sql-text.ts';

const LARGEST: Readonly<Record<string, string>> = { smallint: '32767', integer: '2147483647', bigint: '9223372036854775807' };
const SMALLEST: Readonly<Record<string, string>> = { smallint: '-32768', integer: '-2147483648', bigint: '-9223372036854775808' };

/** The sequence of an identity column ends where the column's type does. */
export function asOfType(sequence: Sequence, type: string): Sequence {
  const bound = (value: string, ends: Readonly<Record<string, string>>): string => (value === ends[sequence.type] ? ends[type] ?? value : value);
  return sequence.ownedBy?.identity ? { ...sequence, type, max: bound(sequence.max, LARGEST), min: bound(sequence.min, SMALLEST) } : sequence;
}

interface Move {
  readonly table: TableName;
  readonly sequence: Sequence;
  readonly identity: Column['identity'];
  readonly from: string;
  /** The column that takes it over, with its type. */
  readonly to: string;
  readonly type: string;
}

/**
 * Gives the sequence of one column to the other, both of which are there. That of an identity column can not be given
 * away: it is made anew where it stood, unless the other one has it already. Altering it first, to what it is, keeps everybody else from its next number.
 */
export function moveNumbers({ table, sequence, identity, from, to, type }: Move): string {
  const name = qualified(sequence.schema, sequence.name);
  if (identity === undefined) return `ALTER SEQUENCE ${name} OWNED BY ${quoteTable(table)}.${quoteIdentifier(to)}`;
  const made = asOfType(sequence, type);
  const alter = `ALTER TABLE ${quoteTable(table)} ALTER COLUMN`;
  return `DO $banyan$
DECLARE
  reached bigint; called boolean;
BEGIN
  IF NOT ${hasColumn(table, from, "a.attidentity <> ''")} THEN
    RETURN;
  END IF;
  ALTER SEQUENCE ${name} INCREMENT BY ${sequence.increment};
  SELECT last_value, is_called INTO reached, called FROM ${name};
  ${alter} ${quoteIdentifier(from)} DROP IDENTITY;
  ${alter} ${quoteIdentifier(to)} ADD ${identitySql(identity, made)};
  PERFORM setval(${quoteLiteral(name)}::regclass, greatest(least(reached, ${made.max}), ${made.min}), called);
END $banyan$;`;
}
