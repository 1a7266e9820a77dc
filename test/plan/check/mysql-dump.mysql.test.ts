import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { splitTableName } from '../../../src/model/names.ts';
import { readMysqlDump } from '../../../src/plan/check/database/mysql/read-dump.ts';
import { describeRequiring } from '../../support/requires.ts';

const DATABASE = `banyan_dump_${process.pid}`;
const SERVER = ['-uroot', '-h127.0.0.1', '--connect-timeout=2'];
const sql = (text: string, ...more: readonly string[]): string => execFileSync('mysql', [...SERVER, ...more], { input: text, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
/** Rows of fields. */
const rows = (query: string): string[][] => sql(query, '-N', '--raw', DATABASE).split('\n').filter((line) => line !== '').map((line) => line.split('\t'));

function absence(): string | null {
  try {
    return sql('SELECT version()', '-N').includes('MariaDB') ? null : 'the server on 127.0.0.1 is no MariaDB';
  } catch {
    return 'no MariaDB on 127.0.0.1 that root may use without a password, or no client';
  }
}

const TABLES = `
CREATE TABLE users (
  id int unsigned NOT NULL AUTO_INCREMENT, email varchar(80) NOT NULL COMMENT 'it''s; the "mail"', name char(10) DEFAULT 'a\\'b', state enum('new','it''s, ok','gone') NOT NULL DEFAULT 'new', flags set('a','b') DEFAULT 'a',
  ok tinyint(1) DEFAULT 1, small smallint unsigned DEFAULT 7, big bigint unsigned, price decimal(12,2) NOT NULL DEFAULT 0.50, ratio double DEFAULT -1.5, at datetime(6) DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  ts timestamp NOT NULL DEFAULT current_timestamp(), d date DEFAULT '2020-01-01', y year DEFAULT 2024, note mediumtext, raw longblob, bin varbinary(16), j json, bits bit(4) DEFAULT b'0101',
  twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, total decimal(12,2) AS (price * 2) STORED, \`odd \`\`name\` int DEFAULT NULL, latin varchar(5) CHARACTER SET latin1 COLLATE latin1_swedish_ci, inv int INVISIBLE DEFAULT 3,
  PRIMARY KEY (id), UNIQUE KEY email (email), UNIQUE KEY prefix (name(3), small DESC), KEY state_at (state, at), FULLTEXT KEY words (note), KEY h (small) USING HASH, CONSTRAINT price_ok CHECK (price >= 0 AND \`odd \`\`name\` <> 5)
) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci COMMENT='people; all (of) them';
CREATE TABLE orders (user_id int unsigned NOT NULL, no int NOT NULL, parent int unsigned, place point NOT NULL, PRIMARY KEY (user_id, no), KEY parent (parent), SPATIAL KEY place (place),
  CONSTRAINT o_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE RESTRICT, FOREIGN KEY (parent) REFERENCES users (id) ON DELETE SET NULL) ENGINE=InnoDB;
CREATE TABLE parts (id int NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) ENGINE=InnoDB PARTITION BY RANGE (year(at)) (PARTITION p0 VALUES LESS THAN (2020), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE logs (line text) ENGINE=MyISAM;
INSERT INTO users (email, small, note) VALUES ('a; CREATE TABLE x (y int);', 1, 'it''s \\\\'' -- no'), ('b\`', 2, ') ENGINE=; CREATE TABLE \`z\` (a int);');
CREATE VIEW v AS SELECT id FROM users;
DELIMITER //
CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW BEGIN SET NEW.name = 'x;'; END//
CREATE PROCEDURE pr() BEGIN CREATE TEMPORARY TABLE q (a int); SELECT 1; END//
DELIMITER ;
`;

describeRequiring(absence(), 'a dump of MariaDB', () => {
  beforeAll(() => {
    sql(`CREATE DATABASE ${DATABASE}`);
    sql(TABLES, DATABASE);
  });
  afterAll(() => {
    sql(`DROP DATABASE IF EXISTS ${DATABASE}`);
  });

  it('has the tables that the catalogue has', () => {
    const dump = execFileSync('mysqldump', [...SERVER.slice(0, 2), '--routines', DATABASE], { encoding: 'utf8' });
    const { schema, unread } = readMysqlDump(dump);
    expect(unread).toEqual([]);
    const own = schema.tables.map((table) => ({ ...table, bare: splitTableName(table.name).table }));
    expect(own.map(({ bare }) => bare)).toEqual(['logs', 'orders', 'parts', 'users']);
    const flag = (value: boolean): string => (value ? 'YES' : 'NO');
    expect(own.flatMap(({ bare, columns }) => columns.map((column) => [bare, column.name, flag(column.nullable), flag(column.identity !== undefined), column.generated === undefined ? 'NO' : column.virtual ? 'VIRTUAL' : 'STORED', column.comment ?? '', column.collation ?? '']))).toEqual(
      rows(`SELECT table_name, column_name, is_nullable, IF(extra LIKE '%auto_increment%', 'YES', 'NO'), CASE WHEN extra LIKE '%VIRTUAL GENERATED%' THEN 'VIRTUAL' WHEN extra LIKE '%STORED GENERATED%' THEN 'STORED' ELSE 'NO' END, column_comment,
        IF(data_type IN ('enum', 'set'), IF(data_type = 'set', collation_name, ''), IFNULL(collation_name, '')) FROM information_schema.columns WHERE table_schema = '${DATABASE}' AND table_name <> 'v' ORDER BY table_name, ordinal_position`));
    // Keys and indexes, with their columns in order; the primary key is called PRIMARY.
    const indexes = own.flatMap(({ bare, primaryKey, uniques, indexes: all }) => [
      ...[...(primaryKey ? [primaryKey] : []), ...uniques].map((key) => [bare, key.name, 'unique', key.columns.join()]), ...all.map((index) => [bare, index.name, index.unique ? 'unique' : 'plain', index.columns.map((column) => column ?? '(part)').join()]),
    ]);
    expect(indexes.map((row) => row.join(' ')).toSorted()).toEqual(rows(`SELECT table_name, index_name, IF(non_unique = 0, 'unique', 'plain'), GROUP_CONCAT(IF(sub_part IS NULL OR index_type IN ('SPATIAL'), column_name, '(part)') ORDER BY seq_in_index) FROM information_schema.statistics WHERE table_schema = '${DATABASE}' GROUP BY 1, 2, 3`).map((row) => row.join(' ')).toSorted());
    const keys = own.flatMap(({ bare, foreignKeys }) => foreignKeys.map((key) => [bare, key.name, splitTableName(key.references).table, key.onDelete, key.columns.join(), key.referencedColumns.join()].join(' ')));
    expect(keys.toSorted()).toEqual(rows(`SELECT r.table_name, r.constraint_name, r.referenced_table_name, REPLACE(LOWER(r.delete_rule), 'restrict', 'no action'), k.column_name, k.referenced_column_name FROM information_schema.referential_constraints r JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name, table_name) WHERE r.constraint_schema = '${DATABASE}'`).map((row) => row.join(' ')).toSorted());
    expect(own.flatMap(({ bare, checks }) => checks.filter(({ name }) => !name.endsWith(' SET')).map(({ name }) => `${bare} ${name}`)).toSorted()).toEqual(rows(`SELECT table_name, constraint_name FROM information_schema.check_constraints WHERE constraint_schema = '${DATABASE}'`).map((row) => row.join(' ')).toSorted());
    expect(schema.enums).toEqual([{ schema: 'public', name: 'users.state', labels: ['new', "it's, ok", 'gone'] }]);
    expect(own.find(({ bare }) => bare === 'users')?.comment).toBe('people; all (of) them');
  });
});
