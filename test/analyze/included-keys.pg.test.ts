import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServiceBoundaryAnalyzer } from '../../src/analyze/analyzer.ts';
import { judgeKeys, keyCandidates, type JudgedKeys, type KeyCandidate } from '../../src/analyze/included-keys.ts';
import { PostgresIntrospector } from '../../src/postgres/catalog/introspector.ts';
import { testKeyValues } from '../../src/postgres/survey/key-values.ts';
import { describePostgres, testDatabase, type TestDatabase } from '../support/postgres.ts';

// The keys of `sparse` are far apart; those of `dense` and `other` count from 1, and so does nearly every number.
const SCHEMA = `begin; set local search_path = public;
create table account (id uuid primary key);
create table thing (id uuid primary key);
create table dense (id bigint primary key);
create table other (id bigint primary key);
create table sparse (id bigint primary key);
create table country (code text primary key);
create table subject (
  id bigint primary key,
  buyer uuid, stranger uuid, declared uuid references account,
  sparse_no bigint, far_ref bigint, near_ref bigint, quantity bigint, flag_id bigint,
  dense_id bigint, other_id bigint, few_id bigint,
  country_code text, nationality_code text, empty_id uuid);
insert into account select md5('a' || n)::uuid from generate_series(1, 500) n;
insert into thing select md5('t' || n)::uuid from generate_series(1, 500) n;
insert into dense select n from generate_series(1, 1000) n;
insert into other select n from generate_series(1, 400) n;
insert into sparse select n * 7919 from generate_series(1, 300) n;
insert into country select md5('c' || n) from generate_series(1, 60) n;
insert into subject select n,
  md5('a' || n)::uuid, md5('x' || n)::uuid, null,
  n * 7919, n * 7919, n, n, n % 2,
  n, 5000 + n, n,
  md5('c' || n % 50)::text, md5('c' || n % 50)::text, null
  from generate_series(1, 200) n;
commit;`;

describePostgres('undeclared keys in values', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
    await database.pool.query(SCHEMA);
  });
  afterAll(() => database.drop());

  const judged = async (limits: { readonly mostQueries?: number } = {}): Promise<{ readonly tested: number } & JudgedKeys> => {
    const schema = await new PostgresIntrospector({ pool: database.pool }).readSchema();
    const tested = await testKeyValues({ pool: database.pool, candidates: keyCandidates(schema), ...limits });
    return { tested: tested.length, ...judgeKeys(tested) };
  };
  const told = (keys: readonly KeyCandidate[]): string[] =>
    keys.map(({ column, parent }) => `${column} > ${parent.replace('public.', '')}`).sort();

  it('are found where chance can not explain them, and nowhere else', async () => {
    const { confirmed, refuted } = await judged();
    expect(told(confirmed)).toEqual([
      'buyer > account', 'country_code > country', 'dense_id > dense', 'far_ref > sparse', 'nationality_code > country', 'sparse_no > sparse',
    ]);
    // Its numbers are all beyond those of the table that it is named for.
    expect(told(refuted)).toEqual(['other_id > other']);
  });

  it('cost no more queries than allowed, and no write', async () => {
    const { rows } = await database.pool.query<{ n: string }>('select sum(n_tup_ins + n_tup_upd + n_tup_del)::text as n from pg_stat_user_tables');
    expect((await judged({ mostQueries: 3 })).tested).toBeLessThanOrEqual(3);
    const after = await database.pool.query<{ n: string }>('select sum(n_tup_ins + n_tup_upd + n_tup_del)::text as n from pg_stat_user_tables');
    expect(after.rows).toEqual(rows);
  });

  it('are passed over where a table can not be read', async () => {
    const schema = await new PostgresIntrospector({ pool: database.pool }).readSchema();
    const candidates = keyCandidates(schema).filter((key) => key.column === 'buyer');
    expect(told(candidates)).toEqual(['buyer > account', 'buyer > thing']);
    const locked = await database.pool.connect();
    try {
      await locked.query('BEGIN; LOCK TABLE public.account IN ACCESS EXCLUSIVE MODE');
      const tested = await testKeyValues({ pool: database.pool, candidates });
      expect(told(tested)).toEqual(['buyer > thing']);
    } finally {
      await locked.query('ROLLBACK');
      locked.release();
    }
  });

  it('are evidence of their own, and a name that values refute is none', async () => {
    const analyzer = (values: boolean): ServiceBoundaryAnalyzer =>
      new ServiceBoundaryAnalyzer({
        schema: new PostgresIntrospector({ pool: database.pool }),
        ...(values ? { testKeys: (candidates: readonly KeyCandidate[]) => testKeyValues({ pool: database.pool, candidates }) } : {}),
      });
    const pairs = async (values: boolean): Promise<Record<string, number>> => {
      const { document } = await analyzer(values).analyze();
      return Object.fromEntries(document.details.signals.map(({ signal, pairs: count }) => [signal, count]));
    };
    // By names: sparse, dense, other and country. By values: account, country, dense and sparse.
    expect(await pairs(false)).toMatchObject({ values: 0, inferred: 4 });
    expect(await pairs(true)).toMatchObject({ values: 4, inferred: 0 });
  });
});
