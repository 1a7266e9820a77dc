/** A change that breaks the rule, and one that does what is like it without. */
export interface DatabaseExample {
  readonly rule: string;
  readonly old: string;
  readonly failing: string;
  /** The safe way, or a harmless neighbour. */
  readonly passing: string;
  /** Where the passing one starts elsewhere. */
  readonly passingOld?: string;
  readonly renames?: Readonly<Record<string, string>>;
}

type More = Pick<DatabaseExample, 'passingOld' | 'renames'>;

const T = 'CREATE TABLE t (id integer PRIMARY KEY';
const example = (rule: string, old: string, failing: string, passing: string, more: More = {}): DatabaseExample => ({ rule, old, failing, passing, ...more });
/** What is written behind the key of a table t. */
const table = (rule: string, old: string, failing: string, passing: string, more: More = {}): DatabaseExample => {
  const close = (text: string): string => `${T}${text.startsWith(')') ? '' : ', '}${text}`;
  return example(rule, close(old), close(failing), close(passing), { ...more, ...(more.passingOld === undefined ? {} : { passingOld: close(more.passingOld) }) });
};
/** The type of a column c of t. */
const column = (rule: string, old: string, failing: string, passing: string, more: More = {}): DatabaseExample =>
  table(rule, `c ${old});`, `c ${failing});`, `c ${passing});`, { ...more, ...(more.passingOld === undefined ? {} : { passingOld: `c ${more.passingOld});` }) });
/** What stands before, without tables. */
const beside = (rule: string, old: string, failing: string, passing: string, more: More = {}): DatabaseExample => example(rule, old, failing, passing, more);

const U = 'CREATE TABLE u (id integer PRIMARY KEY);';
const P = 'CREATE TABLE p (id integer, at date) PARTITION BY RANGE (at);';
const PART = "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');";
const LOOSE = 'CREATE TABLE p1 (id integer, at date);';
const F = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';";
const TRIGGER = 'CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();';
const VIEW = 'CREATE VIEW v AS SELECT id, c FROM t;';
const MATVIEW = 'CREATE MATERIALIZED VIEW m AS SELECT id, c FROM t;';

const TABLES: readonly DatabaseExample[] = [
  example('table-added', `${T});`, `${T}); ${U}`, `${T}, c text);`),
  example('table-without-key', U, `${U} CREATE TABLE log (line text);`, `${U} CREATE TABLE log (id bigint PRIMARY KEY, line text);`),
  example('table-removed', `${T}); ${U}`, `${T});`, `${T}); CREATE TABLE u (id integer PRIMARY KEY, note text);`),
  example('table-renamed', 'CREATE TABLE t (id integer CONSTRAINT k PRIMARY KEY);', 'CREATE TABLE u (id integer CONSTRAINT k PRIMARY KEY);', 'CREATE TABLE t (id integer CONSTRAINT k PRIMARY KEY, c text);', { renames: { t: 'u' } }),
  example('partition-added', P, `${P} ${PART}`, `${P} CREATE TABLE q (id integer PRIMARY KEY);`),
  example('partition-removed', `${P} ${PART}`, P, `${P} ${PART} CREATE INDEX ON p (at);`),
  example('partition-attached', `${P} ${LOOSE}`, `${P} ${PART}`, `${P} CREATE TABLE p1 (id integer, at date, CHECK (at >= '2026-01-01'));`),
  example('partition-detached', `${P} ${PART}`, `${P} ${LOOSE}`, `${P} ${PART} CREATE INDEX ON p (at);`),
  example('partitioning-changed', 'CREATE TABLE p (id integer, at date);', P, `CREATE TABLE p (id integer, at date); CREATE TABLE p_new (id integer, at date) PARTITION BY RANGE (at);`),
  example('table-unlogged', `${T});`, `CREATE UNLOGGED TABLE t (id integer PRIMARY KEY);`, `${T}); CREATE UNLOGGED TABLE cache (id integer PRIMARY KEY);`),
  example('table-logged', `CREATE UNLOGGED TABLE t (id integer PRIMARY KEY);`, `${T});`, `CREATE UNLOGGED TABLE t (id integer PRIMARY KEY); ${U}`),
  example('row-security-enabled', `${T});`, `${T}); ALTER TABLE t ENABLE ROW LEVEL SECURITY;`, `${T}); CREATE TABLE u (id integer PRIMARY KEY); ALTER TABLE u ENABLE ROW LEVEL SECURITY;`),
  example('row-security-disabled', `${T}); ALTER TABLE t ENABLE ROW LEVEL SECURITY;`, `${T});`, `${T}, c text); ALTER TABLE t ENABLE ROW LEVEL SECURITY;`),
  example('replica-identity-lost', `${T});`, `${T}); ALTER TABLE t REPLICA IDENTITY NOTHING;`, `${T}); ALTER TABLE t REPLICA IDENTITY FULL;`),
  example('replica-identity-changed', `${T});`, `${T}); ALTER TABLE t REPLICA IDENTITY FULL;`, `${T}, c text);`),
  example('table-comment-changed', `${T}); COMMENT ON TABLE t IS 'things';`, `${T}); COMMENT ON TABLE t IS 'all things';`, `${T}); COMMENT ON TABLE t IS 'things'; COMMENT ON COLUMN t.id IS 'key';`),
];

