import type { AlterEnumStmt, CompositeTypeStmt, CreateDomainStmt, CreateRangeStmt } from 'libpg-query';
import { splitTableName } from '../../model/names.ts';
import { columnList } from './schema-draft.ts';
import { columnOf, constraintsIn, qualifiedName, relationName, strings } from './syntax-tree.ts';
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
      checks.push({ name: constraint.conname ?? freeName(`${name}_check`, checks.map((check) => check.name)), definition });
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

/** As the server numbers names that it gives itself. */
function freeName(wanted: string, taken: readonly string[]): string {
  let free = wanted;
  for (let number = 1; taken.includes(free); number += 1) free = `${wanted}${number}`;
  return free;
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
    const [first, second] = strings(column.collClause?.collname);
    const isBuiltIn = second === undefined || first === 'pg_catalog';
    return `${columnList([column.colname ?? ''])} ${typeText(column.typeName).text}${collation === undefined ? '' : ` COLLATE ${isBuiltIn ? 'pg_catalog.' : ''}${collation}`}`;
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
