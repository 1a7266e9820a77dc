import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../../model/logged-statement.ts';
import { openPostgresLog } from './open-log.ts';
import { parsePrefix } from './prefix.ts';

/** What a log says, given whole, and in pieces of a few bytes: both must say the same. */
function read(text: string, options: { readonly prefix?: string; readonly database?: string } = {}): { readonly format: string; readonly told: string[]; readonly events: LogEvent[] } {
  const runs = [text.length, 7].map((size) => {
    const events: LogEvent[] = [];
    const reader = openPostgresLog({ sample: text, emit: (event) => events.push(event), ...options });
    if (!reader) throw new Error('not recognised');
    for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size));
    reader.end();
    return { format: reader.format, events };
  });
  const [whole, pieces] = runs;
  expect(pieces).toEqual(whole);
  const events = whole?.events ?? [];
  return { format: whole?.format ?? '', events, told: events.map((event) => `${event.kind} ${'session' in event ? event.session : ''} ${'text' in event ? event.text.replaceAll(/\s+/g, ' ') : ''}`.trim()) };
}

describe('a stderr log', () => {
  it.each([
    ['%m [%p] %q%u@%d ', '2026-01-01 10:00:00.123 UTC [77] app@shop '],
    ['%m [%p] %q%u@%d ', '2026-01-01 10:00:00.123 CET [77] '],
    ['%t:%r:%u@%d:[%p]:', '2026-01-01 10:00:00 UTC:10.0.0.1(5000):app@shop:[77]:'],
    ['%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ', '2026-01-01 10:00:00 UTC [77]: [3-1] user=app,db=shop,app=psql,client=[local] '],
    ['%m ', '2026-01-01 10:00:00.123 UTC '],
    ['', ''],
  ])('with the prefix %s is recognised', (prefix, begin) => {
    const { format, told } = read(`${begin}LOG:  statement: SELECT 1\n\tFROM t\n`.repeat(3));
    expect(format).toBe(`PostgreSQL stderr log, prefix "${prefix}"`);
    const session = prefix.includes('%p') ? '77' : '';
    expect(told).toEqual(Array(3).fill(`statement ${session} SELECT 1 FROM t`));
  });

  it('with a prefix of its own is understood by its parts, or as it is given', () => {
    const text = 'db7 <shop> {6789abcd.1f} 3/41 LOG:  statement: SELECT 1 FROM t\n';
    expect(read(text).events).toMatchObject([{ kind: 'statement', session: '6789abcd.1f' }]);
    expect(read(text, { prefix: 'db7 <%d> {%c} %v' }).events).toMatchObject([{ session: '6789abcd.1f', transaction: '3/41' }]);
    expect(read(text, { prefix: 'db7 <%d> {%c} %v', database: 'other' }).events).toEqual([]);
    expect(() => parsePrefix('%m %z')).toThrow(expect.objectContaining({ code: 'BANYAN_LOG_PREFIX' }));
  });

  it('tells statements of both protocols, what prepared ones mean, errors, plans, and sessions that end', () => {
    const p = '2026-01-01 10:00:00.123 UTC [7] ';
    const { told, events } = read([
      `${p}LOG:  connection received: host=[local]`,
      `${p}LOG:  execute <unnamed>: INSERT INTO t VALUES ($1)`, `${p}DETAIL:  parameters: $1 = 'a', $2 = 'prepare: x'`,
      `${p}LOG:  execute fetch from S_1/C_2: SELECT 1 FROM t`, `${p}LOG:  execute S_1/C_2: SELECT 2 FROM t`,
      `${p}LOG:  statement: EXECUTE p(1)`, `${p}DETAIL:  prepare: PREPARE p (int) AS SELECT 3 FROM u;`,
      `${p}LOG:  duration: 0.123 ms`, `${p}LOG:  duration: 0.1 ms  parse <unnamed>: SELECT 4`, `${p}LOG:  duration: 0.1 ms  bind <unnamed>: SELECT 4`,
      `${p}LOG:  duration: 0.1 ms  execute <unnamed>: SELECT 4`, `${p}LOG:  duration: 0.1 ms  execute fetch from C_1: SELECT 4`, `${p}LOG:  duration: 1.5 ms  statement: SELECT 5`,
      `${p}LOG:  duration: 0.1 ms  plan:\n\tQuery Text: SELECT 6\n\tFROM t;\n\tSeq Scan on t  (cost=0.00..35.50 rows=2550 width=4)`,
      `${p}LOG:  duration: 0.1 ms  plan:\n\t{\n\t  "Query Text": "SELECT \\"7\\"\\nFROM t",\n\t  "Plan": {}}`,
      `${p}ERROR:  division by zero`, `${p}STATEMENT:  SELECT 1 / 0`, 'a line of something else',
      `${p}LOG:  checkpoint starting: time`, `${p}LOG:  disconnection: session time: 0:00:00.1`, `${p}FATAL:  terminating connection`,
      `${p}LOG:  all server processes terminated; reinitializing`, '',
    ].join('\n'));
    expect(told).toEqual([
      'end 7', 'statement 7 INSERT INTO t VALUES ($1)', 'statement 7 SELECT 2 FROM t', 'statement 7 EXECUTE p(1)', 'meaning 7 SELECT 3 FROM u;',
      'statement 7 SELECT 4', 'statement 7 SELECT 5', 'again 7 SELECT 6 FROM t;', 'again 7 SELECT "7" FROM t',
      'error 7', 'failed 7 SELECT 1 / 0 a line of something else', 'end 7', 'end 7', 'restart',
    ]);
    expect(events.flatMap((event) => ('done' in event && event.done ? [event.text] : []))).toEqual(['SELECT 4', 'SELECT 5']);
    expect(events.flatMap((event) => ('line' in event ? [event.line] : []))).toEqual([2, 5, 6, 7, 11, 13, 14, 18]);
  });

  it('takes no long time over a long line, and keeps what is endless bounded', () => {
    const begin = '2026-01-01 10:00:00.123 UTC [7] LOG:  statement: SELECT 1\n';
    const events: LogEvent[] = [];
    const reader = openPostgresLog({ sample: begin, emit: (event) => events.push(event) });
    reader?.push(begin);
    for (let i = 0; i < 9; i += 1) reader?.push(`${i === 0 ? begin.slice(0, -9) : ''}${'a@b '.repeat(262_144)}`);
    for (let i = 0; i < 9; i += 1) reader?.push(`\n${'a@b '.repeat(262_144)}`);
    reader?.push(`\n${begin}`);
    reader?.end();
    expect(events.map((event) => ('text' in event ? event.text.length : 0))).toEqual([8, 4 * 1024 * 1024 - 'statement: '.length, 8]);
  });
});

