import { describe, expect, test } from 'vitest';
import type { Column, Schema, Table } from '../../../../model/schema.ts';
import { isMysqlDump, readMysqlDump } from './read-dump.ts';

const schemaOf = (dump: string): Schema => {
  const { schema, unread } = readMysqlDump(dump);
  expect(unread).toEqual([]);
  return schema;
};
const tableOf = (elements: string, options = ''): Table | undefined => schemaOf(`CREATE TABLE \`t\` (${elements})${options};`).tables[0];
const columnOf = (words: string): Column | undefined => tableOf(`\`c\` ${words}`)?.columns[0];

test.each([
  ['double precision', 'double precision'], ['double', 'double precision'], ['character varying(5)', 'character varying(5)'], ['character(5)', 'character(5)'], ['varchar(5)', 'character varying(5)'],
  ['int signed', 'integer'], ['int(5) unsigned zerofill', 'bigint'], ['int(5) zerofill', 'bigint'], ['int zerofill unsigned', 'bigint'], ['smallint unsigned', 'integer'], ['bigint unsigned', 'numeric(20,0)'], ['decimal(10,2) unsigned', 'numeric(10,2)'],
  ['tinyint(1)', 'boolean'], ['tinyint(4)', 'smallint'], ['datetime(3)', 'timestamp(3) without time zone'], ['year(4)', 'smallint'], ['json', 'json'], ['mediumblob', 'bytea'], ['bit(1)', 'bit(1)'],
])('the type %s', (written, type) => {
  expect(columnOf(written)).toEqual({ name: 'c', type, nullable: true });
});

test.each<[string, string | undefined]>([
  ["varchar(5) DEFAULT '5'", "'5'"], ["int DEFAULT '5'", '5'], ['int DEFAULT -5', '-5'], ["decimal(5,2) DEFAULT '-1.50'", '-1.50'], ["tinyint(1) DEFAULT '1'", 'true'], ["tinyint(1) DEFAULT '0'", 'false'], ['tinyint(1) DEFAULT 0', 'false'],
  ["bit(2) DEFAULT b'01'", "B'01'"], ['int DEFAULT NULL', undefined], ['int DEFAULT', undefined], ['datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP', 'CURRENT_TIMESTAMP'],
  ['datetime(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)', 'CURRENT_TIMESTAMP(3)'], ["date DEFAULT '2020-01-01'", "'2020-01-01'"], ["char(36) DEFAULT (concat(`a`,'`b`'))", "(concat(a,'`b`'))"],
  ["varchar(9) DEFAULT 'it''s \\'so\\''", "'it''s ''so'''"], ["enum('a','b') DEFAULT 'b'", "'b'"], ["time DEFAULT '5'", "'5'"], ['int DEFAULT abs(-1)', 'abs(-1)'],
])('the default of %s', (words, value) => {
  expect(columnOf(words)?.default).toBe(value);
});

describe('a column', () => {
  test('has its options in any order, and only those that say something', () => {
    expect(columnOf("varchar(3) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL COMMENT 'why, (so)'")).toEqual({ name: 'c', type: 'character varying(3)', nullable: false, collation: 'latin1_bin', comment: 'why, (so)' });
    expect(columnOf("text CHARSET latin1 COMMENT '' NULL INVISIBLE")).toEqual({ name: 'c', type: 'text', nullable: true });
    expect(columnOf("int DEFAULT '0' AUTO_INCREMENT")).toEqual({ name: 'c', type: 'integer', nullable: false, identity: 'by default' });
  });

  test('may be generated, stored or not', () => {
    expect(columnOf('int GENERATED ALWAYS AS (`a` + 1) STORED NOT NULL')).toEqual({ name: 'c', type: 'integer', nullable: false, generated: 'a + 1', virtual: false });
    expect(columnOf('int AS (`A b` + 1) PERSISTENT')).toMatchObject({ generated: '"A b" + 1', virtual: false });
    expect(columnOf('int AS (1) VIRTUAL NOT NULL')).toMatchObject({ generated: '1', virtual: true, nullable: false });
  });

  test('may be a key, unique or checked by itself', () => {
    const t = tableOf('`a` int PRIMARY KEY, `b` int UNIQUE KEY, `c` int UNIQUE CHECK (`c` > 0), `d` int REFERENCES u (id)');
    expect(t?.primaryKey).toMatchObject({ name: 'PRIMARY', columns: ['a'], definition: 'PRIMARY KEY (a)' });
    expect(t?.columns[0]?.nullable).toBe(false);
    expect(t?.uniques.map(({ name, definition }) => [name, definition])).toEqual([['b', 'UNIQUE (b)'], ['c', 'UNIQUE (c)']]);
    expect(t?.checks).toEqual([{ name: 'c', definition: 'CHECK (c > 0)' }]);
  });

  test('of an enum has a type of its own; of a set, a check', () => {
    const { enums, tables } = schemaOf("CREATE TABLE t (`a` enum('x','y, z'), `b` set('p','q')); ALTER TABLE t MODIFY COLUMN `a` enum('x','w') NOT NULL");
    expect(enums).toEqual([{ schema: 'public', name: 't.a', labels: ['x', 'w'] }]);
    expect(tables[0]?.columns).toEqual([{ name: 'a', type: 'public."t.a"', nullable: false }, { name: 'b', type: 'text', nullable: true }]);
    expect(tables[0]?.checks).toEqual([{ name: 'b SET', definition: "CHECK (b <@ ARRAY['p', 'q'])" }]);
  });
});

