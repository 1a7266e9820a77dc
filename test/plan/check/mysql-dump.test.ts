import { expect, it } from 'vitest';
import { compareSchemas } from '../../../src/plan/check/database/compare-schemas.ts';
import { isMysqlDump, readMysqlDump } from '../../../src/plan/check/database/mysql/read-dump.ts';

const table = (more: string, name = 't'): string => `-- MySQL dump 10.13\n/*!40101 SET NAMES utf8mb4 */;\nCREATE TABLE \`${name}\` (\n  \`id\` int(11) NOT NULL AUTO_INCREMENT,\n${more}  PRIMARY KEY (\`id\`)\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4;\n`;
const rules = (old: string, fresh: string): string[] => compareSchemas({ before: readMysqlDump(old).schema, after: readMysqlDump(fresh).schema }).findings.map(({ rule }) => rule);

it.each<[string, string, readonly string[]]>([
  ['`c` varchar(10) DEFAULT NULL,\n', '`c` varchar(20) DEFAULT NULL,\n', ['type-widened']],
  ['`c` int(11) DEFAULT NULL,\n', '`c` int(10) unsigned DEFAULT NULL,\n', ['type-rewritten']],
  ["`c` enum('a','b') NOT NULL,\n", "`c` enum('a') NOT NULL,\n", ['enum-value-removed']],
  ['`c` int(11) DEFAULT NULL,\n', '`c` int(11) NOT NULL,\n', ['nullability-restriction']],
  ['`c` text DEFAULT NULL,\n  FULLTEXT KEY `k` (`c`),\n', '`c` text DEFAULT NULL,\n', ['index-removed']],
  ['`c` text COLLATE utf8mb4_bin,\n', '`c` text COLLATE utf8mb4_general_ci,\n', ['collation-changed']],
  ['`c` int(11) GENERATED ALWAYS AS (`id` + 1) VIRTUAL,\n', '`c` int(11) GENERATED ALWAYS AS (`id` + 2) VIRTUAL,\n', ['generated-modified']],
  ['`c` int(11) DEFAULT NULL,\n', "`c` int DEFAULT NULL COMMENT 'n',\n", ['column-comment-changed']],
  ["`c` int(11) DEFAULT '0',\n", '`c` int DEFAULT 0,\n', []],
])('%s, then %s', (old, fresh, expected) => {
  expect(rules(table(old), table(fresh))).toEqual(expected);
});

it('reads keys that are added behind the tables, and says what it does not read', () => {
  const dump = 'CREATE TABLE `a` (`id` int, `b` int);\nCREATE TABLE `b` (`id` int);\nALTER TABLE `a`\n  ADD PRIMARY KEY (`id`),\n  ADD KEY `k` (`b`);\nALTER TABLE `a` MODIFY `id` int(11) NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=5;\nALTER TABLE a ADD CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `b` (`id`) ON DELETE CASCADE;\nALTER TABLE a RENAME TO c;\nCREATE TABLE `d` LIKE `a`;';
  const { schema, unread } = readMysqlDump(dump);
  const [a] = schema.tables;
  expect(a).toMatchObject({ columns: [{ name: 'id', nullable: false, identity: 'by default' }, { name: 'b' }], primaryKey: { columns: ['id'] }, indexes: [{ name: 'k', columns: ['b'] }], foreignKeys: [{ name: 'f', onDelete: 'cascade', referencedColumns: ['id'] }] });
  expect(unread).toEqual([{ line: 8, reason: expect.stringContaining('ALTER TABLE') as string }, { line: 9, reason: expect.stringContaining('LIKE') as string }]);
});

it('knows a dump from SQL of PostgreSQL', () => {
  expect(isMysqlDump(table(''))).toBe(true);
  expect(isMysqlDump('CREATE TABLE t (id integer PRIMARY KEY);')).toBe(false);
});

it.each(['CREATE TABLE `a', 'CREATE TABLE `a` (', "CREATE TABLE `a` (`b` enum('x", 'CREATE TABLE `a` (`b` int, (((', 'CREATE TABLE ` /*! */ ( ) ;;;', '/*!40101'])('bears %s', (text) => {
  expect(() => readMysqlDump(text)).not.toThrow();
});

it('passes over the rows of a large dump in a moment', () => {
  const rows = `INSERT INTO \`t\` VALUES ${"(1,'it\\'s; a ''text''','CREATE TABLE `x` (y int);'),".repeat(100_000)}(2,'','');\n`;
  const started = process.cpuUsage();
  expect(readMysqlDump(`${table('')}${rows}${table('', 'u')}`).schema.tables.map(({ name }) => name)).toEqual(['public.t', 'public.u']);
  const { user } = process.cpuUsage(started);
  expect(user / 1e6).toBeLessThan(10);
});
