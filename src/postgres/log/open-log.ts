import { CsvLogReader } from './csv-log.ts';
import { JsonLogReader } from './json-log.ts';
import type { LogReader } from '../../model/logged-statement.ts';
import type { LogReaderOptions } from './log-reader.ts';
import { parsePrefix, recognisePrefix } from './prefix.ts';
import { StderrLogReader } from './stderr-log.ts';

export interface OpenLogOptions extends LogReaderOptions {
  /** The beginning of the file. */
  readonly sample: string;
  /** The server's `log_line_prefix`. Default: recognised. */
  readonly prefix?: string;
}

const JSON_LINE = /^\{"timestamp":|^\{[^\n]*"error_severity":/m;
const CSV_LINE = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [^,\n]*,(?:"[^"\n]*"|[^,\n"]*),(?:"[^"\n]*"|[^,\n"]*),\d*,(?:"[^"\n]*")?,[0-9a-f]*\.?[0-9a-f]*,\d+,/m;

/**
 * A reader for what seems to be a PostgreSQL server's log; undefined if it is not one.
 * @throws BANYAN_LOG_PREFIX if the prefix given means nothing.
 */
export function openPostgresLog({ sample, prefix, ...options }: OpenLogOptions): LogReader | undefined {
  if (prefix !== undefined) return new StderrLogReader({ ...options, prefix: parsePrefix(prefix) });
  if (JSON_LINE.test(sample)) return new JsonLogReader(options);
  if (CSV_LINE.test(sample)) return new CsvLogReader(options);
  const recognised = recognisePrefix(sample);
  return recognised && new StderrLogReader({ ...options, prefix: recognised });
}
