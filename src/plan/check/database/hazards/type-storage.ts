import { parseSync, type Node, type TypeName } from 'libpg-query';

/** A type as the grammar reads it, so that all its spellings are one. */
export interface TypeShape {
  /** The server's own name: `int4`, `varchar`, `shop.mood`. */
  readonly name: string;
  readonly sizes: readonly number[];
  readonly array: boolean;
}

export function typeShape({ names = [], typmods = [], arrayBounds = [] }: TypeName): TypeShape {
  const parts = names.flatMap((node) => ('String' in node ? [node.String.sval ?? ''] : [])).filter((part) => part !== 'pg_catalog' && part !== 'public');
  const name = parts.join('.');
  // Only in its length is a `character` without one a `character(1)`.
  return { name: name === 'decimal' ? 'numeric' : name, sizes: typmods.flatMap(sizeOf), array: arrayBounds.length > 0 };
}

/** A type as the server prints it; undefined if it is none. The grammar must be loaded. */
export function readType(text: string): TypeShape | undefined {
  try {
    const statement = parseSync(`SELECT NULL::${text}`).stmts?.[0]?.stmt;
    const target = statement && 'SelectStmt' in statement ? statement.SelectStmt.targetList?.[0] : undefined;
    const value = target && 'ResTarget' in target ? target.ResTarget.val : undefined;
    return value && 'TypeCast' in value && value.TypeCast.typeName ? typeShape(value.TypeCast.typeName) : undefined;
  } catch {
    return undefined;
  }
}

function sizeOf(node: Node): number[] {
  return 'A_Const' in node && node.A_Const.ival ? [node.A_Const.ival.ival ?? 0] : [];
}

/** What a change of type does to the stored values. `refusing`: it may find one that the new type does not hold. */
export type StorageChange = 'kept' | 'timestamptz' | 'rewritten' | 'refusing';

const TEXTS: ReadonlySet<string> = new Set(['varchar', 'text', 'citext']);
/** Those that the server turns into each other without looking, besides texts. */
const ALIKE: ReadonlySet<string> = new Set(['cidr inet', 'xml text', 'int4 oid', 'oid int4']);
const TIMES: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz']);
/** Each holds those before it. */
const NUMBERS = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8'];

/** What the server does when a column of type `from` becomes one of type `to`, with the cast between them. Pure. */
export function storageChange(from: TypeShape, to: TypeShape): StorageChange {
  if (from.array !== to.array) return 'refusing';
  if (from.name === to.name) {
    if (from.sizes.join() === to.sizes.join() || to.sizes.length === 0) return from.name === 'bpchar' ? (from.sizes.join() === to.sizes.join() ? 'kept' : 'refusing') : 'kept';
    if (!from.array && isWider(from, to)) return 'kept';
    return holdsAll(from, to) ? 'rewritten' : 'refusing';
  }
  // The elements of arrays are cast one by one, even where nothing changes in them.
  if (!from.array && ((TEXTS.has(from.name) && TEXTS.has(to.name) && (to.sizes.length === 0 || isWider({ ...from, name: 'varchar' }, { ...to, name: 'varchar' }))) || ALIKE.has(`${from.name} ${to.name}`))) return 'kept';
  if (from.name.startsWith('timestamp') && to.name.startsWith('timestamp')) return sameSizes(from, to) ? 'timestamptz' : 'rewritten';
  return holdsAll(from, to) ? 'rewritten' : 'refusing';
}

const sameSizes = (from: TypeShape, to: TypeShape): boolean => (to.sizes[0] ?? 6) >= (from.sizes[0] ?? 6);

/** Of one type: whether every value stays as it is stored. */
function isWider(from: TypeShape, to: TypeShape): boolean {
  const [size, wanted] = [from.sizes[0], to.sizes[0] ?? 0];
  switch (from.name) {
    case 'varchar':
    case 'varbit':
      return size !== undefined && wanted >= size;
    case 'numeric':
      return size !== undefined && wanted >= size && (from.sizes[1] ?? 0) === (to.sizes[1] ?? 0);
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
      return wanted >= (size ?? 6);
    default:
      return false;
  }
}

/** Whether the cast refuses no value, though it may round it. */
function holdsAll(from: TypeShape, to: TypeShape): boolean {
  if (from.name === to.name && from.name === 'numeric') {
    const [digits, scale = 0] = from.sizes;
    const [wanted = 0, wantedScale = 0] = to.sizes;
    return digits !== undefined && wantedScale >= scale && wanted - wantedScale >= digits - scale;
  }
  if (from.name === to.name && /^(time|interval)/.test(from.name)) return true;
  if (from.name === to.name && from.array && (from.name === 'varchar' || from.name === 'varbit')) return isWider(from, to);
  if (to.name === 'text' || (to.name === 'varchar' && to.sizes.length === 0)) return true;
  if (TIMES.has(from.name) && TIMES.has(to.name)) return true;
  const [at, wanted] = [NUMBERS.indexOf(from.name), NUMBERS.indexOf(to.name)];
  if (at >= 0 && wanted > at && to.sizes.length === 0) return from.name !== 'numeric';
  return (from.name === 'jsonb' && to.name === 'json') || (from.name === 'bool' && to.name === 'int4');
}
