import type { AlterEnumStmt, CompositeTypeStmt, CreateDomainStmt, CreateRangeStmt, Node, RangeVar } from 'libpg-query';
import { splitTableName } from '../../model/names.ts';
import { columnList, ownedSequence } from './schema-draft.ts';
import { columnOf, constraintsIn, listStrings, qualifiedName, relationName, strings } from './syntax-tree.ts';
import { collationText, untilSeparator, type DefinitionContext } from './table-definition.ts';
import { typeText } from './type-text.ts';

/** CREATE DOMAIN. */
export function createDomain(node: CreateDomainStmt, context: DefinitionContext): void {
  const full = qualifiedName(strings(node.domainname), context.schema);
  const { schema, table: name } = splitTableName(full);
  let nullable = true;
  let defaultText: string | undefined;
  const checks: { name: string; definition: string }[] = [];
  const constraints = constraintsIn(node.constraints);
  constraints.forEach((constraint, index) => {
    const text = untilSeparator(context.source.slice(constraint.location ?? 0, constraints[index + 1]?.location)).trim();
    if (constraint.contype === 'CONSTR_NOTNULL') nullable = false;
    else if (constraint.contype === 'CONSTR_DEFAULT') defaultText = text.replace(/^default\s+/i, '');
    else if (constraint.contype === 'CONSTR_CHECK') {
      const definition = text.replace(/^constraint\s+(?:"(?:[^"]|"")*"|\S+)\s+/i, '').replace(/^check\s*/i, 'CHECK ');
      checks.push({ name: constraint.conname ?? `${name}_check`, definition });
    }
  });
  context.draft.domains.set(full, {
    schema,
    name,
    baseType: typeText(node.typeName).text,
    nullable,
    checks,
    ...(defaultText === undefined ? {} : { default: defaultText }),
  });
}

/** ALTER TYPE … ADD VALUE, at its place, or RENAME VALUE. */
export function changedLabels(labels: readonly string[], { oldVal: old, newVal: fresh, newValNeighbor: neighbour, newValIsAfter: after, skipIfNewValExists: unless }: AlterEnumStmt): readonly string[] {
  if (fresh === undefined || (unless && labels.includes(fresh))) return labels;
  if (old !== undefined) return labels.map((label) => (label === old ? fresh : label));
  const at = neighbour === undefined ? labels.length : labels.indexOf(neighbour) + (after ? 1 : 0);
  return labels.toSpliced(at, 0, fresh);
}

/** CREATE TYPE … AS (…). */
export function createComposite(node: CompositeTypeStmt, context: DefinitionContext): void {
  const full = relationName(node.typevar, context.schema);
  const { schema, table: name } = splitTableName(full);
  const columns = (node.coldeflist ?? []).flatMap((item) => columnOf(item) ?? []);
  const fields = columns.map((column) => {
    const collation = collationText(column.collClause);
    return `${columnList([column.colname ?? ''])} ${typeText(column.typeName).text}${collation === undefined ? '' : ` COLLATE pg_catalog.${collation}`}`;
  });
  context.draft.structuredTypes.set(full, { schema, name, kind: 'composite', definition: `AS (${fields.join(', ')})`, parts: columns.map((column) => typeText(column.typeName).text.replace(/\(.*?\)/, '')) });
}

/** CREATE TYPE … AS RANGE. */
export function createRange(node: CreateRangeStmt, context: DefinitionContext): void {
  const full = qualifiedName(strings(node.typeName), context.schema);
  const { schema, table: name } = splitTableName(full);
  const parameters = (node.params ?? []).flatMap((item) => ('DefElem' in item ? [item.DefElem] : []));
  const texts = parameters.map(({ defname = '', arg }) => `${defname.toUpperCase()} = ${arg && 'TypeName' in arg ? typeText(arg.TypeName).text : ''}`);
  const subtype = parameters.find(({ defname }) => defname === 'subtype')?.arg;
  context.draft.structuredTypes.set(full, { schema, name, kind: 'range', definition: `AS RANGE (${texts.join(', ')})`, parts: subtype && 'TypeName' in subtype ? [typeText(subtype.TypeName).text] : [] });
}

/** CREATE SEQUENCE and ALTER SEQUENCE: what the options say, over what was known. */
export function createSequence(
  relation: RangeVar | undefined,
  options: readonly Node[] | undefined,
  context: DefinitionContext,
): void {
  const full = relationName(relation, context.schema);
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
