import { quoteIdentifier, quoteLiteral, quoteTable } from '../../../model/names.ts';
import type { Column } from '../../../model/schema.ts';
import { holdsValuesOf } from '../../../model/wider-type.ts';
import { hasCollation } from './conditions.ts';
import { displayName, PHASES, type Pair, type TablePair } from './differences.ts';
import { canonical, guarded, hasColumn, waiting } from './sql-text.ts';

type Kind = 'same' | 'widened' | 'rewritten' | 'shortened' | 'risky' | 'incompatible';

interface TypeChange {
  readonly kind: Kind;
  /** Values are cast, and what stands on the column is taken away for a while: the server does not turn them by itself. */
  readonly casts: boolean;
  /** The default is dropped before and set after, since the server may not know how to turn it. */
  readonly takesDefault: boolean;
}

const NUMBERS = /^(smallint|integer|bigint|numeric|real|double precision)\b/;
const TEXTS = /^(character varying|character|text|public\.citext|citext)\b/;
const TIMES = /^(date|timestamp)\b/;

/** How much a change of type hurts. Pure. */
export function typeChange(old: Column, fresh: Column): TypeChange {
  const kind = kindOf(old.type, fresh.type);
  const casts = kind === 'risky' || kind === 'incompatible';
  return { kind, casts, takesDefault: kind !== 'same' && (casts || old.default !== fresh.default) };
}

function kindOf(old: string, fresh: string): Kind {
  if (old === fresh) return 'same';
  const [from, to] = [old.replace(/(\[\])+$/, ''), fresh.replace(/(\[\])+$/, '')];
  if (old.endsWith('[]') !== fresh.endsWith('[]')) return 'incompatible';
  if (holdsValuesOf(fresh, old)) return TEXTS.test(from) || (from.startsWith('numeric') && to.startsWith('numeric')) ? 'widened' : 'rewritten';
  if (isWiderTime(from, to)) return 'widened';
  if (TEXTS.test(from) && TEXTS.test(to)) return sizeOf(to) === undefined ? 'rewritten' : 'shortened';
  if (from.startsWith('numeric') && to.startsWith('numeric')) return isWiderNumeric(from, to) ? 'rewritten' : 'shortened';
  if (from.startsWith('bit varying') && to.startsWith('bit varying')) return (sizeOf(to) ?? Infinity) >= (sizeOf(from) ?? Infinity) ? 'widened' : 'shortened';
  if (from.startsWith('timestamp') && to.startsWith('timestamp')) return from.endsWith('with time zone') === to.endsWith('with time zone') ? 'shortened' : 'risky';
  if ((NUMBERS.test(from) && NUMBERS.test(to)) || (TIMES.test(from) && TIMES.test(to)) || to === 'text' || TEXTS.test(to) || /^jsonb?$/.test(from) && /^jsonb?$/.test(to)) return 'risky';
  return 'incompatible';
}

