import { splitTableName } from '../model/names.ts';
import type { DomainType, EnumType, Schema } from '../model/schema.ts';
import type { KindName } from './template/lib/kinds.ts';

/** What a column's SQL type means for the API. */
export interface ColumnType {
  readonly kind: KindName;
  readonly array: boolean;
  /** Of text: the most characters. */
  readonly maxLength?: number;
  /** Of an enum: its labels. */
  readonly labels?: readonly string[];
  /** Of an integer: the greatest value; the least is -greatest - 1. */
  readonly greatest?: number;
  /** Of a domain over it: whether the domain refuses null. */
  readonly refusesNull?: true;
}

const KINDS: Readonly<Record<string, KindName>> = {
  boolean: 'boolean',
  smallint: 'integer',
  integer: 'integer',
  bigint: 'bigint',
  numeric: 'numeric',
  decimal: 'numeric',
  real: 'float',
  'double precision': 'float',
  text: 'text',
  'character varying': 'text',
  character: 'text',
  bpchar: 'text',
  name: 'text',
  citext: 'text',
  uuid: 'uuid',
  bytea: 'bytes',
  date: 'date',
  'time without time zone': 'time',
  'time with time zone': 'time',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  interval: 'interval',
  json: 'json',
  jsonb: 'jsonb',
  inet: 'comparable',
  cidr: 'comparable',
  macaddr: 'comparable',
  macaddr8: 'comparable',
  money: 'comparable',
  bit: 'comparable',
  'bit varying': 'comparable',
  oid: 'comparable',
  pg_lsn: 'comparable',
  int4range: 'comparable',
  int8range: 'comparable',
  numrange: 'comparable',
  tsrange: 'comparable',
  tstzrange: 'comparable',
  daterange: 'comparable',
};

function namedType<T extends EnumType | DomainType>(types: readonly T[], spelled: string): T | undefined {
  if (!/^(?:"(?:[^"]|"")+"|[^\s."]+)(?:\.(?:"(?:[^"]|"")+"|[^\s."]+))?$/.test(spelled)) return undefined;
  const { schema, table } = splitTableName(spelled);
  const qualified = types.find((type) => type.name === table && type.schema === schema);
  return qualified ?? (spelled.includes('.') ? undefined : types.find((type) => type.name === table));
}

/** Reads a type as the server spells it: `character varying(80)`, `numeric(12,2)[]`, `shop.mood`. */
export function columnType(schema: Pick<Schema, 'enums' | 'domains'>, spelled: string): ColumnType {
  const array = spelled.endsWith('[]');
  const element = array ? spelled.replace(/(?:\[\])+$/, '') : spelled;

  const enumType = namedType(schema.enums, element);
  if (enumType) return { kind: 'enum', array, labels: enumType.labels };

  const domain = namedType(schema.domains, element);
  if (domain) {
    const base = columnType(schema, domain.baseType);
    // A domain over an array inside an array has no JSON form of its own.
    if (array && base.array) return { kind: 'opaque', array };
    return { ...base, array: array || base.array, ...(domain.nullable || array ? {} : { refusesNull: true }) };
  }

  const modifier = /\(([0-9]+)(?:,-?[0-9]+)?\)/.exec(element)?.[1];
  const name = element.replace(/\([^)]*\)/, '').trim();
  const bare = /^interval\b/.test(name) ? 'interval' : name.replace(/^.*\.(?=citext$)/, '');
  const kind = Object.hasOwn(KINDS, bare) ? (KINDS[bare] ?? 'opaque') : 'opaque';
  return {
    kind,
    array,
    ...(kind === 'text' && modifier !== undefined ? { maxLength: Number(modifier) } : {}),
    ...(bare === 'character' && modifier === undefined ? { maxLength: 1 } : {}),
    ...(kind === 'integer' ? { greatest: bare === 'smallint' ? 32_767 : 2_147_483_647 } : {}),
  };
}
