import type { Reference } from '../../ports/applier.ts';
import { columnLiteral } from './array-literal.ts';
import type { Statement } from './statements.ts';
import { whereKey } from './statements.ts';
import type { TableShape } from './table-shape.ts';

interface LinkShape {
  readonly child: TableShape;
  readonly parent: TableShape;
  readonly reference: Reference;
}

/** The child's columns in the order of the parent's key. */
function pairsOf({ child, parent, reference }: LinkShape): readonly { readonly child: string; readonly parent: string; readonly type: string }[] {
  return parent.key.map((index) => {
    const column = reference.columns[reference.there.indexOf(parent.columns[index] ?? '')] ?? 0;
    return { child: child.sqlColumns[column] ?? '', parent: parent.sqlColumns[index] ?? '', type: parent.sqlTypes[index] ?? '' };
  });
}

/** Gives, as `k0`, … and `p0`, …, the keys of rows that refer to one of these keys of the parent, and which, where the parent has no such row. */
export function orphansOf(link: LinkShape, parents: readonly (readonly string[])[]): Statement {
  const { child, parent } = link;
  const pairs = pairsOf(link);
  const values = (i: number): string => `$${i + 1}::text[]::${pairs[i]?.type}[]`;
  const names = pairs.map((_, i) => `p${i}`);
  // The first column finds them in one scan, or in none where there is an index: foreign keys often have none.
  const oneOf = `c.${pairs[0]?.child} = ANY (${values(0)})`;
  const all = pairs.length === 1 ? '' : ` AND EXISTS (SELECT FROM unnest(${pairs.map((_, i) => values(i)).join(', ')}) AS u(${names.join(', ')}) WHERE ${pairs.map((pair, i) => `c.${pair.child} = u.p${i}`).join(' AND ')})`;
  return {
    text:
      `SELECT ${[
        ...child.key.map((index, i) => `c.${child.sqlColumns[index]}::text AS k${i}`),
        ...pairs.map((pair, i) => `c.${pair.child}::${pair.type}::text AS p${i}`),
      ].join(', ')} FROM ${child.sqlName} AS c WHERE ${oneOf}${all} ` +
      `AND NOT EXISTS (SELECT FROM ${parent.sqlName} AS t WHERE ${pairs.map((pair) => `t.${pair.parent} = c.${pair.child}`).join(' AND ')})`,
    values: pairs.map((_, i) => columnLiteral(parents, i)),
  };
}

/** Keeps a row's parent from being deleted, if there is one. As the server's own check it waits for whoever is deleting it. */
export function holdParent(link: LinkShape, key: readonly string[]): Statement {
  const pairs = pairsOf(link);
  const { child, parent } = link;
  return {
    text:
      `SELECT 1 FROM ${parent.sqlName} AS p WHERE EXISTS (SELECT FROM ${child.sqlName} AS t WHERE ${whereKey(child)} ` +
      `AND ${pairs.map((pair) => `p.${pair.parent} = t.${pair.child}`).join(' AND ')}) FOR KEY SHARE`,
    values: key,
  };
}

/** Gives the row if it refers to none that is there. */
export function parentlessRow(link: LinkShape, key: readonly string[]): Statement {
  const pairs = pairsOf(link);
  const { child, parent } = link;
  return {
    text:
      `SELECT 1 FROM ${child.sqlName} AS t WHERE ${whereKey(child)} AND ${pairs.map((pair) => `t.${pair.child} IS NOT NULL`).join(' AND ')} ` +
      `AND NOT EXISTS (SELECT FROM ${parent.sqlName} AS p WHERE ${pairs.map((pair) => `p.${pair.parent} = t.${pair.child}`).join(' AND ')})`,
    values: key,
  };
}