function sizeOf(type: string): number | undefined {
  const size = /\((\d+)/.exec(type)?.[1];
  return size === undefined ? undefined : Number(size);
}

function isWiderTime(from: string, to: string): boolean {
  const bare = (type: string): string => type.replace(/\(\d+\)/, '');
  return /^(timestamp|time)\b/.test(from) && bare(from) === bare(to) && (sizeOf(to) ?? 6) >= (sizeOf(from) ?? 6);
}

/** Also where the scale grows, with as many digits before the point. */
function isWiderNumeric(from: string, to: string): boolean {
  const parts = (type: string): readonly number[] => (/\((\d+)(?:,(-?\d+))?\)/.exec(type)?.slice(1) ?? []).map((part) => Number(part ?? 0));
  const [[digits, scale = 0], [toDigits, toScale = 0]] = [parts(from), parts(to)];
  return digits !== undefined && toDigits !== undefined && toScale >= scale && toDigits - toScale >= digits - scale;
}

/** The cast that the server knows; else by way of text, which every type can be written as. */
export function castOf(column: string, from: string, to: string): string {
  const base = (type: string): string => type.replace(/(\[\])+$/, '');
  const direct = base(from) === base(to) || (from === 'money' && to.startsWith('numeric')) || (NUMBERS.test(from) && NUMBERS.test(to)) || (TIMES.test(from) && TIMES.test(to)) || TEXTS.test(to)
    || (from === 'boolean' && to === 'integer') || (from === 'integer' && to === 'boolean') || (/^jsonb?$/.test(from) && /^jsonb?$/.test(to));
  if (from.endsWith('[]') && !to.endsWith('[]')) return /^(text|character varying)/.test(to) ? `${column}::${to}` : `(${column})[1]::text::${to}`;
  if (!from.endsWith('[]') && to.endsWith('[]')) return `ARRAY[${column}]::text[]::${to}`;
  if (from.endsWith('[]') && !direct) return `${column}::text[]::${to}`;
  return direct ? `${column}::${to}` : `${column}::text::${to}`;
}

const FLOATS = /^(real|double precision)$/;
const RANKS = ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'];

/** The rule of the catalogue that a change of type falls under. */
function ruleOf(kind: Kind, old: string, fresh: string): string {
  const [from, to] = [old.replace(/(\[\])+$/, ''), fresh.replace(/(\[\])+$/, '')];
  if (kind === 'same') return 'collation-changed';
  if (kind === 'widened') return 'type-widened';
  if (kind === 'rewritten') return 'type-rewritten';
  if (kind === 'shortened') return /^(numeric|time)/.test(from) ? 'precision-reduction' : 'length-reduction';
  if (kind === 'incompatible') return old.endsWith('[]') === fresh.endsWith('[]') ? 'incompatible-type-change' : 'array-changed';
  if (NUMBERS.test(from) && NUMBERS.test(to)) {
    const rank = (type: string): number => RANKS.findIndex((name) => type.startsWith(name));
    if (FLOATS.test(to) && !FLOATS.test(from)) return 'number-made-inexact';
    return rank(to) < rank(from) ? 'number-narrowed' : 'risky-type-change';
  }
  if (TIMES.test(from) && to === 'date') return 'time-of-day-removed';
  if (TIMES.test(from) && TIMES.test(to) && from !== 'date') return to.endsWith('with time zone') ? 'time-zone-added' : 'time-zone-removed';
  return /^jsonb?$/.test(from) && /^jsonb?$/.test(to) ? 'json-type-changed' : 'risky-type-change';
}

/** The types of one column. */
export function compareTypes({ pair, tables, old, fresh, path }: { readonly pair: Pair; readonly tables: TablePair; readonly old: Column; readonly fresh: Column; readonly path: string }): void {
  const { name } = tables.fresh;
  const title = `${displayName(name)}.${fresh.name}`;
  const { kind, casts, takesDefault } = typeChange(old, fresh);
  const shown = ({ type, collation }: Column): string => `${type}${collation === undefined ? '' : ` COLLATE ${collation}`}`;
  pair.differences.find(ruleOf(kind, old.type, fresh.type), kind === 'same' ? {
    field_path: path, old_value: old.collation ?? 'default', new_value: fresh.collation ?? 'default', affected_operations: ['SELECT'],
    description: `The collation of ${title} was ${old.collation ?? 'the default'}, and is ${fresh.collation ?? 'the default'}.`,
  } : { field_path: path, old_value: shown(old), new_value: shown(fresh), affected_operations: ['SELECT', 'INSERT', 'UPDATE'], description: `Column ${title} was ${shown(old)}, and is ${shown(fresh)}.` });
  if (fresh.generated !== undefined) return;
  const column = quoteIdentifier(fresh.name);
  const change = (from: Column, to: Column): string => {
    const alter = `ALTER COLUMN ${column}`;
    const collation = to.collation === undefined ? (from.collation === undefined ? '' : ' COLLATE pg_catalog."default"') : ` COLLATE ${to.collation}`;
    // Of a shorter type, without USING: what does not fit is refused, and not cut.
    const using = casts ? ` USING ${castOf(column, from.type, to.type)}` : '';
    const parts = [
      ...(takesDefault && from.default !== undefined ? [`${alter} DROP DEFAULT`] : []),
      `${alter} TYPE ${to.type}${TEXTS.test(to.type) || to.collation !== undefined ? collation : ''}${using}`,
      ...(takesDefault && to.default !== undefined ? [`${alter} SET DEFAULT ${to.default}`] : []),
    ];
    const statement = `ALTER TABLE ${quoteTable(name)} ${parts.join(', ')}`;
    const bare = to.type.replace(/^public\./, '');
    const spellings = [...new Set([to.type, bare])].map(quoteLiteral).join(', ');
    return waiting(kind === 'same' ? guarded(hasColumn(name, fresh.name, `NOT ${hasCollation(to.collation)}`), statement) : guarded(hasColumn(name, fresh.name, `format_type(a.atttypid, a.atttypmod) NOT IN (${spellings})`), statement));
  };
  const changesDefault = canonical(old.default ?? '') !== canonical(fresh.default ?? '');
  pair.differences.step({
    phase: PHASES.columnType, about: [name], description: `Change ${title} to ${shown(fresh)}${takesDefault && changesDefault ? ', with its default' : ''}`, forward: change(old, fresh), back: change(fresh, old),
    holds: hasColumn(name, fresh.name, `${old.collation === undefined && fresh.collation === undefined ? '' : `${hasCollation(fresh.collation)} AND `}format_type(a.atttypid, a.atttypmod) IN (${quoteLiteral(fresh.type)}, ${quoteLiteral(fresh.type.replace(/^public\./, ''))})`),
    ...(kind === 'widened' || kind === 'rewritten' ? { loses: `nothing, but the way back is refused while ${title} has a value that ${old.type} does not hold` } : kind === 'same' ? {} : { loses: `what ${fresh.type} does not hold of the values of ${title}` }),
  });
}
