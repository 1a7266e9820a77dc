import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { readLogs } from '../../src/app/workload/read-logs.ts';
import { seededRandom } from '../../src/core/random.ts';
import { describeRequiring } from '../support/requires.ts';
import { journalOf, noteTransaction, type Journal } from './support/logged-workload.ts';
import { mariadbAbsence, startMariadb } from './support/own-mariadb.ts';

/** A random session, as its script, and what it does, in the journal. */
function session(journal: Journal, seed: number): string {
  const random = seededRandom(seed);
  const pick = (most: number): number => Math.floor(random() * most);
  const script: string[] = [];
  const statement = (doing: { reads: string[]; writes: string[] }): void => {
    const [a, b] = [pick(6), pick(6)];
    const [ta, tb] = [`public.t${a}`, `public.t${b}`];
    const kinds: readonly (readonly [text: string, reads: readonly string[], writes: readonly string[]])[] = [
      [`INSERT INTO t${a} (v) VALUES ('it\\'s; COMMIT', ${pick(999)}), ("x\n\t\t     9 Quit", 2)`.replaceAll(/, \d+\)|, 2\)/g, ')'), [], [ta]],
      [`SELECT *\nFROM \`t${a}\` x\nJOIN shop.t${b} y ON y.id = x.id # both\n`, [ta, tb], []],
      [`UPDATE t${a} SET v = CONCAT(v, 'x') WHERE id = ${pick(99)} LIMIT 1`, [ta], [ta]],
      [`DELETE FROM t${a} WHERE id = ${pick(99)}`, [ta], [ta]],
      [`INSERT INTO t${a} (v) SELECT v FROM t${b} LIMIT 1`, [tb], [ta]],
      [`REPLACE INTO t${a} (id, v) VALUES (${pick(999)}, NULL)`, [], [ta]],
      [`PREPARE p FROM 'SELECT * FROM t${a} WHERE id = ?';\nSET @a = 1;\nEXECUTE p USING @a`, [ta], []],
    ];
    const [text, reads, writes] = kinds[pick(kinds.length)] ?? ['SELECT 1', [], []];
    script.push(text);
    doing.reads.push(...reads);
    doing.writes.push(...writes);
  };
  const some = (doing: { reads: string[]; writes: string[] }): void => {
    for (let i = 0; i <= pick(3); i += 1) statement(doing);
  };
  for (let round = 0; round < 40; round += 1) {
    const doing = { reads: [] as string[], writes: [] as string[] };
    switch (pick(7)) {
      case 0:
        statement(doing);
        noteTransaction(journal, doing, true);
        break;
      case 1:
        script.push(['BEGIN', 'START TRANSACTION READ WRITE', '/* app */ begin work'][pick(3)] ?? '');
        some(doing);
        // Only a COMMIT is one: what begins anew commits too.
        script.push(['COMMIT', 'commit work', 'BEGIN;\nROLLBACK'][pick(3)] ?? '');
        noteTransaction(journal, doing, true);
        break;
      case 2:
        script.push('BEGIN');
        some(doing);
        script.push('ROLLBACK');
        noteTransaction(journal, doing, false);
        break;
      case 3: {
        script.push('SET autocommit=0');
        some(doing);
        script.push('COMMIT');
        noteTransaction(journal, doing, true);
        const next = { reads: [] as string[], writes: [] as string[] };
        some(next);
        script.push('SET @@session.autocommit = 1');
        noteTransaction(journal, next, true);
        break;
      }
      case 4: {
        script.push('BEGIN');
        some(doing);
        script.push(`SAVEPOINT s${round}`);
        some({ reads: [], writes: [] });
        script.push(`ROLLBACK TO s${round}`);
        some(doing);
        script.push('COMMIT');
        noteTransaction(journal, doing, true);
        break;
      }
      case 5:
        // The server commits before it changes a table's structure.
        script.push('BEGIN');
        some(doing);
        script.push(`CREATE TABLE IF NOT EXISTS x${seed} (id INT)`, 'ROLLBACK');
        noteTransaction(journal, doing, true);
        break;
      default:
        script.push('SELEC 1', "SHOW TABLES LIKE 't%'", 'SELECT 1');
    }
  }
  const last = { reads: [] as string[], writes: [] as string[] };
  script.push('BEGIN');
  some(last);
  // The session ends without a COMMIT.
  noteTransaction(journal, last, false);
  return script.map((text) => `${text}\n;\n`).join('');
}

describeRequiring(mariadbAbsence(), 'a log of MariaDB', () => {
  it('general or slow, says what its clients did', async () => {
    await using server = await startMariadb();
    await server.run(Array.from({ length: 6 }, (_, n) => `CREATE TABLE t${n} (id INT AUTO_INCREMENT PRIMARY KEY, v TEXT);\n`).join(''));
    const journal: Journal = new Map();
    await Promise.all([1, 2, 3, 4].map((seed) => server.run(session(journal, seed))));
    const expected = Object.fromEntries(journal);
    expect(journal.size).toBeGreaterThan(40);
    // Rotated, and the older part packed.
    const general = await readFile(server.generalLog);
    const middle = Math.floor(general.length / 2);
    const half = middle + general.subarray(middle).toString('latin1').search(/(?<=\n)\t\t +\d+ Query\t/);
    const parts = [`${server.generalLog}.1`, `${server.generalLog}.0.gz`] as const;
    await writeFile(parts[0], general.subarray(half));
    await writeFile(parts[1], gzipSync(general.subarray(0, half)));
    for (const paths of [[server.generalLog], [parts[1], parts[0]], [server.slowLog]]) {
      const { sources = [], ...workload } = await readLogs({ paths, note: () => {} });
      expect(sources.map(({ format }) => format)).toEqual([paths[0] === server.slowLog ? 'MySQL slow log' : 'MySQL general log']);
      expect(Object.fromEntries(journalOf(workload)), paths[0]).toEqual(expected);
      const [source] = sources;
      expect(source?.unreadExamples.map(({ text }) => text)).toEqual([expect.stringMatching(/^SELEC 1;?$/)]);
      expect(source?.rolledBack).toBeGreaterThan(10);
      expect(source?.from).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    }
  });
});
