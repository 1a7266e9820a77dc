import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { readLogs } from '../src/app/workload/read-logs.ts';
import { seededRandom } from '../src/core/random.ts';

/**
 * How fast statement logs are read, and in how much memory, beside a plain reading of the same file's
 * lines (`node:readline`) in the same run. The log is made up: sessions interleaved, ORM-like statements,
 * long lists, several lines, parameters.
 *
 *     npx tsx bench/analyze-log.ts [--mb 1024] [--json]
 */

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
};
const MEGABYTES = option('mb', 1024);
const MIB = 1024 * 1024;
const TABLES = 120;
const FORMATS = ['stderr', 'csv', 'json'] as const;
type Format = (typeof FORMATS)[number];

interface Measured {
  readonly format: string;
  readonly reader: string;
  readonly mbPerSecond: number;
  /** Of processor time, all threads: on a busy machine the fairer figure. */
  readonly mbPerCpuSecond: number;
  readonly highWaterMiB: number;
  readonly statements: number;
  readonly forms: number;
}

/** Writes a log of about this size. */
async function writeLog(path: string, format: Format, bytes: number): Promise<void> {
  const random = seededRandom(3);
  const pick = (most: number): number => Math.floor(random() * most);
  const file = await open(path, 'w');
  // What an application runs is of a few hundred kinds, each the same statements with other values.
  const kinds = Array.from({ length: 300 }, () => Array.from({ length: 1 + pick(6) }, () => ({ shape: pick(6), a: pick(TABLES), b: pick(TABLES) })));
  const sessions = new Map<number, { readonly kind: (typeof kinds)[number]; at: number }>();
  let written = 0;
  let millis = Date.UTC(2026, 0, 1);
  let lineNumber = 0;
  while (written < bytes) {
    const lines: string[] = [];
    for (let i = 0; i < 5000; i += 1) {
      millis += 1;
      const session = pick(60);
      const doing = sessions.get(session) ?? { kind: kinds[pick(kinds.length)] ?? [], at: -1 };
      sessions.set(session, doing);
      const step = doing.kind[doing.at];
      const text = doing.at === -1 ? 'BEGIN' : step === undefined ? 'COMMIT' : statement(step, pick);
      doing.at += 1;
      if (text === 'COMMIT') sessions.delete(session);
      lines.push(entry({ format, session, text, time: new Date(millis).toISOString().replace('T', ' ').replace('Z', ' UTC'), number: (lineNumber += 1) }));
    }
    const block = lines.join('');
    written += Buffer.byteLength(block);
    await file.write(block);
  }
  await file.close();
}

function statement({ shape, a, b }: { readonly shape: number; readonly a: number; readonly b: number }, pick: (most: number) => number): string {
  const list = Array.from({ length: 1 + pick(20) }, () => pick(1_000_000)).join(', ');
  switch (shape) {
    case 0:
      return `SELECT "t${a}"."id", "t${a}"."name", "t${a}"."created_at", "t${a}"."updated_at" FROM "t${a}" WHERE "t${a}"."id" IN (${list})`;
    case 1:
      return `SELECT x.id, y.name\n\tFROM t${a} x\n\tLEFT OUTER JOIN t${b} y ON y.id = x.t${b}_id\n\tWHERE x.state = 'open' AND x.id = ${pick(1_000_000)} LIMIT 21`;
    case 2:
      return `INSERT INTO "t${a}" ("name", "note", "created_at") VALUES ('name ${pick(1000)}', 'it''s a longer text of somebody who writes ${pick(1000)}', '2026-01-01 00:00:00.${pick(1000)}') RETURNING "id"`;
    case 3:
      return `UPDATE t${a} SET name = $1, updated_at = $2 WHERE t${a}.id = $3`;
    case 4:
      return `DELETE FROM t${a} WHERE id = ${pick(1_000_000)}`;
    default:
      return `/*traceparent='00-${pick(1e9)}'*/ UPDATE t${a} SET n = n + 1 WHERE id = ${pick(1_000_000)}`;
  }
}

function entry({ format, session, text, time, number }: { readonly format: Format; readonly session: number; readonly text: string; readonly time: string; readonly number: number }): string {
  const message = `statement: ${text}`;
  if (format === 'stderr') return `${time} [${4000 + session}] app@shop LOG:  ${message.replaceAll('\n', '\n\t')}\n`;
  if (format === 'json') {
    return `${JSON.stringify({
      timestamp: time, user: 'app', dbname: 'shop', pid: 4000 + session, remote_host: '10.0.0.1', remote_port: 4711, session_id: `6789abcd.${session}`, line_num: number,
      ps: 'idle', session_start: time, vxid: `${session}/${number}`, txid: 0, error_severity: 'LOG', message, application_name: 'app', backend_type: 'client backend', query_id: 0,
    }).replace(`"vxid":"${session}/${number}",`, '')}\n`;
  }
  return `${time},"app","shop",${4000 + session},"10.0.0.1:4711",6789abcd.${session},${number},"idle",${time},,0,LOG,00000,"${message.replaceAll('"', '""')}",,,,,,,,,"app","client backend",,0\n`;
}

/** Runs one reading; the highest resident memory meanwhile, looked at every 20 ms. */
async function measured(format: string, reader: string, path: string, read: () => Promise<{ readonly statements: number; readonly forms: number }>): Promise<Measured> {
  globalThis.gc?.();
  let high = process.memoryUsage.rss();
  const watch = setInterval(() => void (high = Math.max(high, process.memoryUsage.rss())), 20);
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const counts = await read();
  const seconds = (performance.now() - begin) / 1000;
  const used = process.cpuUsage(cpu);
  clearInterval(watch);
  const file = await open(path);
  const { size } = await file.stat();
  await file.close();
  return { format, reader, mbPerSecond: Math.round(size / MIB / seconds), mbPerCpuSecond: Math.round((size / MIB / (used.user + used.system)) * 1e6), highWaterMiB: Math.round(high / MIB), ...counts };
}

async function plainLines(path: string): Promise<{ readonly statements: number; readonly forms: number }> {
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(path, { highWaterMark: MIB }) })) lines += line === '' ? 0 : 1;
  return { statements: lines, forms: 0 };
}

async function banyan(path: string): Promise<{ readonly statements: number; readonly forms: number }> {
  const { sources = [] } = await readLogs({ paths: [path], note: () => {} });
  const [source] = sources;
  if (!source || source.unread > 0 || source.transactions === 0) throw new Error(`${path} was not understood`);
  return { statements: source.statements, forms: source.forms };
}

const results: Measured[] = [];
for (const format of FORMATS) {
  const path = join(tmpdir(), `banyan-bench-${process.pid}.${format}`);
  try {
    await writeLog(path, format, MEGABYTES * MIB);
    results.push(await measured(format, 'banyan', path, () => banyan(path)));
    results.push(await measured(format, 'plain lines', path, () => plainLines(path)));
  } finally {
    await rm(path, { force: true });
  }
}
if (process.argv.includes('--json')) console.log(JSON.stringify(results, undefined, 2));
else console.table(results);
