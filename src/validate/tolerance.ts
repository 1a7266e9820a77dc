import type { Bounds } from '../core/exact-decimal.ts';
import type { ComparisonForm } from '../ports/checksummer.ts';

export type { Bounds } from '../core/exact-decimal.ts';

/** How far values may be apart and still be equal; a number is the relative bound of floating-point columns. */
export type Tolerance = number | ToleranceRules;

export interface ToleranceRules {
  /** Of columns of floating-point numbers. */
  readonly floats?: Bounds;
  /** Of columns of decimals (`numeric`). Whole numbers have none. */
  readonly decimals?: Bounds;
  /** Of single columns, by the source's name; in place of the others. */
  readonly columns?: Readonly<Record<string, Bounds>>;
}

/** What holds for a table: its own rules, where they say nothing those of the run. */
export function tableTolerance(run: Tolerance | undefined, table: Tolerance | undefined): ToleranceRules {
  return { ...rulesOf(run), ...rulesOf(table) };
}

function rulesOf(tolerance: Tolerance | undefined): ToleranceRules {
  if (tolerance === undefined) return {};
  return typeof tolerance === 'number' ? { floats: { relative: tolerance } } : tolerance;
}

/** Which bounds hold for values of a form; undefined: none may. */
export function toleranceKind(form: ComparisonForm): 'floats' | 'decimals' | undefined {
  if (form === 'float' || form === 'digits') return 'floats';
  return form === 'decimal' || form === 'fixed' ? 'decimals' : undefined;
}

/** The bounds of a column; undefined: it has to be equal. */
export function columnTolerance(rules: ToleranceRules, column: string, form: ComparisonForm): Bounds | undefined {
  const own = rules.columns && Object.hasOwn(rules.columns, column) ? rules.columns[column] : undefined;
  const kind = toleranceKind(form);
  const bounds = kind && (own ?? rules[kind]);
  return bounds && (Number(bounds.absolute ?? 0) > 0 || Number(bounds.relative ?? 0) > 0) ? bounds : undefined;
}
