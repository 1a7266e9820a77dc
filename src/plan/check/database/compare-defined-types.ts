import { quoteIdentifier, quoteLiteral, quoteTable, tableName } from '../../../model/names.ts';
import type { Column, DomainType, EnumType, Schema, StructuredType } from '../../../model/schema.ts';
import { isMadeAs, isText } from './conditions.ts';
import { PHASES, qualified, type Pair, type Step } from './differences.ts';
import { canonical, guarded, hasType, waiting } from './sql-text.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

interface RebuiltTypes {
  /** Types that are made anew on the way there or back, as columns spell them. */
  readonly rebuilt: ReadonlySet<string>;
  /** Those of them that are made anew on the way there. */
  readonly remade: ReadonlySet<string>;
}

/** Enums, domains, composite and range types. */
export function compareDefinedTypes(pair: Omit<Pair, 'remade' | 'rebuilt' | 'original'>): RebuiltTypes {
  const rebuilt = new Set<string>();
  const remade = new Set<string>();
  const each = <T extends Named>(kind: 'enum' | 'domain' | 'type', old: readonly T[], fresh: readonly T[], make: (type: T) => string, change: (before: T, after: T) => Rebuilding): void => {
    for (const type of old) {
      const other = fresh.find(({ schema, name }) => schema === type.schema && name === type.name);
      if (!other) removed(pair, kind, type, make(type));
      else {
        const when = change(type, other);
        if (when !== 'never') rebuilt.add(tableName(type.schema, type.name));
        if (when === 'both') remade.add(tableName(type.schema, type.name));
      }
    }
    for (const type of fresh) if (!old.some(({ schema, name }) => schema === type.schema && name === type.name)) added(pair, kind, type, make(type));
  };
  const { before, after } = pair;
  each('enum', before.enums, after.enums, createEnum, (old, fresh) => compareEnum(pair, old, fresh));
  each('domain', before.domains, after.domains, createDomain, (old, fresh) => compareDomain(pair, old, fresh));
  each('type', before.structuredTypes ?? [], after.structuredTypes ?? [], createStructured, (old, fresh) => compareStructured(pair, old, fresh));
  return { rebuilt, remade };
}

/** When a type is made anew. */
type Rebuilding = 'never' | 'back' | 'both';

type TypesPair = Omit<Pair, 'remade' | 'rebuilt' | 'original'>;

const shown = ({ schema, name }: Named): string => (schema === 'public' ? name : `${schema}.${name}`);
const pathOf = (kind: string, type: Named): string => `${kind}s.${shown(type)}`;

const createEnum = (type: EnumType): string => `CREATE TYPE ${qualified(type.schema, type.name)} AS ENUM (${type.labels.map(quoteLiteral).join(', ')})`;

function createDomain(type: DomainType): string {
  const checks = type.checks.map((check) => ` CONSTRAINT ${quoteIdentifier(check.name)} ${check.definition.replace(/\s+NOT VALID$/i, '')}`).join('');
  return `CREATE DOMAIN ${qualified(type.schema, type.name)} AS ${type.baseType}${type.default === undefined ? '' : ` DEFAULT ${type.default}`}${type.nullable ? '' : ' NOT NULL'}${checks}`;
}

const createStructured = (type: StructuredType): string => `CREATE TYPE ${qualified(type.schema, type.name)} ${type.definition}`;

const dropOf = (kind: string, type: Named): string => `DROP ${kind === 'domain' ? 'DOMAIN' : 'TYPE'} IF EXISTS ${qualified(type.schema, type.name)}`;

function added({ differences }: TypesPair, kind: string, type: Named, make: string): void {
  differences.find(`${kind}-added`, { field_path: pathOf(kind, type), new_value: make, description: `The ${kind} ${shown(type)} is new.` });
  differences.step({ phase: PHASES.type, about: [shown(type)], description: `Create ${kind} ${shown(type)}`, forward: guarded(`NOT ${hasType(type.schema, type.name)}`, make), back: waiting(dropOf(kind, type)), holds: hasType(type.schema, type.name) });
}

