import type { DataCheck } from './data-check.ts';

const PROBLEMS: Readonly<Record<NonNullable<DataCheck['problem']>, string>> = {
  nulls: 'are null', missing: 'have no value for it', too_long: 'are too long', out_of_range: 'are out of range', unparsable: 'are not of the new type', refused_by_check: 'are refused by the check', duplicates: 'share their value with another', orphans: 'have no partner',
};

/** What the rows say of each new rule, a line each. */
export function dataCheckLines(checks: readonly DataCheck[]): string[] {
  return checks.map((check) => `${check.field_path}: ${outcome(check)}`);
}

function outcome({ problem, rows, of, keys, not_checked: reason }: DataCheck): string {
  if (reason !== undefined || rows === null || problem === null) return `rows not checked: ${reason ?? 'nobody looked'}`;
  if (rows === 0) return `none of ${of ?? '?'} rows breaks it`;
  return `${rows} of ${of ?? '?'} rows ${PROBLEMS[problem]}: ${keys.map(keyText).join('; ')}${rows > keys.length ? '; …' : ''}`;
}

function keyText(key: DataCheck['keys'][number]): string {
  return Object.entries(key).map(([name, value]) => `${name}=${value}`).join(', ');
}
