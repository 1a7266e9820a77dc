import type { Node, TypeName } from 'libpg-query';
import { tableName } from '../../model/names.ts';
import { strings } from './syntax-tree.ts';

const SPELLING: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  bpchar: 'character',
  varchar: 'character varying',
  varbit: 'bit varying',
  decimal: 'numeric',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  time: 'time without time zone',
  timetz: 'time with time zone',
};

const SERIALS: Readonly<Record<string, string>> = {
  smallserial: 'smallint',
  serial2: 'smallint',
  serial: 'integer',
  serial4: 'integer',
  bigserial: 'bigint',
  serial8: 'bigint',
};

/** A column's type as the server would spell it, and whether it was one of the serial shorthands. */
export interface TypeText {
  readonly text: string;
  readonly serial: boolean;
}

export function typeText(type: TypeName | undefined): TypeText {
  const parts = strings(type?.names);
  const name = parts.at(-1) ?? 'unknown';
  const schema = parts.at(-2);
  const base = SERIALS[name];
  if (base !== undefined && schema === undefined) return { text: base, serial: true };
  const builtIn = schema === undefined || schema === 'pg_catalog' || schema === 'public';
  const spelled = builtIn ? (SPELLING[name] ?? name) : tableName(schema, name);
  const modified = withModifiers(spelled, name, type?.typmods);
  return { text: modified + '[]'.repeat((type?.arrayBounds?.length ?? 0) > 0 ? 1 : 0), serial: false };
}

function withModifiers(spelled: string, name: string, nodes: readonly Node[] | undefined): string {
  const modifiers = (nodes ?? []).flatMap(constantText);
  // The grammar writes INTERVAL's fields as a bit mask and bpchar without a length as bpchar(1).
  if (modifiers.length === 0 || name === 'interval') return spelled;
  const list = `(${modifiers.join(',')})`;
  const zone = / with(?:out)? time zone$/.exec(spelled);
  return zone ? spelled.slice(0, zone.index) + list + zone[0] : spelled + list;
}

function constantText(node: Node): string[] {
  if (!('A_Const' in node)) return 'ColumnRef' in node ? strings(node.ColumnRef.fields) : [];
  const constant = node.A_Const;
  if (constant.ival) return [String(constant.ival.ival ?? 0)];
  if (constant.fval) return [constant.fval.fval ?? '0'];
  return constant.sval ? [`'${constant.sval.sval ?? ''}'`] : [];
}
