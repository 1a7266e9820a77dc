import type { Check, Column, DomainType, EnumType, Key, Sequence, StructuredType, Table } from '../../model/schema.ts';
import type { ProvisionMismatch } from '../../ports/provisioner.ts';
import { labelOf } from './statements.ts';

/*
 * What differs between an object of the monolith and the service's object of the same name, as far
 * as it could make a row of the one unacceptable to the other, or mean something else there.
 * Defaults, comments and plain indexes are the service's own affair once it has them.
 */

type Properties = Readonly<Record<string, string | undefined>>;

function differences(object: string, monolith: Properties, service: Properties): readonly ProvisionMismatch[] {
  return Object.keys(monolith).flatMap((property) => {
    const [here = 'none', there = 'none'] = [monolith[property], service[property]];
    return here === there ? [] : [{ object, property, monolith: here, service: there }];
  });
}

export function compareEnum(monolith: EnumType, service: EnumType): readonly ProvisionMismatch[] {
  const labels = (type: EnumType): string => JSON.stringify(type.labels);
  return differences(labelOf('type', monolith), { labels: labels(monolith) }, { labels: labels(service) });
}

export function compareDomain(monolith: DomainType, service: DomainType): readonly ProvisionMismatch[] {
  const properties = (domain: DomainType): Properties => ({
    'base type': domain.baseType,
    nullable: String(domain.nullable),
    checks: domain.checks
      .map((check) => check.definition)
      .sort()
      .join(' '),
  });
  return differences(labelOf('domain', monolith), properties(monolith), properties(service));
}

export function compareStructuredType(monolith: StructuredType, service: StructuredType): readonly ProvisionMismatch[] {
  const { definition } = monolith;
  return differences(labelOf('type', monolith), { definition }, { definition: service.definition });
}

/** Start and cache may differ: the service's block begins elsewhere. */
export function compareSequence(monolith: Sequence, service: Sequence): readonly ProvisionMismatch[] {
  const properties = ({ type, increment, max, cycle }: Sequence): Properties => ({ type, increment, max, cycle: String(cycle) });
  return differences(labelOf('sequence', monolith), properties(monolith), properties(service));
}

export function compareTable(monolith: Table, service: Table): readonly ProvisionMismatch[] {
  const properties = (table: Table): Properties => ({
    kind: table.kind,
    'partition key': table.partitionBy,
    'partition of': table.partitionOf && `${table.partitionOf.parent} ${table.partitionOf.bound}`,
    'primary key': table.primaryKey?.definition,
    unlogged: String(table.unlogged),
  });
  return [
    ...differences(`table ${monolith.name}`, properties(monolith), properties(service)),
    ...compareColumns(monolith, service),
    ...compareKeys(monolith, service),
    ...compareChecks('check', monolith, monolith.checks, service.checks),
    ...compareChecks('exclusion', monolith, monolith.exclusions ?? [], service.exclusions ?? []),
    ...compareIndexes(monolith, service),
  ];
}

function compareColumns(monolith: Table, service: Table): readonly ProvisionMismatch[] {
  const there = new Map(service.columns.map((column) => [column.name, column]));
  const label = (name: string): string => `column ${monolith.name}.${name}`;
  const properties = (column: Column): Properties => ({
    type: column.type,
    nullable: String(column.nullable),
    collation: column.collation,
    generated: column.generated,
    // Whether a partition has its parent's identity depends on the server's version.
    ...(monolith.kind !== 'partition' && { identity: column.identity }),
  });
  const known = monolith.columns.flatMap((column): readonly ProvisionMismatch[] => {
    const other = there.get(column.name);
    if (!other) return [{ object: label(column.name), property: 'presence', monolith: column.type, service: 'none' }];
    return differences(label(column.name), properties(column), properties(other));
  });
  const names = new Set(monolith.columns.map((column) => column.name));
  const demanding = service.columns.filter(
    ({ name, nullable, default: value, identity, generated }) =>
      !names.has(name) && !nullable && value === undefined && identity === undefined && generated === undefined,
  );
  const extra = demanding.map(({ name, type }) => ({
    object: label(name),
    property: 'presence',
    monolith: 'none',
    service: `${type} NOT NULL without a default`,
  }));
  return [...known, ...extra];
}

function compareKeys(monolith: Table, service: Table): readonly ProvisionMismatch[] {
  const object = (key: Key): string => `unique ${key.name} of ${monolith.name}`;
  const here = new Set(monolith.uniques.map((key) => key.name));
  return [
    ...monolith.uniques.flatMap((key) => {
      const other = service.uniques.find(({ name }) => name === key.name);
      return other ? differences(object(key), { definition: key.definition }, { definition: other.definition }) : [];
    }),
    // A unique key that only the service has would refuse rows which the monolith accepts.
    ...service.uniques
      .filter((key) => !here.has(key.name))
      .map((key) => ({ object: object(key), property: 'presence', monolith: 'none', service: key.definition })),
  ];
}

function compareChecks(kind: string, table: Table, monolith: readonly Check[], service: readonly Check[]): readonly ProvisionMismatch[] {
  const object = (check: Check): string => `${kind} ${check.name} of ${table.name}`;
  const here = new Set(monolith.map((check) => check.name));
  return [
    ...monolith.flatMap((check) => {
      const other = service.find(({ name }) => name === check.name);
      return other ? differences(object(check), { definition: check.definition }, { definition: other.definition }) : [];
    }),
    ...service
      .filter((check) => !here.has(check.name))
      .map((check) => ({ object: object(check), property: 'presence', monolith: 'none', service: check.definition })),
  ];
}

function compareIndexes(monolith: Table, service: Table): readonly ProvisionMismatch[] {
  const object = (name: string): string => `index ${name} of ${monolith.name}`;
  const here = new Map(monolith.indexes.map((index) => [index.name, index]));
  return service.indexes
    .filter((index) => index.unique)
    .flatMap((index) =>
      differences(
        object(index.name),
        { definition: here.get(index.name)?.definition },
        { definition: index.definition },
      ),
    );
}
