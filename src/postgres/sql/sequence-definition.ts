import type { Node, RangeVar } from 'libpg-query';
import { splitTableName, type TableName } from '../../model/names.ts';
import { ownedSequence } from './schema-draft.ts';
import { listStrings, qualifiedName, relationName } from './syntax-tree.ts';
import type { DefinitionContext } from './table-definition.ts';
import { typeText } from './type-text.ts';

/** CREATE SEQUENCE and ALTER SEQUENCE: what the options say, over what was known. */
export function createSequence(
  relation: RangeVar | undefined,
  options: readonly Node[] | undefined,
  context: DefinitionContext,
): void {
  setSequence(relationName(relation, context.schema), options, context);
}

/** What the options say of a sequence, over what was known of it. */
export function setSequence(full: TableName, options: readonly Node[] | undefined, context: Pick<DefinitionContext, 'draft' | 'schema'>): void {
  const { schema, table: name } = splitTableName(full);
  const blank = ownedSequence({ table: full, column: '', type: 'bigint', identity: false }).sequence;
  const { ownedBy: _none, ...unowned } = blank;
  const sequence = context.draft.sequences.get(full) ?? { ...unowned, schema, name };
  for (const option of options ?? []) {
    if (!('DefElem' in option)) continue;
    const { defname, arg } = option.DefElem;
    const number = numberText(arg);
    if (defname === 'increment' && number !== undefined) sequence.increment = number;
    else if (defname === 'minvalue' && number !== undefined) sequence.min = number;
    else if (defname === 'maxvalue' && number !== undefined) sequence.max = number;
    else if (defname === 'start' && number !== undefined) sequence.start = number;
    else if (defname === 'cache' && number !== undefined) sequence.cache = number;
    else if (defname === 'cycle') sequence.cycle = !(arg && 'Boolean' in arg && arg.Boolean.boolval !== true);
    else if (defname === 'as' && arg && 'TypeName' in arg) {
      sequence.type = typeText(arg.TypeName).text;
      if (sequence.type === 'integer') sequence.max = '2147483647';
      else if (sequence.type === 'smallint') sequence.max = '32767';
    } else if (defname === 'owned_by') {
      const parts = listStrings(arg);
      const column = parts.at(-1);
      if (column !== undefined && parts.length > 1) {
        sequence.ownedBy = { table: qualifiedName(parts.slice(0, -1), context.schema), column, identity: false };
      }
    }
  }
  context.draft.sequences.set(full, sequence);
}

function numberText(node: Node | undefined): string | undefined {
  if (node && 'Integer' in node) return String(node.Integer.ival ?? 0);
  return node && 'Float' in node ? node.Float.fval : undefined;
}
