import { effectOn, type Effect } from './effect.ts';

const ALL = 'ACCESS EXCLUSIVE';
const UPDATE = 'SHARE UPDATE EXCLUSIVE';
const WRITES = 'SHARE ROW EXCLUSIVE';

/** ALTER TABLE of one table. */
const alter = (sql: string, more: Omit<Effect, 'sql' | 'locks'> & { readonly locks?: Effect['locks'] } = {}): Effect => ({ sql: `ALTER TABLE … ${sql}`, locks: { table: ALL }, ...more });

/** Such as goes down to the partitions. */
const alterAll = (sql: string, more: Omit<Effect, 'sql' | 'locks'> & { readonly locks?: Effect['locks'] } = {}): Effect => alter(sql, { partitions: true, ...more });

const rewritten = { file: 'rewritten', scans: ['table'] } as const;
const matched = { scans: ['table', 'referenced'], also: ['refuses_rows'] } as const;
const looked = { scans: ['table'], also: ['refuses_rows'] } as const;

/**
 * The forms of statements that Banyan knows, with what each does to the tables it names. A test runs each on a live
 * server and compares its locks, files and scans with what stands here.
 */
export const FORMS = {
  'add-column': alterAll('ADD COLUMN, without a default or with one that is the same for each row'),
  'add-column-volatile': alterAll('ADD COLUMN … DEFAULT, of another value for each row', rewritten),
  'add-column-identity': alterAll('ADD COLUMN … GENERATED … AS IDENTITY', rewritten),
  'add-column-stored': alterAll('ADD COLUMN … GENERATED ALWAYS AS (…) STORED', rewritten),
  'add-column-virtual': alterAll('ADD COLUMN … GENERATED ALWAYS AS (…) VIRTUAL', { since: 18 }),
  'add-column-required': alterAll('ADD COLUMN … NOT NULL, without a default', looked),
  'add-column-domain': alterAll('ADD COLUMN, of a domain with constraints', { ...rewritten, also: ['refuses_rows'] }),
  'drop-column': alterAll('DROP COLUMN', { also: ['deletes_data'] }),
  'drop-column-stored': alterAll('DROP COLUMN, of a computed one'),
  'alter-type-kept': alterAll('ALTER COLUMN … TYPE, to a type that holds every value as it is stored'),
  'alter-type-rewritten': alterAll('ALTER COLUMN … TYPE, to a type that stores values otherwise', rewritten),
  'alter-type-refusing': alterAll('ALTER COLUMN … TYPE, to a type that may not hold every value', { ...rewritten, also: ['refuses_rows'] }),
  'alter-type-timestamptz': alterAll('ALTER COLUMN … TYPE, between timestamps with and without time zone; nothing is written anew where TimeZone is UTC', rewritten),
  'alter-type-collation': alterAll('ALTER COLUMN … TYPE … COLLATE, with an index on it', { rebuildsIndexes: true, scans: ['table'] }),
  'set-not-null': alterAll('ALTER COLUMN … SET NOT NULL', looked),
  'set-not-null-proven': alterAll('ALTER COLUMN … SET NOT NULL, where a valid CHECK says so'),
  'drop-not-null': alterAll('ALTER COLUMN … DROP NOT NULL'),
  'set-default': alterAll('ALTER COLUMN … SET DEFAULT'),
  'drop-default': alterAll('ALTER COLUMN … DROP DEFAULT'),
  'set-expression': alterAll('ALTER COLUMN … SET EXPRESSION', { ...rewritten, since: 17 }),
  'drop-expression': alterAll('ALTER COLUMN … DROP EXPRESSION'),
  'add-identity': alter('ALTER COLUMN … ADD GENERATED … AS IDENTITY'),
  'set-identity': alter('ALTER COLUMN … SET GENERATED'),
  'drop-identity': alter('ALTER COLUMN … DROP IDENTITY'),
  'set-statistics': alterAll('ALTER COLUMN … SET STATISTICS', { locks: { table: UPDATE } }),
  'set-column-options': alter('ALTER COLUMN … SET (n_distinct = …)', { locks: { table: UPDATE } }),
  'set-storage': alterAll('ALTER COLUMN … SET STORAGE'),
  'set-compression': alterAll('ALTER COLUMN … SET COMPRESSION', { since: 14 }),
  'add-check': alterAll('ADD CHECK', looked),
  'add-check-not-valid': alterAll('ADD CHECK … NOT VALID'),
  'add-not-null-not-valid': alterAll('ADD CONSTRAINT … NOT NULL … NOT VALID', { since: 18 }),
  'validate-check': alterAll('VALIDATE CONSTRAINT, of a check', { locks: { table: UPDATE }, ...looked }),
  'add-foreign-key': alterAll('ADD FOREIGN KEY', { locks: { table: WRITES, referenced: WRITES }, ...matched }),
  'add-foreign-key-not-valid': alterAll('ADD FOREIGN KEY … NOT VALID, or with a new column that has no default', { locks: { table: WRITES, referenced: WRITES } }),
  'validate-foreign-key': alterAll('VALIDATE CONSTRAINT, of a foreign key', { locks: { table: UPDATE, referenced: 'ROW SHARE' }, ...matched }),
  'add-unique': alterAll('ADD UNIQUE', { ...looked, older: [{ before: 18, partitionLock: 'SHARE' }] }),
  'add-primary-key': alterAll('ADD PRIMARY KEY', looked),
  'add-primary-key-strict': alterAll('ADD PRIMARY KEY, of columns that are NOT NULL', { ...looked, older: [{ before: 18, partitionLock: 'SHARE' }] }),
  'add-exclusion': alterAll('ADD EXCLUDE', looked),
  'add-key-using-index': alter('ADD UNIQUE or PRIMARY KEY USING INDEX, of columns that are NOT NULL'),
  'add-primary-key-using-index-nullable': alter('ADD PRIMARY KEY USING INDEX, of columns that may be null', looked),
  'drop-constraint': alterAll('DROP CONSTRAINT'),
  'drop-foreign-key': alterAll('DROP CONSTRAINT, of a foreign key', { locks: { table: ALL, referenced: ALL } }),
  'alter-constraint': alterAll('ALTER CONSTRAINT … DEFERRABLE', { locks: { table: ALL } }),
  'rename-table': alter('RENAME TO', { also: ['renames'] }),
  'rename-column': alterAll('RENAME COLUMN', { also: ['renames'] }),
  'rename-constraint': alter('RENAME CONSTRAINT'),
  'set-schema': alter('SET SCHEMA', { also: ['renames'] }),
  'owner-to': alter('OWNER TO'),
  'set-persistence': alter('SET UNLOGGED or LOGGED', rewritten),
  'set-options': alter('SET (…) or RESET (…)', { locks: { table: UPDATE } }),
  'row-security': alter('ENABLE, DISABLE or FORCE ROW LEVEL SECURITY'),
  'replica-identity': alter('REPLICA IDENTITY'),
  'switch-trigger': alterAll('ENABLE or DISABLE TRIGGER', { locks: { table: WRITES } }),
  'cluster-on': alter('CLUSTER ON or SET WITHOUT CLUSTER', { locks: { table: UPDATE } }),
  'inherit': alter('INHERIT or NO INHERIT', { locks: { table: ALL, parent: UPDATE } }),
  'attach-partition': { sql: 'ALTER TABLE … ATTACH PARTITION', locks: { parent: UPDATE, partition: ALL }, scans: ['partition'], also: ['refuses_rows'] },
  'detach-partition': { sql: 'ALTER TABLE … DETACH PARTITION', locks: { parent: ALL, partition: ALL }, older: [{ before: 14, locks: { parent: ALL, partition: UPDATE } }] },
  'detach-partition-concurrently': { sql: 'ALTER TABLE … DETACH PARTITION … CONCURRENTLY', locks: { parent: UPDATE, partition: ALL }, outside: true, since: 14 },
  'create-table': { sql: 'CREATE TABLE', locks: {} },
  'create-table-referencing': { sql: 'CREATE TABLE … REFERENCES', locks: { referenced: WRITES } },
  'create-partition': { sql: 'CREATE TABLE … PARTITION OF', locks: { parent: ALL } },
  'create-partition-beside-default': { sql: 'CREATE TABLE … PARTITION OF, where there is a default partition', locks: { parent: ALL, partition: ALL }, scans: ['partition'], also: ['refuses_rows'] },
  'drop-table': { sql: 'DROP TABLE', locks: { table: ALL, referenced: ALL, parent: ALL }, partitions: true, also: ['deletes_data'] },
  'truncate': { sql: 'TRUNCATE', locks: { table: ALL }, file: 'emptied', partitions: true, also: ['deletes_data'] },
  'create-index': { sql: 'CREATE INDEX', locks: { table: 'SHARE' }, scans: ['table'], partitions: true },
  'create-unique-index': { sql: 'CREATE UNIQUE INDEX', locks: { table: 'SHARE' }, ...looked, partitions: true },
  'create-index-concurrently': { sql: 'CREATE INDEX CONCURRENTLY', locks: { table: UPDATE }, scans: ['table'], outside: true },
  'create-unique-index-concurrently': { sql: 'CREATE UNIQUE INDEX CONCURRENTLY', locks: { table: UPDATE }, ...looked, outside: true },
  'drop-index': { sql: 'DROP INDEX', locks: { table: ALL, index: ALL } },
  'drop-index-concurrently': { sql: 'DROP INDEX CONCURRENTLY', locks: { table: UPDATE, index: UPDATE }, outside: true },
  'rename-index': { sql: 'ALTER INDEX … RENAME TO', locks: { index: UPDATE } },
  'reindex': { sql: 'REINDEX', locks: { table: 'SHARE' }, rebuildsIndexes: true, scans: ['table'] },
  'reindex-concurrently': { sql: 'REINDEX … CONCURRENTLY', locks: { table: UPDATE }, rebuildsIndexes: true, scans: ['table'], outside: true },
  'cluster': { sql: 'CLUSTER', locks: { table: ALL }, ...rewritten },
  'vacuum': { sql: 'VACUUM', locks: { table: UPDATE }, outside: true },
  'vacuum-full': { sql: 'VACUUM FULL', locks: { table: ALL }, ...rewritten, outside: true },
  'analyze': { sql: 'ANALYZE', locks: { table: UPDATE } },
  'create-statistics': { sql: 'CREATE STATISTICS', locks: { table: UPDATE } },
  'create-trigger': { sql: 'CREATE TRIGGER', locks: { table: WRITES }, partitions: true },
  'drop-trigger': { sql: 'DROP TRIGGER', locks: { table: ALL } },
  'rename-trigger': { sql: 'ALTER TRIGGER … RENAME TO', locks: { table: ALL } },
  'create-policy': { sql: 'CREATE, ALTER or DROP POLICY', locks: { table: ALL } },
  'create-rule': { sql: 'CREATE or DROP RULE', locks: { table: ALL } },
  'create-view': { sql: 'CREATE VIEW', locks: { read: 'ACCESS SHARE' } },
  'drop-view': { sql: 'DROP VIEW or DROP MATERIALIZED VIEW', locks: { view: ALL }, also: ['view_rebuilt'] },
  'create-materialized-view': { sql: 'CREATE MATERIALIZED VIEW', locks: { read: 'ACCESS SHARE' }, scans: ['read'] },
  'refresh-view': { sql: 'REFRESH MATERIALIZED VIEW', locks: { view: ALL, read: 'ACCESS SHARE' }, file: 'rewritten', scans: ['read', 'view'] },
  'refresh-view-concurrently': { sql: 'REFRESH MATERIALIZED VIEW CONCURRENTLY', locks: { view: 'EXCLUSIVE', read: 'ACCESS SHARE' }, scans: ['read', 'view'] },
  'create-sequence': { sql: 'CREATE SEQUENCE', locks: {} },
  'alter-sequence': { sql: 'ALTER SEQUENCE', locks: { sequence: WRITES } },
  'rename-sequence': { sql: 'ALTER SEQUENCE … RENAME TO', locks: { sequence: ALL } },
  'drop-sequence': { sql: 'DROP SEQUENCE', locks: { sequence: ALL } },
  'create-type': { sql: 'CREATE TYPE or CREATE DOMAIN', locks: {} },
  'add-enum-value': { sql: 'ALTER TYPE … ADD VALUE; the value is usable when the transaction has ended', locks: {} },
  'alter-type': { sql: 'ALTER TYPE … RENAME, OWNER TO or SET SCHEMA', locks: {} },
  'drop-type': { sql: 'DROP TYPE or DROP DOMAIN', locks: {} },
  'alter-domain': { sql: 'ALTER DOMAIN … SET DEFAULT, DROP or ADD … NOT VALID', locks: {} },
  'restrict-domain': { sql: 'ALTER DOMAIN … ADD CHECK, SET NOT NULL', locks: { table: 'SHARE' }, ...looked },
  'validate-domain': { sql: 'ALTER DOMAIN … VALIDATE CONSTRAINT', locks: { table: 'SHARE' }, ...looked },
  'comment': { sql: 'COMMENT ON TABLE or COLUMN', locks: { table: UPDATE } },
  'comment-on-rule': { sql: 'COMMENT ON CONSTRAINT, TRIGGER or POLICY', locks: { table: 'ACCESS SHARE' } },
  'comment-elsewhere': { sql: 'COMMENT ON, anything that is in no table', locks: {} },
  'grant': { sql: 'GRANT or REVOKE', locks: { table: 'ACCESS SHARE' }, older: [{ before: 18, locks: {} }] },
  'insert': { sql: 'INSERT', locks: { table: 'ROW EXCLUSIVE' } },
  'update': { sql: 'UPDATE', locks: { table: 'ROW EXCLUSIVE' }, scans: ['table'] },
  'delete': { sql: 'DELETE', locks: { table: 'ROW EXCLUSIVE' }, scans: ['table'], also: ['deletes_data'] },
  'no-table': { sql: 'SET, SELECT, CREATE SCHEMA, CREATE FUNCTION, CREATE EXTENSION and others that lock no table of yours', locks: {} },
  'unknown': { sql: 'anything else', locks: { table: ALL }, also: ['not_known'] },
} as const satisfies Readonly<Record<string, Effect>>;

export type FormName = keyof typeof FORMS;

/** @param major Of the server; undefined: the newest. */
export const effectOf = (form: FormName, major?: number): Effect => effectOn(FORMS[form], major);