const COLUMNS: readonly DatabaseExample[] = [
  table('column-added', ');', 'c text);', '); CREATE INDEX ON t ((id + 1));'),
  table('required-column-added', ');', 'c text NOT NULL);', "c text NOT NULL DEFAULT '');"),
  table('column-removed', 'c text NOT NULL);', ');', 'c text);'),
  table('column-renamed', 'mail text);', 'email text);', 'mail text, email text);', { renames: { 't.mail': 't.email' } }),
  column('nullability-restriction', 'text', 'text NOT NULL', 'text, CHECK (c IS NOT NULL) NOT VALID'),
  column('nullability-relaxed', 'text NOT NULL', 'text', "text NOT NULL DEFAULT ''"),
  column('default-added', 'text', "text DEFAULT 'x'", "text, d text DEFAULT 'x'"),
  column('default-changed', "text DEFAULT 'x'", "text DEFAULT 'y'", "text DEFAULT  'x'::text"),
  column('default-removed', "text DEFAULT 'x'", 'text', "text DEFAULT 'x' CHECK (c <> '')"),
  column('required-default-removed', "text NOT NULL DEFAULT 'x'", 'text NOT NULL', "text DEFAULT 'x'"),
  column('generated-added', 'integer', 'integer GENERATED ALWAYS AS (id * 2) STORED', 'integer, d integer GENERATED ALWAYS AS (id * 2) STORED'),
  column('generated-removed', 'integer GENERATED ALWAYS AS (id * 2) STORED', 'integer', 'integer GENERATED ALWAYS AS (id * 2) STORED, d integer'),
  column('generated-modified', 'integer GENERATED ALWAYS AS (id * 2) STORED', 'integer GENERATED ALWAYS AS (id * 3) STORED', 'integer GENERATED ALWAYS AS (id  *  2) STORED'),
  column('identity-added', 'bigint NOT NULL', 'bigint GENERATED BY DEFAULT AS IDENTITY', 'bigint NOT NULL UNIQUE'),
  column('identity-always-added', 'bigint NOT NULL', 'bigint GENERATED ALWAYS AS IDENTITY', 'bigint GENERATED BY DEFAULT AS IDENTITY'),
  column('identity-removed', 'bigint GENERATED ALWAYS AS IDENTITY', 'bigint NOT NULL', 'bigint GENERATED BY DEFAULT AS IDENTITY'),
  column('identity-restricted', 'bigint GENERATED BY DEFAULT AS IDENTITY', 'bigint GENERATED ALWAYS AS IDENTITY', 'bigint GENERATED BY DEFAULT AS IDENTITY, d text'),
  column('identity-relaxed', 'bigint GENERATED ALWAYS AS IDENTITY', 'bigint GENERATED BY DEFAULT AS IDENTITY', 'bigint GENERATED ALWAYS AS IDENTITY, d text'),
  table('column-comment-changed', "c text); COMMENT ON COLUMN t.c IS 'colour';", "c text); COMMENT ON COLUMN t.c IS 'shade';", "c text); COMMENT ON COLUMN t.c IS 'colour'; COMMENT ON TABLE t IS 'things';"),
  column('type-widened', 'varchar(10)', 'varchar(20)', 'varchar(10), d varchar(20)'),
  column('type-rewritten', 'integer', 'bigint', 'integer, c_new bigint'),
  column('length-reduction', 'varchar(20)', 'varchar(10)', 'varchar(20), CHECK (length(c) <= 10) NOT VALID'),
  column('precision-reduction', 'numeric(10,4)', 'numeric(10,2)', 'numeric(12,4)'),
  column('number-narrowed', 'bigint', 'integer', 'bigint, CHECK (c <= 2147483647) NOT VALID'),
  column('number-made-inexact', 'numeric(12,2)', 'double precision', 'numeric(14,2)'),
  column('time-zone-added', 'timestamp', 'timestamptz', 'timestamp, c_at timestamptz'),
  column('time-zone-removed', 'timestamptz', 'timestamp', 'timestamptz, c_local timestamp'),
  column('time-of-day-removed', 'timestamp', 'date', 'timestamp, c_day date'),
  column('risky-type-change', 'uuid', 'text', 'uuid, c_text text'),
  column('json-type-changed', 'json', 'jsonb', 'json, c_new jsonb'),
  column('array-changed', 'text', 'text[]', 'text, cs text[]'),
  column('incompatible-type-change', 'text', 'integer', 'text, c_number integer'),
  column('collation-changed', 'text', 'text COLLATE "C"', 'text, d text COLLATE "C"'),
];

