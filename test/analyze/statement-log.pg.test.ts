import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { readLogs } from '../../src/app/workload/read-logs.ts';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { connect } from '../../src/postgres/connect.ts';
import { until } from '../support/condition.ts';
import { describePostgres } from '../support/postgres.ts';
import { journalOf, LOGGED_SCHEMA, runLoggedWorkload, type Journal } from './support/logged-workload.ts';

const sorted = (journal: Journal): [string, number][] => [...journal].sort(([a], [b]) => (a < b ? -1 : 1));

/** A server that writes its log in all three formats, and what its clients did meanwhile. */
async function logged(settings: Readonly<Record<string, string>>, work: (url: string) => Promise<Journal>): Promise<{ readonly journal: Journal; readonly file: (ending: string) => string; readonly server: EmbeddedPostgres }> {
  const server = await EmbeddedPostgres.start({
    durable: false,
    settings: { logging_collector: 'on', log_destination: 'stderr,csvlog,jsonlog', log_directory: 'log', log_filename: 'x.log', log_statement: 'all', ...settings },
  });
  const client = await connect({ url: server.url() });
  await client.query(LOGGED_SCHEMA);
  await client.query('CREATE DATABASE other');
  const journal = await work(server.url());
  await client.query("SELECT 'the last word'");
  await client.end();
  const folder = (await readdir(server.folder, { recursive: true })).find((path) => path.endsWith('x.json')) ?? '';
  const file = (ending: string): string => join(server.folder, folder.replace(/json$/, ending));
  for (const ending of ['log', 'csv', 'json']) {
    await until(async () => (await readFile(file(ending), 'latin1')).includes('the last word'), { what: `${ending} is written` });
  }
  return { journal, file, server };
}

/** Leaves out what the test itself did around the workload. */
const read = (path: string, prefix?: string) =>
  readLogs({ paths: [path], database: 'postgres', note: () => {}, ...(prefix === undefined ? {} : { prefix }) });

function withoutSchema(journal: Journal): Journal {
  const key = ' > public.once';
  const left = (journal.get(key) ?? 0) - 1;
  if (left === 0) journal.delete(key);
  else journal.set(key, left);
  return journal;
}

describePostgres('a statement log', () => {
  it('says of every format what its clients did, whichever way they sent it', async () => {
    const { journal, file, server } = await logged({ log_line_prefix: '%m [%p] %q%u@%d ' }, async (url) => {
      const journal = await runLoggedWorkload({ url, seed: 5, sessions: 6, rounds: 60 });
      const other = new URL(url);
      other.pathname = '/other';
      const elsewhere = await connect({ url: other.href });
      await elsewhere.query('CREATE TABLE public.t0 (id int); INSERT INTO public.t0 VALUES (1)');
      await elsewhere.end();
      return journal;
    });
    await using _server = server;
    expect(journal.size).toBeGreaterThan(100);
    for (const ending of ['log', 'csv', 'json']) {
      const workload = await read(file(ending));
      const [source] = workload.sources ?? [];
      expect(source?.format, ending).toMatch({ log: /stderr log, prefix "%m \[%p\] %q%u@%d "/, csv: /csvlog/, json: /jsonlog/ }[ending] ?? /never/);
      expect(sorted(withoutSchema(journalOf(workload))), ending).toEqual(sorted(journal));
      expect(source?.rolledBack, ending).toBeGreaterThan(50);
      expect(source?.unfinished, ending).toBe(0);
      expect(source?.unread, ending).toBe(0);
    }
    // Rotated, the older part packed and named last: sessions go on from one file to the next.
    const whole = await readFile(file('log'));
    const half = whole.indexOf('\n2', whole.length / 2) + 1;
    const parts = [file('log.1'), file('log.2.gz')] as const;
    await writeFile(parts[0], whole.subarray(half));
    await writeFile(parts[1], gzipSync(whole.subarray(0, half)));
    const rotated = await readLogs({ paths: parts, database: 'postgres', note: () => {} });
    expect(sorted(withoutSchema(journalOf(rotated)))).toEqual(sorted(journal));
    // Cut off in the middle, it is told as far as it goes.
    const notes: string[] = [];
    const packed = gzipSync(whole);
    await writeFile(parts[1], packed.subarray(0, packed.length / 2));
    const cut = await readLogs({ paths: [parts[1]], database: 'postgres', note: (text) => notes.push(text) });
    expect(cut.sources?.[0]?.statements).toBeGreaterThan(100);
    expect(notes.join('\n')).toContain('was cut off: unexpected end of file');
  });

  it('says the same where the server logs what took how long, and its plans', async () => {
    const { journal, file, server } = await logged(
      { log_line_prefix: '%t <%c> %v %d,', log_statement: 'none', log_min_duration_statement: '0', shared_preload_libraries: 'auto_explain', 'auto_explain.log_min_duration': '0', 'auto_explain.log_format': 'text' },
      (url) => runLoggedWorkload({ url, seed: 6, sessions: 4, rounds: 50, logsFailures: false }),
    );
    await using _server = server;
    for (const [ending, prefix] of [['log', '%t <%c> %v %d,'], ['csv', undefined], ['json', undefined]] as const) {
      const workload = await read(file(ending), prefix);
      expect(sorted(withoutSchema(journalOf(workload))), ending).toEqual(sorted(journal));
      expect(workload.sources?.[0]?.unreadExamples).toEqual([]);
      expect(workload.sources?.[0]).toMatchObject({ unfinished: 0, unread: 0 });
    }
  });
});
