import { quoteIdentifier, quoteLiteral, quoteTable } from '../../../../model/names.ts';
import type { MigrationScript } from '../../finding.ts';
import { hasAnyTrigger } from '../conditions.ts';
import { columnSql } from '../definitions.ts';
import { hasColumn, regclass, waiting } from '../sql-text.ts';
import { backfill } from './backfill.ts';
import { carriedRules } from './carried-rules.ts';
import { contracting, none } from './contract.ts';
import { chained, type Draft } from './draft.ts';
import { titleOf, type FittingColumn, type FittingGroup, type FittingTable } from './fitting-columns.ts';
import { differing, dropKeeping, keepFunction, keepingName, keepTriggers } from './keep-in-step.ts';
import { bare, building, isOver } from './station.ts';
import { takeOver } from './take-over.ts';

/** Scripts before the other changes, with which the new columns take over, and those behind them, with which the old ones go. */
interface ExpandContract {
  readonly expand: readonly MigrationScript[];
  readonly contract: readonly MigrationScript[];
}

/**
 * The scripts for one group of columns. Both columns hold the same from the trigger's first row to the last script,
 * whichever is written, so that each step leads back without losing what was written since. Pure.
 */
export function expandContract(group: FittingGroup): ExpandContract {
  const over = isOver(group);
  const members = group.tables.flatMap((each) => each.columns.map((member) => expanding(each, member, over)));
  return { expand: chained([...members.flat(), ...carriedRules(group), takeOver(group)]), contract: chained(contracting(group)) };
}

function expanding({ key }: FittingTable, member: FittingColumn, over: string): Draft[] {
  const { table: { name: table }, old } = member;
  const twins = building(member);
  const [is, title, alter, trigger] = [twins.fresh.name, titleOf(member), `ALTER TABLE ${quoteTable(table)}`, keepingName(old.name)];
  return [
    {
      description: `Add column ${is} beside ${title}`, forward: waiting(refuseDependents(member), `${alter} ADD COLUMN IF NOT EXISTS ${columnSql(bare(twins.fresh))}`),
      back: waiting(`${alter} DROP COLUMN IF EXISTS ${quoteIdentifier(is)}`), holds: `${over} OR ${hasColumn(table, is)}`,
    },
    {
      description: `Keep ${is} and ${title} in step`, forward: waiting(keepFunction(twins, old.name), ...keepTriggers(twins, old.name, trigger)),
      back: waiting(...dropKeeping(table, old.name, trigger)), holds: `${over} OR ${hasAnyTrigger(table, trigger)}`,
    },
    { description: `Fill ${is} of ${title} in batches`, forward: backfill(twins, key, 'fresh'), holds: none(differing(twins), over), transactional: false },
  ];
}

/** Extended statistics would go with the old column and nobody be told; lists and filters of publications would keep it from going. */
function refuseDependents({ table: { name: table }, old }: FittingColumn): string {
  return `DO $banyan$
DECLARE
  found text;
BEGIN
  SELECT string_agg(pg_describe_object(d.classid, d.objid, d.objsubid), ', ') INTO found FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ${regclass(table)} AND a.attname = ${quoteLiteral(old.name)} AND d.classid IN ('pg_statistic_ext'::regclass, 'pg_publication_rel'::regclass);
  IF found IS NOT NULL THEN
    RAISE EXCEPTION '% stands on the column', found USING HINT = 'Drop it first, and make it again behind the scripts.';
  END IF;
END $banyan$;`;
}