describe('keys', () => {
  test('are unique constraints where they are of whole columns, else indexes', () => {
    const t = tableOf('`a` int, `b` text, UNIQUE KEY `u` (`a`) USING BTREE, UNIQUE INDEX (`a`,`b`), CONSTRAINT `own` UNIQUE (`a`), CONSTRAINT UNIQUE `named` (`a`), UNIQUE KEY `p` (`a`, `b`(10) DESC)');
    expect(t?.uniques.map(({ name, columns }) => [name, columns])).toEqual([['u', ['a']], ['a', ['a', 'b']], ['own', ['a']], ['named', ['a']]]);
    expect(t?.indexes).toEqual([{ name: 'p', unique: true, partial: false, columns: ['a', null], definition: 'CREATE UNIQUE INDEX p ON public.t (a, b(10) DESC)' }]);
  });

  test('keep their method and their expressions', () => {
    const t = tableOf('`a` int, `b` text, KEY `k` USING HASH (`a`), INDEX (`a` ASC), FULLTEXT INDEX `f` (`b`), SPATIAL KEY (`a`), KEY `e` ((lower(`b`)), `a`), KEY USING BTREE (`b`(3)), KEY ((`a` + 1))');
    expect(t?.indexes.map(({ name, columns, definition }) => [name, columns, definition.replace(/^.* ON public\.t /, '')])).toEqual([
      ['k', ['a'], 'USING hash (a)'], ['a', ['a'], '(a)'], ['f', ['b'], 'USING fulltext (b)'], ['a', ['a'], 'USING spatial (a)'], ['e', [null, 'a'], '((lower(b)), a)'], ['b', [null], '(b(3))'], ['functional_index', [null], '((a + 1))'],
    ]);
  });

  test('of the table make their columns NOT NULL', () => {
    const t = tableOf('`a` int, `b` int, `c` int, CONSTRAINT `any` PRIMARY KEY USING BTREE (`a`,`b`)');
    expect(t?.primaryKey).toMatchObject({ name: 'PRIMARY', columns: ['a', 'b'] });
    expect(t?.columns.map(({ nullable }) => nullable)).toEqual([false, false, true]);
  });

  test('to other tables have their actions, and refuse at once in one way only', () => {
    const { tables } = schemaOf(`
      CREATE TABLE u (\`id\` int, \`k\` int, PRIMARY KEY (\`id\`));
      CREATE TABLE shop.t (\`a\` int, FOREIGN KEY (\`a\`) REFERENCES u, CONSTRAINT \`f\` FOREIGN KEY i (\`a\`) REFERENCES \`shop\`.\`u\` (\`k\`) ON DELETE SET NULL ON UPDATE CASCADE,
        FOREIGN KEY \`i\` (\`a\`) REFERENCES u (id) MATCH FULL ON DELETE RESTRICT ON UPDATE NO ACTION, CONSTRAINT FOREIGN KEY (\`a\`) REFERENCES gone)`);
    expect(tables.map(({ name }) => name)).toEqual(['public.t', 'public.u']);
    expect(tables[0]?.foreignKeys.map(({ name, references, referencedColumns, onDelete, onUpdate }) => [name, references, referencedColumns, onDelete, onUpdate])).toEqual([
      ['t_ibfk_1', 'public.u', ['id'], 'no action', 'no action'], ['f', 'public.u', ['k'], 'set null', 'cascade'], ['i', 'public.u', ['id'], 'no action', 'no action'], ['t_ibfk_4', 'public.gone', [], 'no action', 'no action'],
    ]);
    expect(tables[0]?.foreignKeys[1]?.definition).toBe('FOREIGN KEY ("a") REFERENCES public.u ("k") ON UPDATE CASCADE ON DELETE SET NULL');
  });

  test('checks are named, or numbered', () => {
    expect(tableOf("`a` int, CONSTRAINT `own` CHECK (`a` > 0), CHECK (`a` <> ')`'), CONSTRAINT CHECK ((`a``b` < 5))")?.checks).toEqual([
      { name: 'own', definition: 'CHECK (a > 0)' }, { name: 'CONSTRAINT_2', definition: "CHECK (a <> ')`')" }, { name: 'CONSTRAINT_3', definition: 'CHECK (("a`b" < 5))' },
    ]);
  });
});