function removed({ differences }: TypesPair, kind: string, type: Named, make: string): void {
  differences.find(`${kind}-removed`, { field_path: pathOf(kind, type), old_value: make, description: `The ${kind} ${shown(type)} is gone.` });
  differences.step({ phase: PHASES.dropType, about: [shown(type)], description: `Drop ${kind} ${shown(type)}`, forward: waiting(dropOf(kind, type)), back: guarded(`NOT ${hasType(type.schema, type.name)}`, make), holds: `NOT (${hasType(type.schema, type.name)})` });
}

/** Labels of the type now, as the database has them. */
function labelsAre(type: EnumType, labels: readonly string[]): string {
  return `(SELECT array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = to_regtype(${quoteLiteral(qualified(type.schema, type.name))})) = ARRAY[${labels.map(quoteLiteral).join(', ')}]::text[]`;
}

function compareEnum(pair: TypesPair, old: EnumType, fresh: EnumType): Rebuilding {
  const gone = old.labels.filter((label) => !fresh.labels.includes(label));
  const come = fresh.labels.filter((label) => !old.labels.includes(label));
  const kept = fresh.labels.filter((label) => old.labels.includes(label));
  const moved = gone.length === 0 && kept.join('\0') !== old.labels.join('\0');
  const common = { field_path: pathOf('enum', fresh), old_value: old.labels, new_value: fresh.labels, affected_operations: ['SELECT', 'INSERT', 'UPDATE'] };
  for (const label of gone) pair.differences.find('enum-value-removed', { ...common, description: `The enum ${shown(fresh)} has no ${quoteLiteral(label)} any more.` });
  for (const label of come) pair.differences.find('enum-value-added', { ...common, description: `The enum ${shown(fresh)} has ${quoteLiteral(label)} now.` });
  if (moved) pair.differences.find('enum-order-changed', { ...common, description: `The labels of enum ${shown(fresh)} are in another order.` });
  if (gone.length === 0 && come.length === 0 && !moved) return 'never';
  const { enum: back, forward } = {
    forward: gone.length > 0 || moved ? undefined : come.map((label) => addLabel(fresh, label, kept)),
    enum: rebuild(pair, fresh, { kind: 'enum', make: createEnum(old), reached: labelsAre(fresh, old.labels), to: 'before' }),
  };
  const title = `the labels of enum ${shown(fresh)}`;
  const holds = labelsAre(fresh, fresh.labels);
  if (forward) {
    // The way back makes the type anew: what stands in its way is taken away and put back around it.
    pair.differences.step({ phase: PHASES.type, about: [shown(fresh)], description: `Add to ${title}`, forward: forward.join('\n'), back, holds, loses: `nothing, but the way back is refused while a row has ${come.map(quoteLiteral).join(' or ')}` });
  } else {
    pair.differences.step({ phase: PHASES.type, about: [shown(fresh)], description: `Change ${title}`, forward: rebuild(pair, fresh, { kind: 'enum', make: createEnum(fresh), reached: holds, to: 'after' }), back, holds });
  }
  return forward ? 'back' : 'both';
}

function addLabel(type: EnumType, label: string, kept: readonly string[]): string {
  const at = type.labels.indexOf(label);
  const before = type.labels[at - 1];
  const after = type.labels.slice(at).find((each) => kept.includes(each));
  const place = before !== undefined ? ` AFTER ${quoteLiteral(before)}` : after === undefined ? '' : ` BEFORE ${quoteLiteral(after)}`;
  return `ALTER TYPE ${qualified(type.schema, type.name)} ADD VALUE IF NOT EXISTS ${quoteLiteral(label)}${place};`;
}

/** Whether a type that is made anew is as the schema has it. */
export function typeReached({ enums, domains, structuredTypes = [] }: Schema, type: string): string {
  const isIt = (each: Named): boolean => tableName(each.schema, each.name) === type;
  const [label, domain, structured] = [enums.find(isIt), domains.find(isIt), structuredTypes.find(isIt)];
  return `coalesce(${label ? labelsAre(label, label.labels) : domain ? hasBase(domain) : structured ? isMadeAs(structured) : 'false'}, false)`;
}

