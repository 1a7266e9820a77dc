import { afterEach, describe, expect, it, vi } from 'vitest';
import { tableName } from '../../src/model/names.ts';
import { PostgresChecksummer } from '../../src/postgres/checksum/checksummer.ts';
import { PostgresChecksumSnapshot } from '../../src/postgres/checksum/snapshot.ts';
import type { Progress } from '../../src/validate/progress.ts';
import { ConsistencyValidator, type ValidateOptions, type ValidatorOptions } from '../../src/validate/validator.ts';
import { until } from '../support/condition.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';
import { instantClock } from './instant-clock.ts';

describePostgres('validation on PostgreSQL', () => {
  let open: TestDatabase[] = [];

  afterEach(async () => {
    // Whatever happened, no connection is left in a transaction.
    for (const database of open) {
      expect(database.pool.idleCount).toBe(database.pool.totalCount);
      await database.drop();
    }
    open = [];
  });

  /** The same SQL on both sides, then each side's own. */
  async function sides(both: string, source = '', target = '', options: ValidatorOptions & { readonly pagesPerPart?: number } = {}) {
    const [a, b] = await Promise.all([testDatabase(), testDatabase()]);
    open = [a, b];
    await Promise.all([a.query(`SET search_path = public; ${both}; ${source}`), b.query(`SET search_path = public; ${both}; ${target}`)]);
    const { pagesPerPart, ...rest } = options;
    const checksummers = [a, b].map(({ pool }) => new PostgresChecksummer({ pool, ...(pagesPerPart === undefined ? {} : { pagesPerPart }) })) as [PostgresChecksummer, PostgresChecksummer];
    const validator = new ConsistencyValidator({ checksummer: checksummers[0] }, { checksummer: checksummers[1] }, { clock: instantClock(), ...rest });
    const validate = async (run: ValidateOptions = {}) => {
      const report = await validator.validate({ tables: ['t'], ...run });
      return { report, table: report.tables[0]! };
    };
    return { a, b, checksummers, validator, validate };
  }

  it('prints the report of its interface', async () => {
    const { validate } = await sides(
      "CREATE TABLE t (id int PRIMARY KEY, name text, at timestamptz); INSERT INTO t SELECT g, 'n' || g, '2024-01-01 00:00:00.123456Z' FROM generate_series(1, 10) g",
      'DELETE FROM t WHERE id = 9',
      "DELETE FROM t WHERE id = 2; UPDATE t SET name = NULL, at = at + interval '1 microsecond' WHERE id = 5",
    );
    const { report } = await validate();
    expect(report).toEqual({
      consistent: false,
      level: 'full',
      rows: 9,
      seconds: expect.any(Number),
      score: 1 - 3 / 9,
      tables: [
        {
          table: 'public.t',
          consistent: false,
          source: 9,
          target: 9,
          missing: ['2'],
          extra: ['9'],
          different: [
            {
              key: '5',
              columns: {
                name: { source: 'n5', target: null },
                at: { source: '2024-01-01 00:00:00.123456+00', target: '2024-01-01 00:00:00.123457+00' },
              },
            },
          ],
          counts: { missing: 1, extra: 1, different: 1, unsettled: 0 },
          score: 1 - 3 / 9,
          seconds: expect.any(Number),
        },
      ],
    });
    expect((await validate({ level: 'checksum' })).table.different).toEqual([{ key: '5', columns: {} }]);
  });

  it('names composite keys by column, and counts copies where there is no key', async () => {
    const { validate } = await sides(
      `CREATE TABLE t ("Tenant" uuid, n int, v int, PRIMARY KEY ("Tenant", n)); INSERT INTO t VALUES ('00000000-0000-0000-0000-000000000001', 7, 1);
       CREATE TABLE bag (a int, b text); INSERT INTO bag VALUES (1, 'x'), (1, 'x'), (1, 'x'), (2, NULL), (3, 'only once')`,
      "DELETE FROM bag WHERE a = 3; INSERT INTO bag VALUES (4, 'more')",
      "DELETE FROM t; DELETE FROM bag WHERE ctid IN (SELECT ctid FROM bag WHERE a = 1 LIMIT 2)",
    );
    const { report } = await validate({ tables: ['t', 'bag'] });
    expect(report.tables[0]?.missing).toEqual([{ Tenant: '00000000-0000-0000-0000-000000000001', n: '7' }]);
    expect(report.tables[1]).toMatchObject({ counts: { missing: 3, extra: 1, different: 0 }, different: [] });
    expect(report.tables[1]?.missing).toHaveLength(2);
    expect(report.tables[1]?.missing).toEqual(expect.arrayContaining([{ row: { a: '1', b: 'x' }, source: 3, target: 1 }, { row: { a: '4', b: 'more' }, source: 1, target: 0 }]));
    expect(report.tables[1]?.extra).toEqual([{ row: { a: '3', b: 'only once' }, source: 0, target: 1 }]);
    const counted = await validate({ tables: ['t', 'bag'], level: 'count' });
    expect(counted.report.tables.map(({ counts }) => [counts.missing, counts.extra])).toEqual([[1, 0], [3, 1]]);
  });

  it('follows a mapping: other names, a filter, chosen columns', async () => {
    const { a, validate } = await sides(
      'SELECT 1',
      "CREATE TABLE users (id int PRIMARY KEY, name text, secret text, kind text); INSERT INTO users VALUES (1, 'a', 's', 'person'), (2, 'b', 's', 'robot'), (3, 'c', 's', 'person')",
      "CREATE SCHEMA auth; CREATE TABLE auth.\"Account\" (user_id bigint PRIMARY KEY, full_name varchar(20), sort text); INSERT INTO auth.\"Account\" VALUES (1, 'a', 'person'), (3, 'x', 'person')",
    );
    const spec = {
      table: 'users',
      as: 'auth."Account"',
      columns: [{ source: 'id', target: 'user_id' }, { source: 'name', target: 'full_name' }],
      where: "kind = 'person' -- not robots",
      targetWhere: "sort = 'person'",
    };
    const { table } = await validate({ tables: [spec] });
    expect(table).toMatchObject({ table: 'public.users', targetTable: 'auth."Account"', source: 2, target: 2, missing: [], extra: [], different: [{ key: '3', columns: { name: { source: 'c', target: 'x' } } }] });
    await a.query("UPDATE public.users SET name = 'x' WHERE id = 3");
    expect((await validate({ tables: [spec] })).report.consistent).toBe(true);
  });

  it('compares columns whose types differ by what they mean', async () => {
    const { validate } = await sides(
      'SELECT 1',
      `CREATE TABLE t (id int PRIMARY KEY, n int, m int, r real, d date, ts timestamp, j json, v varchar(9), e text);
       INSERT INTO t SELECT g, g, g, g / 8.0, '2024-02-29', '2024-02-29 10:00:00.000001', '{"b":1, "a":[]}', 'é', 'sad' FROM generate_series(1, 3) g`,
      `CREATE TYPE mood AS ENUM ('happy', 'sad');
       CREATE TABLE t (id bigint PRIMARY KEY, n bigint, m numeric(9,2), r float8, d timestamptz, ts timestamptz, j jsonb, v text, e mood);
       INSERT INTO t SELECT g, g, g, g / 8.0, '2024-02-29 00:00Z', '2024-02-29 10:00:00.000001Z', '{"a":[], "b":1.0}', 'é', 'sad' FROM generate_series(1, 3) g;
       UPDATE t SET n = n + 4294967296 * 1, m = m + 0.01, j = '{"a":[], "b":2}' WHERE id = 2`,
    );
    expect((await validate()).table).toMatchObject({ missing: [], extra: [], different: [{ key: '2', columns: { n: { source: '2', target: '4294967298' }, m: { source: '2', target: '2.01' }, j: {} } }] });
    expect((await validate({ hash: 'canonical' })).table.different).toHaveLength(1);
  });

  it('is strict about spelling only when exact, and lenient about floats only when told', async () => {
    const { validate } = await sides(
      'CREATE TABLE t (id int PRIMARY KEY, n numeric, f float8, j jsonb, l numeric[])',
      "INSERT INTO t VALUES (1, 1.10, '0', '{\"a\": 1.10}', '{1.0}'), (2, 1, 1.0000001, '1', NULL), (3, 1, 2, '1', NULL)",
      "INSERT INTO t VALUES (1, 1.1, '-0', '{\"a\": 1.1}', '{1}'), (2, 1, 1, '1', NULL), (3, 1, 3, '1', NULL)",
    );
    expect((await validate()).table.different.map(({ key }) => key)).toEqual(['2', '3']);
    expect((await validate({ tolerance: 1e-6 })).table.different.map(({ key }) => key)).toEqual(['3']);
    const exact = (await validate({ exact: true })).table.different;
    expect(exact.map(({ key, columns }) => [key, Object.keys(columns)])).toEqual([['1', ['n', 'f', 'j', 'l']], ['2', ['f']], ['3', ['f']]]);
  });

  it('tolerates what a kind of number or a column may be apart, and no whole number', async () => {
    const { validate } = await sides(
      'CREATE TABLE t (id int PRIMARY KEY, n int, m numeric(12,2), r numeric, f float8, at text)',
      "INSERT INTO t VALUES (1, 1000000, 10.00, 9007199254740993.01, 1000000, 'a'), (2, 1, 10.00, 1, 1, 'b')",
      "INSERT INTO t VALUES (1, 1000001, 10.01, 9007199254740993.02, 1000000.5, 'a'), (2, 1, 10.02, 1, 1, 'c')",
    );
    const found = async (run: ValidateOptions) => (await validate(run)).table.different.map(({ key, columns }) => [key, Object.keys(columns).join()]);
    const generous = { floats: { relative: 1e-6 }, decimals: { absolute: 0.01 } };
    expect(await found({ tolerance: generous })).toEqual([['1', 'n'], ['2', 'm,at']]);
    expect(await found({ tolerance: generous, exclude: ['at', 'm'], level: 'checksum' })).toEqual([['1', '']]);
    expect(await found({ tables: [{ table: 't', tolerance: { columns: { m: { absolute: '0.02' } } }, exclude: ['at'] }] })).toEqual([['1', 'n,r,f']]);
    expect(await found({ tolerance: generous, exact: true, tables: [{ table: 't', exclude: ['n', 'at'] }] })).toEqual([['1', 'm,r,f'], ['2', 'm']]);
    expect((await validate({ level: 'count', tables: [{ table: 't', level: 'checksum', exclude: ['n', 'at'], tolerance: generous }] })).table).toMatchObject({ level: 'checksum', counts: { different: 1 } });
    const refused = (run: ValidateOptions) => expect(validate(run)).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_COLUMN' });
    await refused({ tables: [{ table: 't', tolerance: { columns: { n: { absolute: 1 } } } }] });
    await refused({ tables: [{ table: 't', tolerance: { columns: { id: { absolute: 1 } } } }] });
    await refused({ tables: [{ table: 't', tolerance: { columns: { nowhere: { absolute: 1 } } } }] });
    await refused({ exclude: ['mistyped'] });
    await refused({ exclude: ['id'] });
  });

  it('sees what the plain record hash can not', async () => {
    const { a, b, validate } = await sides(
      'CREATE TABLE t (id int PRIMARY KEY, a text, b text, n bigint)',
      "INSERT INTO t VALUES (1, 'x', 'p', 5), (2, 'y', 'q', 6)",
      "INSERT INTO t VALUES (1, 'x', 'q', 4294967300), (2, 'y', 'p', 6)",
    );
    const plain = 'SELECT count(*), sum(hash_record_extended(t, 0)) FROM public.t';
    expect(await a.query(plain)).toEqual(await b.query(plain));
    expect((await validate()).table.different.map(({ key, columns }) => [key, Object.keys(columns)])).toEqual([['1', ['b', 'n']], ['2', ['b']]]);
  });

  it('uses the canonical hash between servers that hash differently', async () => {
    const { checksummers: [source, target] } = await sides('CREATE TABLE t (id int PRIMARY KEY, v float8); INSERT INTO t VALUES (1, 0)', '', "UPDATE t SET v = '-0'; INSERT INTO t VALUES (2, 1)");
    expect(await source.testVector()).toBe(await target.testVector());
    expect(await source.testVector()).toMatch(/^UTF8 -?\d+ -?\d+ -?\d+$/);
    const other = new PostgresChecksummer({ pool: open[1]!.pool });
    other.testVector = () => Promise.resolve('another version');
    const leaves = vi.spyOn(PostgresChecksumSnapshot.prototype, 'leaves');
    const report = await new ConsistencyValidator({ checksummer: source }, { checksummer: other }, { clock: instantClock() }).validate({ tables: ['t'] });
    expect(report.tables[0]).toMatchObject({ missing: [], extra: ['2'], different: [] });
    expect(leaves.mock.calls.map(([selection]) => selection.hash)).toEqual(['canonical', 'canonical']);
    leaves.mockRestore();
  });

  it('reports columns and tables that one side lacks', async () => {
    const { validate } = await sides('CREATE TABLE t (id int PRIMARY KEY)', 'ALTER TABLE t ADD a int; CREATE TABLE here (id int)', 'ALTER TABLE t ADD b int; CREATE TABLE there (id int)');
    const { report } = await validate({ tables: undefined as never });
    expect(report.tables.map(({ table, absentOn, drift, consistent }) => [table, absentOn, drift, consistent])).toEqual([
      ['public.here', 'target', undefined, false],
      ['public.t', undefined, [{ column: 'a', absentOn: 'target' }, { column: 'b', absentOn: 'source' }], false],
      ['public.there', 'source', undefined, false],
    ]);
    expect((await validate({ tables: [{ table: 't', columns: ['id'] }] })).report.consistent).toBe(true);
    expect((await validate({ tables: [{ table: 'here', as: 'nowhere' }] })).table).toMatchObject({ targetTable: 'public.nowhere', absentOn: 'target' });
    await expect(validate({ tables: ['nowhere'] })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN' });
  });

  it('lists user tables, partitioned ones as one, none of Banyan or of extensions', async () => {
    const { checksummers } = await sides(
      `CREATE TABLE parts (id int, PRIMARY KEY (id)) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
       CREATE SCHEMA banyan; CREATE TABLE banyan.stream (a int); CREATE VIEW v AS SELECT 1 AS a; CREATE TABLE "Odd ""t" (a int)`,
    );
    expect(await checksummers[0].listTables()).toEqual([tableName('public', 'Odd "t'), tableName('public', 'parts')]);
  });

  it('compares partitioned tables whose partitions differ, views, and tables in parts', async () => {
    const partitions = (bounds: readonly number[]) => bounds.slice(1).map((to, i) => `CREATE TABLE t_${i} PARTITION OF t FOR VALUES FROM (${bounds[i]}) TO (${to})`).join(';');
    const fill = "INSERT INTO t SELECT g, repeat(md5(g::text), 5) FROM generate_series(0, 2999) g";
    const { a, validate, validator } = await sides(
      'CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE VIEW v AS SELECT * FROM t',
      `${partitions([0, 1000, 3000])}; ${fill}`,
      `${partitions([0, 2000, 2500, 3000])}; ${fill}; UPDATE t SET v = 'x' WHERE id = 2700; DELETE FROM t WHERE id = 0`,
      { pagesPerPart: 7 },
    );
    const seen: Progress[] = [];
    expect((await validate({ onProgress: (progress) => seen.push(progress) })).table).toMatchObject({ source: 3000, target: 2999, missing: ['0'], different: [{ key: '2700' }] });
    expect(seen.filter(({ phase }) => phase === 'scan').length).toBeGreaterThan(10);
    expect(seen.at(-1)).toMatchObject({ table: 'public.t', phase: 'recheck', rows: 5999, suspects: 2 });
    expect(seen.every(({ rows, estimatedRows }) => rows <= estimatedRows)).toBe(true);
    const view = await validator.validate({ tables: [{ table: 'v', key: ['id'] }] });
    expect(view.tables[0]).toMatchObject({ missing: ['0'], different: [{ key: '2700' }] });
    await a.query('ANALYZE public.t');
    expect((await validate({ level: 'sample', sampleRows: 500 })).table.sample?.rows).toBeGreaterThan(400);
  });

  it('counts every difference, lists the first, and reads no more than it must', async () => {
    const { validate } = await sides(
      "CREATE TABLE t (id bigint PRIMARY KEY, v int); INSERT INTO t SELECT g, g FROM generate_series(1, 60000) g; ANALYZE t",
      '',
      'UPDATE t SET v = v + 1 WHERE id % 2 = 0; DELETE FROM t WHERE id > 59000; INSERT INTO t SELECT g, 0 FROM generate_series(-9, 0) g',
    );
    const { table } = await validate({ maxDifferences: 5 });
    expect(table).toMatchObject({ source: 60_000, target: 59_010, counts: { missing: 1000, extra: 10, different: 29_500, unsettled: 0 }, extra: ['-9', '-8', '-7', '-6', '-5'] });
    expect(table.missing).toEqual(['59001', '59002', '59003', '59004', '59005']);
    expect(table.different).toHaveLength(5);
    expect(table.different.every(({ columns }) => Object.keys(columns).join() === 'v')).toBe(true);
    expect(table.score).toBeCloseTo(1 - 30_510 / 60_000, 10);
    const counted = await validate({ level: 'count' });
    expect(counted.table.counts).toEqual({ missing: 1000, extra: 10, different: 0, unsettled: 0 });
  });

  it('counts without hashing when the numbers agree', async () => {
    const { validate } = await sides('CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)', '', 'UPDATE t SET v = 2');
    expect((await validate({ level: 'count' })).table).toMatchObject({ consistent: true, source: 1, target: 1 });
  });

  it('bounds what a sample leaves possible', async () => {
    const { validate } = await sides(
      'CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, g FROM generate_series(1, 2000) g; ANALYZE t; CREATE TABLE bag (v int)',
      'INSERT INTO bag VALUES (1)',
      'UPDATE t SET v = 0 WHERE id % 10 = 0; INSERT INTO t SELECT g, g FROM generate_series(5001, 5200) g',
      { random: () => 0.25 },
    );
    const { table } = await validate({ level: 'sample', sampleRows: 600, confidence: 0.99 });
    const { rows, confidence, differingShareAtMost } = table.sample!;
    expect(rows).toBeGreaterThan(450);
    expect(confidence).toBe(0.99);
    // 400 of 2200 rows differ.
    expect(differingShareAtMost).toBeGreaterThan(400 / 2200);
    expect(differingShareAtMost).toBeLessThan(0.35);
    expect(table.counts.extra).toBeGreaterThan(0);
    expect(table.different[0]?.columns).toHaveProperty('v');
    expect((await validate({ level: 'sample', tables: ['bag'] })).table).toMatchObject({ counts: { missing: 1 } });
    expect((await validate({ level: 'sample', where: 'id < 5', sampleRows: 100 })).table.sample?.rows).toBe(4);
  });

  it('counts rows that share a declared key', async () => {
    const { validate } = await sides(
      "CREATE TABLE t (id int NOT NULL, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (2, 'b'), (3, 'c'), (3, 'd')",
      '',
      "DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t WHERE id = 2); UPDATE t SET v = 'e' WHERE v = 'd'",
    );
    expect((await validate({ tables: [{ table: 't', key: ['id'] }] })).table.different).toEqual([
      { key: '2', columns: {}, copies: { source: 2, target: 1 } },
      { key: '3', columns: {}, copies: { source: 2, target: 2 } },
    ]);
  });

  it('refuses a key that holds nulls on either side before it compares, and says how many rows', async () => {
    const { a, b, validate } = await sides('CREATE TABLE t (code text, part int, v int, old boolean NOT NULL DEFAULT false); INSERT INTO t SELECT g, g, g FROM generate_series(1, 9) g', '', "INSERT INTO t VALUES (NULL, 1, 7), (NULL, NULL, 8), ('x', NULL, 9)");
    for (const level of ['full', 'count', 'sample'] as const) {
      await expect(validate({ tables: [{ table: 't', key: ['code', 'part'] }], level })).rejects.toMatchObject({
        code: 'BANYAN_VALIDATE_KEY', message: expect.stringMatching(/target's public\.t .*"code" \(2 rows\), "part" \(2 rows\)/), details: { table: 'public.t', side: 'target', nulls: { code: 2, part: 2 } },
      });
    }
    // Without a key, and without such rows, there is nothing to refuse.
    expect((await validate({ tables: [{ table: 't', key: [] }] })).table.counts).toMatchObject({ extra: 3 });
    expect((await validate({ tables: [{ table: 't', key: ['code', 'part'], where: 'code IS NOT NULL AND part IS NOT NULL' }] })).report.consistent).toBe(true);
    // The key of one side need not be one on the other.
    await a.query('ALTER TABLE public.t ADD PRIMARY KEY (part)');
    await expect(validate()).rejects.toMatchObject({ code: 'BANYAN_VALIDATE_KEY', details: { side: 'target', nulls: { part: 2 } } });
    await b.query('DELETE FROM public.t WHERE part IS NULL OR code IS NULL');
    expect((await validate()).report.consistent).toBe(true);
  });

  it('compares generated columns and domains, and keys of every kind by bytes', async () => {
    const { validate } = await sides(
      `CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       CREATE DOMAIN handle AS text; CREATE DOMAIN deep AS handle CHECK (VALUE <> '');
       CREATE TABLE t (k deep COLLATE nocase PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) STORED)`,
      "INSERT INTO t (k, v) VALUES ('A', 1), ('b', 2)",
      "INSERT INTO t (k, v) VALUES ('A', 1), ('b', 3)",
    );
    expect((await validate()).table.different).toEqual([{ key: 'b', columns: { v: { source: '2', target: '3' }, twice: { source: '4', target: '6' } } }]);
  });

  it('says which table could not be read, and why', async () => {
    const { validate } = await sides('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)', '', 'INSERT INTO t VALUES (2)');
    const refusal = { code: 'BANYAN_VALIDATE_QUERY', details: { table: 'public.t', where: 'nonsense' } };
    await expect(validate({ where: 'nonsense' })).rejects.toMatchObject(refusal);
    await expect(validate({ where: 'nonsense', level: 'count' })).rejects.toMatchObject(refusal);
    await expect(validate({ where: 'nonsense', level: 'sample' })).rejects.toMatchObject(refusal);
    await expect(validate({ tables: [{ table: 't', targetWhere: '1 / (id - 2) > 0' }] })).rejects.toMatchObject({ details: { sqlState: '22012' } });
  });

  it('stops at once when told, also within a statement', async () => {
    const { a, b, validate } = await sides('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    const stop = new AbortController();
    const reason = new Error('enough');
    const stopped = expect(validate({ where: 'pg_sleep(60) IS NOT NULL', signal: stop.signal })).rejects.toBe(reason);
    const sleeping = async (database: TestDatabase) =>
      (await database.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")).length > 0;
    await until(async () => (await sleeping(a)) && (await sleeping(b)));
    stop.abort(reason);
    await stopped;
    await until(async () => !(await sleeping(a)) && !(await sleeping(b)));
    await expect(validate({ signal: stop.signal })).rejects.toBe(reason);
  });

  it('survives a connection that is lost between two statements', async () => {
    const { a, checksummers } = await sides('CREATE TABLE t (id int PRIMARY KEY)');
    const snapshot = await checksummers[0].snapshot();
    await a.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()');
    const selection = { table: tableName('public', 't'), columns: [{ name: 'id', form: 'native' as const }], keyLength: 1, hash: 'record' as const, placedByKey: true };
    await expect(snapshot.count(selection)).rejects.toThrow();
    await snapshot.close();
  });

  describe('metrics', () => {
    it('measures drift, duration and inconsistencies', async () => {
      const measured: [string, number, unknown][] = [];
      const record = (name: string, value: number, labels: unknown) => void measured.push([name, value, labels]);
      const { validate } = await sides(
        'CREATE TABLE t (id int PRIMARY KEY, v int)',
        'INSERT INTO t VALUES (1, 1), (2, 2), (3, 3), (4, 4)',
        'INSERT INTO t VALUES (1, 1), (2, 0), (4, 4), (5, 5)',
        { metrics: { count: (name, labels, value = 1) => record(name, value, labels), gauge: record, observe: record } },
      );
      await validate();
      expect(measured).toEqual([
        ['data_drift_percentage', 75, { table: 'public.t' }],
        ['reconciliation_inconsistencies_total', 1, { table: 'public.t', type: 'missing', severity: 'critical' }],
        ['reconciliation_inconsistencies_total', 1, { table: 'public.t', type: 'extra', severity: 'medium' }],
        ['reconciliation_inconsistencies_total', 1, { table: 'public.t', type: 'different', severity: 'high' }],
        ['reconciliation_duration_seconds', expect.any(Number), { job_type: 'full' }],
      ]);
    });
  });

  it('watches', async () => {
    const { b, validator } = await sides('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    const scores: number[] = [];
    const watch = validator.watch({
      tables: ['t'],
      alertBelow: 0.99,
      onReport: async ({ score }) => {
        scores.push(score);
        await b.query('DELETE FROM public.t');
      },
      onAlert: () => void watch.stop(),
    });
    await watch.finished;
    expect(scores).toEqual([1, 0]);
    expect(watch.latest?.consistent).toBe(false);
  });
});