describe('the options of a table', () => {
  test('give its comment and the collation of texts that have none', () => {
    const t = tableOf("`a` text, `b` varchar(3) COLLATE latin1_bin, `c` int, `d` char(1)", " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='all, of it'");
    expect(t?.comment).toBe('all, of it');
    expect(t?.columns.map(({ collation }) => collation)).toEqual(['utf8mb4_bin', 'latin1_bin', undefined, 'utf8mb4_bin']);
    expect(tableOf('`a` int', " COMMENT ''")).not.toHaveProperty('comment');
  });

  test('a comment of a partition is none of the table', () => {
    const t = tableOf('`id` int', " COMMENT='whole'\n/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (10) COMMENT = 'part' ENGINE = InnoDB) */");
    expect(t).toMatchObject({ comment: 'whole', partitionBy: 'RANGE (id)' });
    expect(tableOf('`id` int', ' PARTITION BY LINEAR HASH (`Id`) PARTITIONS 4')?.partitionBy).toBe('LINEAR HASH ("Id")');
    expect(tableOf('`id` int', ' PARTITION BY RANGE  COLUMNS(id)')?.partitionBy).toBe('RANGE COLUMNS (id)');
  });
});

describe('statements behind the tables', () => {
  test('add to the table they name, and to no other', () => {
    const { tables } = schemaOf("CREATE TABLE a (`id` int, `b` int); ALTER TABLE a ADD COLUMN `c` int, ADD UNIQUE KEY `u` (`c`), MODIFY `id` bigint NOT NULL, DISABLE KEYS; ALTER TABLE a ENABLE KEYS; ALTER TABLE gone ADD KEY (`id`); ALTER TABLE");
    expect(tables).toMatchObject([{ name: 'public.a', columns: [{ name: 'id', type: 'bigint', nullable: false }, { name: 'b' }, { name: 'c' }], uniques: [{ name: 'u' }] }]);
  });

  test('what is not understood is said with its line', () => {
    const { unread, schema } = readMysqlDump("CREATE TABLE a (\n`id` int,\n= 5);\nALTER TABLE a ADD = 5;\nALTER TABLE a DROP COLUMN `id`;\nCREATE TABLE b AS SELECT 1;\nCREATE TEMPORARY TABLE IF NOT EXISTS c (`id` int);\nCREATE TABLE c (`n` int)");
    expect(unread.map(({ line, reason }) => `${line} ${reason}`)).toEqual([
      '1 a part of public.a is not read', '4 an ALTER TABLE of public.a is not read', '5 an ALTER TABLE of public.a is not read', '6 a CREATE TABLE without columns (LIKE, SELECT) is not read',
    ]);
    expect(schema.tables.map(({ name, columns }) => [name, columns.map((column) => column.name)])).toEqual([['public.a', ['id']], ['public.c', ['n']]]);
  });

  test('only MySQL and MariaDB write such a file', () => {
    expect(['-- MariaDB dump 10', '/*M!999999 enable the sandbox */', 'create table if not exists `t` (', 'create table t (\n a int\n) engine=InnoDB;', "select 'create table `t`'"].map(isMysqlDump)).toEqual([true, true, true, true, false]);
  });
});