const REF = 'u_id integer REFERENCES u';
const INDEXED = 'CREATE INDEX t_u_id ON t (u_id);';
const key = (rule: string, old: string, failing: string, passing: string): DatabaseExample => example(rule, `${U} ${T}, ${old}`, `${U} ${T}, ${failing}`, `${U} ${T}, ${passing}`);

const CONSTRAINTS: readonly DatabaseExample[] = [
  example('primary-key-added', 'CREATE TABLE t (id integer NOT NULL);', 'CREATE TABLE t (id integer NOT NULL, PRIMARY KEY (id));', 'CREATE TABLE t (id integer NOT NULL); CREATE INDEX ON t (id);'),
  example('primary-key-removed', `${T});`, 'CREATE TABLE t (id integer NOT NULL);', `${T}, c text);`),
  example('primary-key-modified', 'CREATE TABLE t (a integer NOT NULL, b integer NOT NULL, PRIMARY KEY (a));', 'CREATE TABLE t (a integer NOT NULL, b integer NOT NULL, PRIMARY KEY (a, b));', 'CREATE TABLE t (a integer NOT NULL, b integer NOT NULL, PRIMARY KEY (a)); CREATE INDEX ON t (b, a);'),
  example('primary-key-renamed', `${T});`, 'CREATE TABLE t (id integer CONSTRAINT t_key PRIMARY KEY);', `${T}, c text);`),
  table('unique-added', 'c text);', 'c text UNIQUE);', 'c text); CREATE INDEX ON t (c);'),
  table('unique-removed', 'c text UNIQUE);', 'c text);', 'c text UNIQUE); CREATE INDEX ON t (lower(c));'),
  table('unique-modified', 'c text, d text, CONSTRAINT k UNIQUE (c));', 'c text, d text, CONSTRAINT k UNIQUE (c, d));', 'c text, d text, CONSTRAINT k UNIQUE (c)); CREATE INDEX ON t (d, c);'),
  table('unique-renamed', 'c text, CONSTRAINT k UNIQUE (c));', 'c text, CONSTRAINT l UNIQUE (c));', 'c text, CONSTRAINT k UNIQUE (c), d text);'),
  key('foreign-key-added', `u_id integer); ${INDEXED}`, `${REF}); ${INDEXED}`, `u_id integer, u_name text); ${INDEXED}`),
  key('foreign-key-removed', `${REF}); ${INDEXED}`, `u_id integer); ${INDEXED}`, `${REF}, c text); ${INDEXED}`),
  key('foreign-key-modified', `${REF}); ${INDEXED}`, `${REF} ON DELETE SET NULL); ${INDEXED}`, `${REF} ON DELETE NO ACTION); ${INDEXED}`),
  key('foreign-key-cascades', `${REF}); ${INDEXED}`, `${REF} ON DELETE CASCADE); ${INDEXED}`, `${REF} ON DELETE RESTRICT); ${INDEXED}`),
  key('foreign-key-renamed', `u_id integer, CONSTRAINT k FOREIGN KEY (u_id) REFERENCES u (id)); ${INDEXED}`, `u_id integer, CONSTRAINT l FOREIGN KEY (u_id) REFERENCES u (id)); ${INDEXED}`, `u_id integer, CONSTRAINT k FOREIGN KEY (u_id) REFERENCES u (id), d text); ${INDEXED}`),
  example('foreign-key-without-index', U, `${U} ${T}, ${REF});`, `${U} ${T}, ${REF}); ${INDEXED}`),
  table('constraint-not-validated', 'c integer);', 'c integer); ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID;', 'c integer, CONSTRAINT k CHECK (c > 0));'),
  table('check-added', 'c integer);', 'c integer, CHECK (c > 0));', 'c integer, d integer);'),
  table('check-removed', 'c integer, CHECK (c > 0));', 'c integer);', 'c integer, CHECK (c>0), d integer);'),
  table('check-modified', 'c integer, CONSTRAINT k CHECK (c > 0));', 'c integer, CONSTRAINT k CHECK (c > 1));', 'c integer, CONSTRAINT k CHECK ((c > 0)));'),
  table('check-renamed', 'c integer, CONSTRAINT k CHECK (c > 0));', 'c integer, CONSTRAINT l CHECK (c > 0));', 'c integer, CONSTRAINT k CHECK (c > 0), d integer);'),
  table('exclusion-added', 'c int4range);', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH &&));', 'c int4range); CREATE INDEX ON t USING gist (c);'),
  table('exclusion-removed', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH &&));', 'c int4range);', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH &&), d integer);'),
  table('exclusion-modified', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH &&));', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH =));', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH &&), d integer);'),
  table('exclusion-renamed', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH &&));', 'c int4range, CONSTRAINT y EXCLUDE USING gist (c WITH &&));', 'c int4range, CONSTRAINT x EXCLUDE USING gist (c WITH &&), d integer);'),
  table('index-added', 'c text);', 'c text); CREATE INDEX ON t (c);', 'c text, d text);'),
  table('unique-index-added', 'c text);', 'c text); CREATE UNIQUE INDEX ON t (c);', 'c text); CREATE INDEX ON t (c);'),
  table('index-removed', 'c text); CREATE INDEX i ON t (c);', 'c text);', 'c text); CREATE INDEX i ON t USING btree (c);'),
  table('unique-index-removed', 'c text); CREATE UNIQUE INDEX i ON t (c);', 'c text);', 'c text, d text); CREATE UNIQUE INDEX i ON t (c);'),
  table('index-modified', 'c text, d text); CREATE INDEX i ON t (c);', 'c text, d text); CREATE INDEX i ON t (c, d);', 'c text, d text); CREATE INDEX i ON t (c); CREATE INDEX j ON t (d);'),
  table('unique-index-modified', 'c text, d text); CREATE UNIQUE INDEX i ON t (c, d);', 'c text, d text); CREATE UNIQUE INDEX i ON t (c);', 'c text, d text); CREATE UNIQUE INDEX i ON t (c, d); CREATE INDEX j ON t (d);'),
  example('index-redundant', U, `${U} ${T}, c text, d text); CREATE INDEX i ON t (c, d); CREATE INDEX j ON t (c);`, `${U} ${T}, c text, d text); CREATE INDEX i ON t (c, d); CREATE INDEX j ON t (d);`),
  table('index-renamed', 'c text); CREATE INDEX i ON t (c);', 'c text); CREATE INDEX j ON t (c);', 'c text, d text); CREATE INDEX i ON t (c);'),
];

