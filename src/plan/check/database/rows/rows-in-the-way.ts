import type { DataCheck } from '../../data-check.ts';
import type { Finding } from '../../finding.ts';

export interface RowsInTheWayOptions {
  readonly dataChecks: readonly DataCheck[];
  /** As the file of rules has them, with what is waived. */
  readonly findings: readonly Finding[];
  /** `field_path` of data checks whose rows somebody allows. */
  readonly allowedRows: readonly string[];
}

/**
 * The rules that rows break, or of which nobody could count the rows though a query could have, unless somebody has
 * given leave: by name, or by a waiver of each finding there that may break anybody. What no query can test is left to the server. Pure.
 */
export function rowsInTheWay({ dataChecks, findings, allowedRows }: RowsInTheWayOptions): DataCheck[] {
  const isWaived = (path: string): boolean => {
    const hurting = findings.filter(({ field_path: own, severity }) => own === path && (severity === 'breaking' || severity === 'potentially_breaking'));
    return hurting.length > 0 && hurting.every(({ waived }) => waived !== undefined);
  };
  return dataChecks.filter(({ problem, rows, field_path: path }) => problem !== null && rows !== 0 && !allowedRows.includes(path) && !isWaived(path));
}

/** Names that are allowed, and of no data check. Pure. */
export function unknownRows({ dataChecks, allowedRows }: Omit<RowsInTheWayOptions, 'findings'>): string[] {
  return allowedRows.filter((path) => !dataChecks.some(({ field_path: own }) => own === path));
}
