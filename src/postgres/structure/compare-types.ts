import { quoteIdentifier, quoteLiteral, tableName } from '../../model/names.ts';
import type { DomainType, EnumType, Schema } from '../../model/schema.ts';
import type { SchemaFinding } from '../../model/structure-finding.ts';
import { compareDomain, compareStructuredType } from '../provision/compare.ts';
import { labelOf } from '../provision/statements.ts';
import { finding } from './table-context.ts';

type Named = { readonly schema: string; readonly name: string };
const qualified = (type: Named): string => `${quoteIdentifier(type.schema)}.${quoteIdentifier(type.name)}`;

/** A type that both sides have by the same name, and each otherwise. */
export interface TypeFinding {
  readonly type: Named;
  readonly finding: SchemaFinding;
}

/** Enums, domains, composite and range types that `source` needs. One that the target lacks shows in the columns' types. Pure. */
export function compareTypes(source: Schema, target: Schema): readonly TypeFinding[] {
  const each = <T extends Named>(mine: readonly T[], theirs: readonly T[], compare: (here: T, there: T) => readonly SchemaFinding[]): readonly TypeFinding[] =>
    mine.flatMap((type) => {
      const other = theirs.find((there) => there.schema === type.schema && there.name === type.name);
      return other ? compare(type, other).map((found) => ({ type, finding: found })) : [];
    });
  return [
    ...each(source.enums, target.enums, compareEnum),
    ...each(source.domains, target.domains, compareDomains),
    ...each(source.structuredTypes ?? [], target.structuredTypes ?? [], (here, there) =>
      compareStructuredType(here, there).map(({ object }) => finding('type', { object, source: here.definition, target: there.definition })),
    ),
  ];
}

function compareEnum(mine: EnumType, theirs: EnumType): readonly SchemaFinding[] {
  const object = labelOf('type', mine);
  const text = (labels: readonly string[]): string => JSON.stringify(labels);
  const parts = { object, source: text(mine.labels), target: text(theirs.labels) };
  const lacking = (labels: readonly string[], other: readonly string[]): readonly string[] => labels.filter((label) => !other.includes(label));
  const here = lacking(theirs.labels, mine.labels);
  const there = lacking(mine.labels, theirs.labels);
  if (here.length === 0 && there.length === 0) return parts.source === parts.target ? [] : [finding('enum_order', parts)];
  return [
    ...(there.length === 0 ? [] : [finding('enum_labels', { ...parts, sql: additions(mine, mine.labels, there) })]),
    ...(here.length === 0 ? [] : [finding('enum_labels', { ...parts, on: 'source', sql: additions(mine, theirs.labels, here) })]),
  ];
}

/** Each where the other side has it. */
function additions(type: Named, order: readonly string[], lacking: readonly string[]): readonly string[] {
  const known = new Set(order.filter((label) => !lacking.includes(label)));
  return lacking.map((label) => {
    const at = order.indexOf(label);
    const before = order.slice(0, at).findLast((each) => known.has(each));
    const after = order.slice(at).find((each) => known.has(each));
    known.add(label);
    const place = before === undefined ? (after === undefined ? '' : ` BEFORE ${quoteLiteral(after)}`) : ` AFTER ${quoteLiteral(before)}`;
    return `ALTER TYPE ${qualified(type)} ADD VALUE ${quoteLiteral(label)}${place}`;
  });
}

function compareDomains(mine: DomainType, theirs: DomainType): readonly SchemaFinding[] {
  const alter = `ALTER DOMAIN ${qualified(mine)}`;
  return compareDomain(mine, theirs).map(({ object, property, monolith, service }) =>
    finding('domain', { object: `${object} (${property})`, source: monolith, target: service, sql: domainRemedy(alter, property, mine, theirs) }),
  );
}

function domainRemedy(alter: string, property: string, mine: DomainType, theirs: DomainType): readonly string[] {
  if (property === 'nullable') return [`${alter} ${mine.nullable ? 'DROP' : 'SET'} NOT NULL`];
  if (property !== 'checks') return [];
  const unlike = (checks: DomainType['checks'], others: DomainType['checks']) => checks.filter(({ definition }) => !others.some((other) => other.definition === definition));
  return [
    ...unlike(theirs.checks, mine.checks).map(({ name }) => `${alter} DROP CONSTRAINT ${quoteIdentifier(name)}`),
    ...unlike(mine.checks, theirs.checks).map(({ name, definition }) => `${alter} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`),
  ];
}

/** Whether a column's type, as the server spells it, is this one or an array of it. */
export function isOfType(spelled: string, type: Named): boolean {
  const bare = spelled.replace(/\[\]$/, '');
  return bare === tableName(type.schema, type.name) || bare.replaceAll('"', '') === `${type.schema}.${type.name}`;
}
