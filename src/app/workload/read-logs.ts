import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WorkloadCollector } from '../../analyze/workload/collector.ts';
import { BanyanError, messageOf } from '../../core/errors.ts';
import { textOf, type LogEvent, type LogReader } from '../../model/logged-statement.ts';
import type { Workload, WorkloadSource } from '../../model/workload.ts';
import { openMysqlLog } from '../../mysql/log/open-log.ts';
import { mysqlStatements } from '../../mysql/sql/read-statements.ts';
import { openPostgresLog } from '../../postgres/log/open-log.ts';
import { postgresStatements } from '../../postgres/sql/read-statements.ts';
import { readPieces } from './log-file.ts';

export interface ReadLogsOptions {
  /** Files, or folders whose files are all read. */
  readonly paths: readonly string[];
  /** The PostgreSQL server's `log_line_prefix`. Default: recognised. */
  readonly prefix?: string;
  /** Leave out what a PostgreSQL log says of other databases. Default: everything counts. */
  readonly database?: string;
  readonly note: (text: string) => void;
}

/** One way of reading, for all files that are read that way: their sessions go on from one file to the next. */
interface Reading {
  readonly format: string;
  readonly collector: WorkloadCollector;
  readonly files: string[];
  /** Of MySQL: those that sessions work in. */
  readonly databases: Set<string>;
  otherDatabases: number;
  from: string | undefined;
  to: string | undefined;
}

/**
 * Reads statement logs, in the order of the time they begin at. Memory does not grow with their size.
 * @throws BANYAN_FILE, BANYAN_LOG_FORMAT, BANYAN_LOG_PREFIX
 */
export async function readLogs(options: ReadLogsOptions): Promise<Workload> {
  const readings = new Map<string, Reading>();
  for (const path of await inOrderOfTime(await filesOf(options.paths))) await readLog(path, readings, options);
  const results = [...readings.values()].map((reading) => ({ reading, collected: reading.collector.finish() }));
  for (const { reading, collected } of results) {
    if (collected.dropped > 0) options.note(`${collected.dropped} transactions were of kinds too many to keep, seen least.`);
    if (reading.otherDatabases > 0) options.note(`${reading.otherDatabases} messages about other databases than ${options.database} were left out.`);
  }
  const times = results.map(({ reading: { from, to } }) => secondsBetween(from, to));
  const seconds = times.every((time) => time > 0) ? Math.max(...times, 0) : 0;
  return {
    ...(seconds > 0 ? { seconds } : {}),
    transactions: results.flatMap(({ collected }) => collected.kinds),
    sources: results.map(({ reading, collected: { kinds: _kinds, dropped: _dropped, ...counts } }): WorkloadSource => ({
      name: nameOf(reading.files), format: reading.format, ...counts,
      ...(reading.from === undefined ? {} : { from: reading.from }), ...(reading.to === undefined ? {} : { to: reading.to }),
    })),
  };
}

async function readLog(path: string, readings: Map<string, Reading>, options: ReadLogsOptions): Promise<void> {
  let reader: LogReader | undefined;
  let reading: Reading | undefined;
  const emit = (event: LogEvent): void => reading?.collector.take(event);
  const cut = (reason: string): void => options.note(`${path} was cut off: ${reason}`);
  for await (const piece of readPieces(path, cut)) {
    if (!reader) {
      const mysql = options.prefix === undefined ? openMysqlLog({ sample: piece, emit, onDatabase: (database) => reading?.databases.add(database) }) : undefined;
      reader = mysql ?? openPostgresLog({ sample: piece, emit, ...(options.prefix === undefined ? {} : { prefix: options.prefix }), ...(options.database === undefined ? {} : { database: options.database }) });
      if (!reader) throw unknownFormat(path, piece);
      reading = await readingOf(reader, readings, mysql === undefined ? 'postgres' : 'mysql');
      reading.files.push(path);
      reading.collector.beginFile(basename(path));
      options.note(`${path}: ${reader.format}`);
    }
    reader.push(piece);
  }
  reader?.end();
  if (!reader || !reading) {
    options.note(`${path} is empty.`);
    return;
  }
  reading.otherDatabases += reader.otherDatabases;
  reading.from ??= reader.from;
  reading.to = reader.to ?? reading.to;
}

async function readingOf({ format }: LogReader, readings: Map<string, Reading>, dialect: 'postgres' | 'mysql'): Promise<Reading> {
  const known = readings.get(format);
  if (known) return known;
  const databases = new Set<string>();
  // MySQL calls a schema a database. The one that sessions work in has the names without one.
  const schemaOf = (database: string | undefined): string => (database === undefined || databases.has(database) ? 'public' : database);
  const read = dialect === 'mysql' ? mysqlStatements(schemaOf) : await postgresStatements();
  const reading: Reading = { format, collector: new WorkloadCollector({ dialect, read }), databases, files: [], otherDatabases: 0, from: undefined, to: undefined };
  readings.set(format, reading);
  return reading;
}

async function filesOf(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch((error: unknown) => {
      throw new BanyanError('BANYAN_FILE', { message: `${path} could not be read: ${messageOf(error)}`, cause: error });
    });
    if (!found.isDirectory()) files.push(path);
    else for (const name of (await readdir(path)).sort()) if ((await stat(join(path, name))).isFile()) files.push(join(path, name));
  }
  return files;
}

const TIME = /\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.\d]*|\b\d{6} [ \d]\d:\d\d:\d\d/;

/** Rotated files have names in one order or the other; the times they begin at tell which. As given, if one does not say. */
async function inOrderOfTime(files: readonly string[]): Promise<string[]> {
  if (files.length < 2) return [...files];
  const times = await Promise.all(
    files.map(async (file) => {
      for await (const piece of readPieces(file, () => {})) return TIME.exec(piece.slice(0, 65_536))?.[0].replace('T', ' ') ?? '';
      return '';
    }),
  );
  if (times.includes('')) return [...files];
  const timed = files.map((file, index) => ({ file, time: times[index] ?? '' }));
  return timed.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).map(({ file }) => file);
}

const MOMENT = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)/;

/** Both as the same log writes them: the time zone does not matter. 0 if they are not known. */
function secondsBetween(from: string | undefined, to: string | undefined): number {
  const [first, last] = [MOMENT.exec(from ?? ''), MOMENT.exec(to ?? '')];
  if (!first || !last) return 0;
  return Math.max(0, (Date.parse(`${last[1]}T${last[2]}Z`) - Date.parse(`${first[1]}T${first[2]}Z`)) / 1000);
}

function nameOf(files: readonly string[]): string {
  return files.length <= 3 ? files.join(', ') : `${files.length} files from ${files[0]} to ${files.at(-1)}`;
}

function unknownFormat(path: string, sample: string): BanyanError {
  const first = textOf(sample.slice(0, 200)).split('\n')[0] ?? '';
  return new BanyanError('BANYAN_LOG_FORMAT', { message: `${path} is no statement log that is known; it begins with ${JSON.stringify(first.slice(0, 80))}.` });
}