const ENUM = "CREATE TYPE e AS ENUM ('a', 'b');";
const DOMAIN = 'CREATE DOMAIN d AS integer CONSTRAINT k CHECK (VALUE > 0);';
const PAIR = 'CREATE TYPE c AS (x integer);';

const OBJECTS: readonly DatabaseExample[] = [
  beside('enum-added', U, `${U} ${ENUM}`, `${U} CREATE DOMAIN e AS text;`),
  beside('enum-removed', `${U} ${ENUM}`, U, `${U} CREATE TYPE e AS ENUM ('a', 'b', 'c');`),
  beside('enum-value-added', ENUM, "CREATE TYPE e AS ENUM ('a', 'b', 'c');", `${ENUM} CREATE TYPE e2 AS ENUM ('a', 'b', 'c');`),
  beside('enum-value-removed', ENUM, "CREATE TYPE e AS ENUM ('a');", "CREATE TYPE e AS ENUM ('b', 'a');"),
  beside('enum-order-changed', ENUM, "CREATE TYPE e AS ENUM ('b', 'a');", "CREATE TYPE e AS ENUM ('a', 'b', 'c');"),
  beside('domain-added', U, `${U} ${DOMAIN}`, `${U} ${ENUM}`),
  beside('domain-removed', `${U} ${DOMAIN}`, U, `${U} CREATE DOMAIN d AS integer;`),
  beside('domain-type-changed', DOMAIN, 'CREATE DOMAIN d AS bigint CONSTRAINT k CHECK (VALUE > 0);', `${DOMAIN} CREATE DOMAIN d2 AS bigint;`),
  beside('domain-restricted', DOMAIN, 'CREATE DOMAIN d AS integer CONSTRAINT k CHECK (VALUE > 0) CONSTRAINT l CHECK (VALUE < 9);', 'CREATE DOMAIN d AS integer;'),
  beside('domain-relaxed', DOMAIN, 'CREATE DOMAIN d AS integer;', 'CREATE DOMAIN d AS integer CONSTRAINT k CHECK (VALUE>0);'),
  beside('domain-modified', DOMAIN, 'CREATE DOMAIN d AS integer DEFAULT 5 CONSTRAINT k CHECK (VALUE > 0);', DOMAIN),
  beside('type-added', U, `${U} ${PAIR}`, `${U} ${ENUM}`),
  beside('type-removed', `${U} ${PAIR}`, U, `${U} ${PAIR} ${ENUM}`),
  beside('composite-type-changed', PAIR, 'CREATE TYPE c AS (x integer, y text);', `${PAIR} CREATE TYPE c2 AS (x integer, y text);`),
  beside('sequence-added', U, `${U} CREATE SEQUENCE s;`, 'CREATE TABLE u (id integer PRIMARY KEY, n integer);'),
  beside('sequence-removed', `${U} CREATE SEQUENCE s;`, U, `${U} CREATE SEQUENCE s; CREATE SEQUENCE z;`),
  beside('sequence-modified', 'CREATE SEQUENCE s;', 'CREATE SEQUENCE s INCREMENT BY 10;', 'CREATE SEQUENCE s; CREATE SEQUENCE z INCREMENT BY 10;'),
  beside('sequence-shortened', 'CREATE SEQUENCE s;', 'CREATE SEQUENCE s MAXVALUE 1000;', 'CREATE SEQUENCE s CYCLE;'),
  table('view-added', 'c text);', `c text); ${VIEW}`, 'c text, d text);'),
  table('view-removed', `c text); ${VIEW}`, 'c text);', `c text, d text); ${VIEW}`),
  table('view-column-removed', 'c text); CREATE VIEW v (a, b) AS SELECT id, c FROM t;', 'c text); CREATE VIEW v (a) AS SELECT id FROM t;', 'c text); CREATE VIEW v (a, b) AS SELECT id, lower(c) FROM t;'),
  table('view-modified', `c text); ${VIEW}`, 'c text); CREATE VIEW v AS SELECT id, c FROM t WHERE id > 0;', 'c text); CREATE VIEW v AS select id,  c from t;'),
  table('materialized-view-added', 'c text);', `c text); ${MATVIEW}`, `c text); ${VIEW}`),
  table('materialized-view-removed', `c text); ${MATVIEW}`, 'c text);', `c text, d text); ${MATVIEW}`),
  table('materialized-view-column-removed', 'c text); CREATE MATERIALIZED VIEW m (a, b) AS SELECT id, c FROM t;', 'c text); CREATE MATERIALIZED VIEW m (a) AS SELECT id FROM t;', 'c text); CREATE MATERIALIZED VIEW m (a, b) AS SELECT id, lower(c) FROM t;'),
  table('materialized-view-modified', `c text); ${MATVIEW}`, 'c text); CREATE MATERIALIZED VIEW m AS SELECT id, c FROM t WHERE id > 0;', `c text); ${MATVIEW} CREATE MATERIALIZED VIEW m2 AS SELECT id, c FROM t WHERE id > 0;`),
  table('trigger-added', `); ${F}`, `); ${F} ${TRIGGER}`, `); ${F} CREATE TABLE u (id integer PRIMARY KEY);`),
  table('trigger-removed', `); ${F} ${TRIGGER}`, `); ${F}`, `c text); ${F} ${TRIGGER}`),
  table('trigger-modified', `); ${F} ${TRIGGER}`, `); ${F} ${TRIGGER.replace('INSERT', 'UPDATE')}`, `); ${F} ${TRIGGER.toLowerCase()}`),
  table('trigger-disabled', `); ${F} ${TRIGGER}`, `); ${F} ${TRIGGER} ALTER TABLE t DISABLE TRIGGER a;`, `c text); ${F} ${TRIGGER}`),
  table('trigger-firing-changed', `); ${F} ${TRIGGER}`, `); ${F} ${TRIGGER} ALTER TABLE t ENABLE ALWAYS TRIGGER a;`, `); ${F} ${TRIGGER} ALTER TABLE t ENABLE TRIGGER a;`),
  beside('extension-added', U, `${U} CREATE EXTENSION citext;`, 'CREATE TABLE u (id integer PRIMARY KEY, n text);'),
  beside('extension-removed', `${U} CREATE EXTENSION citext;`, U, `${U} CREATE EXTENSION citext; CREATE TABLE t (id integer PRIMARY KEY);`),
];