function hasBase({ schema, name, baseType }: DomainType): string {
  return `(SELECT format_type(typbasetype, typtypmod) FROM pg_type WHERE oid = to_regtype(${quoteLiteral(qualified(schema, name))})) = ${quoteLiteral(baseType)}`;
}

/** Makes a type anew under its name, with every column that was of it before. */
function rebuild({ before, after }: TypesPair, type: Named, { kind, make, reached, to }: { readonly kind: 'enum' | 'domain' | 'type'; readonly make: string; readonly reached: string; readonly to: 'before' | 'after' }): string {
  const former = `${type.name}_before`;
  const spelled = tableName(type.schema, type.name);
  const isOf = (column: Column): boolean => column.type.replace(/(\[\])+$/, '') === spelled && column.generated === undefined;
  const alters = before.tables.filter(({ partitionOf }) => !partitionOf).flatMap((table) => table.columns.filter(isOf).map((column) => {
    const name = quoteIdentifier(column.name);
    const array = column.type.endsWith('[]');
    const text = kind === 'domain' ? name : `${name}::text${array ? '[]' : ''}`;
    const alter = `ALTER COLUMN ${name}`;
    const value = to === 'before' ? column.default : defaultAfter(after, table.name, column);
    return `ALTER TABLE ${quoteTable(table.name)} ${alter} DROP DEFAULT, ${alter} TYPE ${column.type} USING ${text}::${column.type}${value === undefined ? '' : `, ${alter} SET DEFAULT ${value}`}`;
  }));
  const word = kind === 'domain' ? 'DOMAIN' : 'TYPE';
  return waiting(guarded(`NOT coalesce(${reached}, false)`, `ALTER ${word} ${qualified(type.schema, type.name)} RENAME TO ${quoteIdentifier(former)}`, make, ...alters, `DROP ${word} ${qualified(type.schema, former)}`));
}

/** The default with the new type, where the column stays of it; else the step of the column's own type sets it. */
function defaultAfter(after: Schema, table: string, column: Column): string | undefined {
  const fresh = after.tables.find(({ name }) => name === table)?.columns.find(({ name }) => name === column.name);
  return fresh?.type === column.type ? fresh.default : undefined;
}