const csv = (session: string, message: string, query = ''): string =>
  `2026-01-01 10:00:00.123 UTC,"app","shop",77,"[local]",${session},1,"idle",2026-01-01 09:00:00 UTC,3/41,0,LOG,00000,"${message.replaceAll('"', '""')}",,,,,,${query},,,"psql","client backend",,0\n`;

describe('a csv log', () => {
  it('is read with line breaks and quotes, and goes on behind a record that was cut off', () => {
    const { format, events } = read(`shop",77,"half a record\n${csv('a.1', 'statement: SELECT "x",\n\'y\'')}2026-01-01 10:00:00.123 UTC,"app","shop",77,"[local]",a.1,1,"idle",,,0,LOG,00000,"statement: SELECT cut\n${csv('a.2', 'statement: SELECT 2')}${csv('a.3', 'statement: SELECT 3')}`);
    expect(format).toBe('PostgreSQL csvlog');
    expect(events).toEqual([
      { kind: 'statement', session: 'a.1', transaction: '3/41', text: 'SELECT "x",\n\'y\'', line: 2, done: false },
      { kind: 'statement', session: 'a.2', transaction: '3/41', text: 'SELECT 2', line: 5, done: false },
      { kind: 'statement', session: 'a.3', transaction: '3/41', text: 'SELECT 3', line: 6, done: false },
    ]);
  });

  it('may end in the middle of a statement', () => {
    expect(read(csv('a.1', 'statement: SELECT 1') + csv('a.2', 'statement: SELECT 22').slice(0, -90)).told).toHaveLength(1);
  });
});

describe('a json log', () => {
  it('is read line by line, whatever is in between', () => {
    const line = (message: string): string => `${JSON.stringify({ timestamp: '2026-01-01 10:00:00.123 UTC', dbname: 'shop', pid: 7, session_id: 'a.1', vxid: '3/0', error_severity: 'LOG', message })}\n`;
    const { format, told } = read(`${line('statement: SELECT 1\nFROM t')}half a line"}\n${line('statement: SELECT 2')}${line('statement: SELECT 3').slice(0, -20)}`);
    expect(format).toBe('PostgreSQL jsonlog');
    expect(told).toEqual(['statement a.1 SELECT 1 FROM t', 'statement a.1 SELECT 2']);
  });
});

it('what is no log is not recognised', () => {
  for (const text of ['SELECT 1;\n', '', '{"a": 1}\n', 'id,name\n1,"x"\n']) expect(openPostgresLog({ sample: text, emit: () => {} })).toBeUndefined();
});