const SUM = "CREATE FUNCTION f(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE sql AS 'SELECT a + b';";
const CALL = "CREATE PROCEDURE f(a integer, b integer DEFAULT 1) LANGUAGE plpgsql AS 'BEGIN END';";
/** The same of functions and of procedures. */
const routines = (kind: 'function' | 'procedure', own: string): DatabaseExample[] => {
  const body = /AS (.*);$/.exec(own)?.[1] ?? '';
  return [
    beside(`${kind}-added`, U, `${U} ${own}`, 'CREATE TABLE u (id integer PRIMARY KEY, n integer);'),
    beside(`${kind}-removed`, `${U} ${own}`, U, `${U} ${own.replace(body, `${body.slice(0, -1)} '`)}`),
    beside(`${kind}-arguments-changed`, own, own.replace(' DEFAULT 1', ''), `${own} ${own.replace(' f(a integer, b integer DEFAULT 1)', ' g(a integer, b integer)')}`),
    beside(`${kind}-body-changed`, own, own.replace(body, "'SELECT 0'"), own.replace(body, body.replace("'", "' "))),
    beside(`${kind}-security-changed`, own, own.replace(' AS ', ' SECURITY DEFINER AS '), own.replace(' AS ', ' SECURITY INVOKER AS ')),
    beside(`${kind}-attributes-changed`, own, own.replace(' AS ', " SET work_mem = '1MB' AS "), own.toLowerCase().replace(body.toLowerCase(), body)),
  ];
};
const SECURED = `${T}, c integer); ALTER TABLE t ENABLE ROW LEVEL SECURITY;`;
const POLICY = 'CREATE POLICY p ON t USING (c > 0);';
const STRICT = 'CREATE POLICY s ON t AS RESTRICTIVE USING (c > 0);';
const GRANT = 'GRANT SELECT ON t TO reporting;';

const ROUTINES: readonly DatabaseExample[] = [
  ...routines('function', SUM), ...routines('procedure', CALL),
  beside('function-return-type-changed', SUM, SUM.replace('RETURNS integer', 'RETURNS bigint'), SUM.replace('RETURNS integer', 'RETURNS int')),
  beside('row-security-forced', SECURED, `${SECURED} ALTER TABLE t FORCE ROW LEVEL SECURITY;`, `${SECURED} ALTER TABLE t NO FORCE ROW LEVEL SECURITY;`),
  beside('row-security-unforced', `${SECURED} ALTER TABLE t FORCE ROW LEVEL SECURITY;`, SECURED, `${SECURED} ${POLICY} ALTER TABLE t FORCE ROW LEVEL SECURITY;`),
  beside('policy-added', SECURED, `${SECURED} ${POLICY}`, `${SECURED} ${STRICT}`),
  beside('restrictive-policy-added', SECURED, `${SECURED} ${STRICT}`, `${SECURED} ${POLICY}`),
  beside('policy-removed', `${SECURED} ${POLICY}`, SECURED, `${SECURED} CREATE POLICY p ON t USING (c > -1);`),
  beside('restrictive-policy-removed', `${SECURED} ${STRICT}`, SECURED, `${SECURED} ${STRICT} ${POLICY}`),
  beside('policy-modified', `${SECURED} ${POLICY}`, `${SECURED} CREATE POLICY p ON t USING (c > 1);`, `${SECURED} CREATE POLICY p ON t AS PERMISSIVE FOR ALL TO PUBLIC USING ((c>0));`),
  table('privilege-granted', `); ${GRANT}`, `); ${GRANT} GRANT INSERT ON t TO reporting;`, `); ${GRANT} GRANT SELECT ON t TO reporting;`),
  table('privilege-revoked', `); ${GRANT}`, `); ${GRANT} REVOKE SELECT ON t FROM reporting;`, `); ${GRANT} REVOKE INSERT ON t FROM reporting;`),
  table('materialized-view-index-added', `c text); ${MATVIEW}`, `c text); ${MATVIEW} CREATE INDEX ON m (c);`, `c text); ${MATVIEW} CREATE INDEX ON t (c);`),
  table('materialized-view-index-removed', `c text); ${MATVIEW} CREATE INDEX i ON m (c);`, `c text); ${MATVIEW}`, `c text); ${MATVIEW} CREATE INDEX i ON m USING btree (c);`),
  table('materialized-view-index-modified', `c text); ${MATVIEW} CREATE INDEX i ON m (c);`, `c text); ${MATVIEW} CREATE INDEX i ON m (c, id);`, `c text); ${MATVIEW} CREATE INDEX i ON m (c); CREATE INDEX j ON m (id);`),
  table('statistics-added', 'a text, b text);', 'a text, b text); CREATE STATISTICS s ON a, b FROM t;', 'a text, b text); CREATE INDEX ON t (a, b);'),
  table('statistics-removed', 'a text, b text); CREATE STATISTICS s ON a, b FROM t;', 'a text, b text);', 'a text, b text); CREATE STATISTICS s ON b, a FROM t;'),
  table('statistics-modified', 'a text, b text); CREATE STATISTICS s ON a, b FROM t;', 'a text, b text); CREATE STATISTICS s (ndistinct) ON a, b FROM t;', 'a text, b text); CREATE STATISTICS s (mcv, dependencies, ndistinct) ON a, b FROM t;'),
  beside('extension-version-changed', "CREATE EXTENSION citext VERSION '1.5';", "CREATE EXTENSION citext VERSION '1.6';", 'CREATE EXTENSION citext;'),
];

export const DATABASE_EXAMPLES: readonly DatabaseExample[] = [...TABLES, ...COLUMNS, ...CONSTRAINTS, ...OBJECTS, ...ROUTINES];
