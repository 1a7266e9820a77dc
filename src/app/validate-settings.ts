import type { Config } from '../config/config.ts';
import { parseTableName } from '../model/names.ts';
import type { TableToValidate } from '../validate/pair.ts';
import type { Bounds, Tolerance } from '../validate/tolerance.ts';
import type { ValidateOptions } from './application.ts';

type ValidateConfig = Config['validate'];
type TableSettings = ValidateConfig['tables'][string];
type FileTolerance = ValidateConfig['tolerance'] | NonNullable<TableSettings['tolerance']>;

/** A table with what `validate.tables` says of it; what was typed for this run goes first. */
export function asConfigured(table: TableToValidate, config: ValidateConfig, typed: Pick<ValidateOptions, 'level' | 'exact' | 'where'>): TableToValidate {
  const name = parseTableName(table.table);
  const settings = Object.entries(config.tables).find(([key]) => parseTableName(key) === name)?.[1] ?? {};
  const { level, exclude, exact, tolerance, sampleRows } = settings;
  // What is synchronised, and of that what is compared; a condition that was typed takes the place of the second.
  const { where, serviceWhere = where } = typed.where === undefined ? settings : { where: typed.where };
  return {
    ...table,
    ...(level === undefined || typed.level !== undefined ? {} : { level }),
    ...(exact === undefined || typed.exact !== undefined ? {} : { exact }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(tolerance === undefined ? {} : { tolerance: toleranceOf(tolerance) }),
    ...(sampleRows === undefined ? {} : { sampleRows }),
    ...(where === undefined ? {} : { where: both(table.where, where), targetWhere: both(table.targetWhere, serviceWhere ?? where) }),
  };
}

function both(first: string | undefined, second: string): string {
  return first === undefined ? second : `(${first}\n) AND (${second}\n)`;
}

/** As the library takes it: absent bounds are left out. */
export function toleranceOf(given: FileTolerance): Tolerance {
  if (typeof given === 'number') return given;
  const columns = 'columns' in given ? given.columns : undefined;
  return {
    ...(given.floats === undefined ? {} : { floats: boundsOf(given.floats) }),
    ...(given.decimals === undefined ? {} : { decimals: boundsOf(given.decimals) }),
    ...(columns === undefined ? {} : { columns: Object.fromEntries(Object.entries(columns).map(([name, bounds]) => [name, boundsOf(bounds)])) }),
  };
}

export function boundsOf({ absolute, relative }: { readonly absolute?: number | undefined; readonly relative?: number | undefined }): Bounds {
  return { ...(absolute === undefined ? {} : { absolute }), ...(relative === undefined ? {} : { relative }) };
}