function compareDomain(pair: TypesPair, old: DomainType, fresh: DomainType): Rebuilding {
  const name = qualified(fresh.schema, fresh.name);
  const texts = ({ checks }: DomainType): string[] => checks.map((check) => canonical(check.definition)).toSorted();
  const tighter = (old.nullable && !fresh.nullable) || texts(fresh).some((text) => !texts(old).includes(text));
  const looser = (!old.nullable && fresh.nullable) || texts(old).some((text) => !texts(fresh).includes(text));
  const another = canonical(old.default ?? '') !== canonical(fresh.default ?? '');
  const based = old.baseType !== fresh.baseType;
  if (!tighter && !looser && !another && !based && old.checks.map((check) => check.name).join('\0') === fresh.checks.map((check) => check.name).join('\0')) return 'never';
  pair.differences.find(based ? 'domain-type-changed' : tighter ? 'domain-restricted' : looser ? 'domain-relaxed' : 'domain-modified', {
    field_path: pathOf('domain', fresh), old_value: createDomain(old), new_value: createDomain(fresh), affected_operations: ['INSERT', 'UPDATE', 'SELECT'],
    description: `The domain ${shown(fresh)} was ${createDomain(old).replace(/^CREATE DOMAIN \S+ AS /, '')}, and is ${createDomain(fresh).replace(/^CREATE DOMAIN \S+ AS /, '')}.`,
  });
  if (based) {
    const kind = 'domain';
    pair.differences.step({ phase: PHASES.type, about: [shown(fresh)], description: `Make domain ${shown(fresh)} anew`, forward: rebuild(pair, fresh, { kind, make: createDomain(fresh), reached: hasBase(fresh), to: 'after' }), back: rebuild(pair, old, { kind, make: createDomain(old), reached: hasBase(old), to: 'before' }), holds: hasBase(fresh) });
    return 'both';
  }
  const domain = `to_regtype(${quoteLiteral(name)})`;
  const is = (what: string): string => `EXISTS (SELECT FROM pg_type WHERE oid = ${domain} AND ${what})`;
  const toTheLetter = ({ checks }: DomainType, check: string): string => checks.filter((each) => each.name === check).map(({ definition }) => ` AND pg_get_constraintdef(oid) <> ${quoteLiteral(definition)}`).join('');
  const alter = (from: DomainType, to: DomainType): string => waiting(
    ...from.checks.filter((check) => !same(check, to)).map((check) => guarded(`EXISTS (SELECT FROM pg_constraint WHERE contypid = ${domain} AND conname = ${quoteLiteral(check.name)}${toTheLetter(to, check.name)})`, `ALTER DOMAIN ${name} DROP CONSTRAINT ${quoteIdentifier(check.name)}`)),
    guarded(is(`typdefault IS DISTINCT FROM ${to.default === undefined ? 'NULL' : quoteLiteral(to.default)}`), `ALTER DOMAIN ${name} ${to.default === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${to.default}`}`),
    guarded(is(`typnotnull = ${to.nullable}`), `ALTER DOMAIN ${name} ${to.nullable ? 'DROP' : 'SET'} NOT NULL`),
    ...to.checks.filter((check) => !same(check, from)).map((check) => guarded(`NOT EXISTS (SELECT FROM pg_constraint WHERE contypid = ${domain} AND conname = ${quoteLiteral(check.name)})`, `ALTER DOMAIN ${name} ADD CONSTRAINT ${quoteIdentifier(check.name)} ${check.definition}`)),
  );
  pair.differences.step({ phase: PHASES.type, about: [shown(fresh)], description: `Alter domain ${shown(fresh)}`, forward: alter(old, fresh), back: alter(fresh, old), holds: isDomain(old, fresh) } satisfies Step);
  return 'never';
}

/** Whether the domain is as `fresh` says, after it was as `old` says. */
function isDomain(old: DomainType, fresh: DomainType): string {
  const domain = `to_regtype(${quoteLiteral(qualified(fresh.schema, fresh.name))})`;
  const check = (name: string): string => `(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid = ${domain} AND conname = ${quoteLiteral(name)})`;
  const gone = old.checks.filter(({ name }) => !fresh.checks.some((each) => each.name === name));
  const conditions = [`t.typnotnull = ${!fresh.nullable}`, isText('t.typdefault', fresh.default), ...fresh.checks.map(({ name, definition }) => isText(check(name), definition)), ...gone.map(({ name }) => `${check(name)} IS NULL`)];
  return `EXISTS (SELECT FROM pg_type t WHERE t.oid = ${domain} AND ${conditions.join(' AND ')})`;
}

function same(check: DomainType['checks'][number], { checks }: DomainType): boolean {
  return checks.some((other) => other.name === check.name && canonical(other.definition) === canonical(check.definition));
}

function compareStructured(pair: TypesPair, old: StructuredType, fresh: StructuredType): Rebuilding {
  if (canonical(old.definition) === canonical(fresh.definition)) return 'never';
  pair.differences.find('composite-type-changed', {
    field_path: pathOf('type', fresh), old_value: old.definition, new_value: fresh.definition, affected_operations: ['SELECT', 'INSERT', 'UPDATE'], description: `The type ${shown(fresh)} was ${old.definition}, and is ${fresh.definition}.`,
  });
  const step = (type: StructuredType, to: 'before' | 'after'): string => rebuild(pair, type, { kind: 'type', make: createStructured(type), reached: isMadeAs(type), to });
  pair.differences.step({ phase: PHASES.type, about: [shown(fresh)], description: `Make type ${shown(fresh)} anew`, forward: step(fresh, 'after'), back: step(old, 'before'), holds: isMadeAs(fresh) });
  return 'both';
}
