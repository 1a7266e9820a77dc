import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BanyanError, messageOf } from '../core/errors.ts';
import { reportJunit } from '../validate/report-junit.ts';
import { reportMarkdown } from '../validate/report-markdown.ts';
import type { ValidateResult } from './application.ts';

export { lookedAtLines } from '../validate/incremental/looked-at.ts';
export { checksOf, subjectsOf, type Check } from '../validate/report-checks.ts';

/** What a report can be written as, besides for a terminal. */
export type ReportFormat = 'json' | 'markdown' | 'junit';

export function renderReport(report: ValidateResult, format: ReportFormat): string {
  if (format === 'markdown') return reportMarkdown(report);
  return format === 'junit' ? reportJunit(report) : `${JSON.stringify(report, null, 2)}\n`;
}

/** Asked before hours are spent on a report that has no place. @throws BANYAN_FILE if its folder can not be written to. */
export async function refuseUnwritable(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch (error) {
    throw new BanyanError('BANYAN_FILE', { message: `${file} can not be written: ${messageOf(error)}`, cause: error });
  }
}
