import { describe, expect, test } from 'vitest';
import type { Application } from '../../src/app/application.ts';
import { BanyanError } from '../../src/core/errors.ts';
import { run, type Run } from './harness.ts';
import * as samples from './samples.ts';

const running = (line: string, application: Partial<Application> = {}): Promise<Run> => run(line.split(' '), { application: () => application });
const shown = async (line: string, application: Partial<Application> = {}): Promise<string> => (await running(line, application)).stdout;

const [repaired] = samples.reconciled.tables;
const untouched = { ...repaired!, missing: 0, extra: 0, different: 0, inserted: 0, updated: 0 };

describe('reconcile', () => {
  const reconcile = (result: Partial<typeof samples.reconciled>): Partial<Application> => ({ reconcile: () => Promise.resolve({ ...samples.reconciled, ...result }) });

  test('a dry run says each repair and each case, and that nothing was written', async () => {
    const found = reconcile({
      consistent: false, dryRun: true, runs: [], tables: [{ ...repaired!, extra: 1, deleted: 1, queued: 1 }],
      repairs: [
        { table: 'public.users', side: 'service', kind: 'insert', key: { id: '1' }, before: [], after: [{ id: '1' }] },
        { table: 'public.users', side: 'service', kind: 'update', key: { id: '2' }, before: [{ id: '2' }], after: [{ id: '2' }] },
        { table: 'public.users', side: 'monolith', kind: 'delete', key: { id: '3' }, before: [{ id: '3' }], after: [] },
      ],
      cases: [{ table: 'public.users', type: 'different', key: { id: '4' }, why: 'equally\u001B[31m new' }],
    });
    const { code, stdout } = await running('reconcile --dry-run', found);
    expect(code).toBe(1);
    expect(stdout).toBe(`   table         policy         found  to insert  to update  to delete  to review  left
✗  public.users  monolith-wins      4          1          2          1          1     0

  + public.users id=1 in the service
  ~ public.users id=2 in the service
  - public.users id=3 in the monolith
  ? public.users id=4, different: equally\\x1b[31m new

Nothing was written. (1.5 s)
`);
  });

  test('a dry run that finds nothing says so, and its exit code is 0', async () => {
    const { code, stdout } = await running('reconcile --dry-run', reconcile({ dryRun: true, runs: [], tables: [untouched] }));
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^✓ {2}public\.users [^]*\nNothing differs\. \(1\.5 s\)\n$/m) as string]);
  });

  test('what would be repaired is a difference, although nothing is left', async () => {
    expect(await shown('reconcile --dry-run')).toMatch(/^✗ {2}public\.users/m);
    expect(await shown('reconcile')).toMatch(/^✓ {2}public\.users/m);
  });

  test('people see the first 20 repairs and cases, the JSON document all', async () => {
    const repairs = Array.from({ length: 21 }, (_, id) => ({ table: 't', side: 'service' as const, kind: 'update' as const, key: { id: String(id) }, before: [], after: [] }));
    const cases = Array.from({ length: 21 }, (_, id) => ({ table: 't', type: 'extra' as const, key: { id: String(id) }, why: 'no deletes' }));
    const many = reconcile({ consistent: false, dryRun: true, runs: [], repairs, cases });
    const text = await shown('reconcile --dry-run', many);
    expect([text.match(/^ {2}~ t /gm), text.match(/^ {2}\? t /gm)].map((lines) => lines?.length)).toEqual([20, 20]);
    expect(JSON.parse(await shown('reconcile --dry-run --json', many))).toMatchObject({ repairs, cases });
  });

  test.each(['queued', 'rejected', 'left', 'unsettled'] as const)('a row that is %s is left, and the exit code is 1', async (kept) => {
    const { code, stdout } = await running('reconcile --yes', reconcile({ consistent: false, tables: [{ ...repaired!, [kept]: 1 }] }));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✗ {2}public\.users/m);
    expect(stdout).toMatch(kept === 'queued' || kept === 'rejected' ? / 1 {5}0\n/ : / 0 {5}1\n/);
    expect(stdout).toContain('Runs: 12 of accounts. Differences remain; `banyan review list` shows what waits for a decision. (1.5 s)\n');
  });

  test('every service has its run', async () => {
    expect(await shown('reconcile', reconcile({ runs: [{ scope: 'accounts', run: '12' }, { scope: 'orders', run: '13' }] }))).toContain('\nRuns: 12 of accounts, 13 of orders. Both sides are equal.');
  });

  const asking = ({ confirm }: { readonly confirm: (question: string) => Promise<boolean> }): Partial<Application> => ({
    reconcile: async () => ((await confirm('Repair?')) ? samples.reconciled : { consistent: false, dryRun: false, seconds: 0, runs: [], tables: [] }),
  });

  test('it asks before it writes, unless --yes', async () => {
    const answered = async (line: string, answer?: string): Promise<readonly unknown[]> => {
      const { code, stdout, stderr } = await run(line.split(' '), { application: asking, ...(answer === undefined ? {} : { answer }) });
      return [code, stdout.split('\n').at(-2), stderr.split('\n')[0]];
    };
    const equal = 'Runs: 12 of accounts. Both sides are equal. (1.5 s)';
    expect(await answered('reconcile', 'y')).toEqual([0, equal, 'Repair? [y/N] ']);
    expect(await answered('reconcile', 'n')).toEqual([1, 'Nothing was done.', 'Repair? [y/N] ']);
    expect(await answered('reconcile --yes')).toEqual([0, equal, '']);
    expect(await answered('reconcile')).toEqual([2, undefined, 'BANYAN_USAGE: Repair? Nobody can be asked: there is no terminal.']);
  });

  test('a failure is neither yes nor no', async () => {
    const failing = { reconcile: () => Promise.reject(new BanyanError('BANYAN_CONNECT', { message: 'no server' })) };
    expect((await running('reconcile', failing)).code).toBe(3);
    const { code, stdout } = await running('reconcile --json', failing);
    expect([code, JSON.parse(stdout)]).toEqual([3, { error: { code: 'BANYAN_CONNECT', message: 'no server', remedy: expect.any(String) as string } }]);
  });

  test('the list names the kind of each run, and what it undoes', async () => {
    const undoing = { ...samples.run, id: '13', kind: 'undo' as const, of: '12', counts: {} };
    const [head, first, second] = (await shown('reconcile list', { reconcileList: () => Promise.resolve({ runs: [undoing, samples.run] }) })).split('\n');
    expect(head).toMatch(/^run +of +what +by +started +state +rows$/);
    expect(first).toMatch(/^13 +accounts +undo of 12 +anna .* done +none$/);
    expect(second).toMatch(/^12 +accounts +reconcile +anna .* done +3 applied, 1 queued$/);
    expect(await shown('reconcile list', { reconcileList: () => Promise.resolve({ runs: [] }) })).toBe('No run yet.\n');
    expect(JSON.parse(await shown('reconcile list --json', { reconcileList: () => Promise.resolve({ runs: [] }) }))).toEqual({ runs: [] });
  });

  test('one run tells why it was, why a row was not written, and where the next rows are', async () => {
    const { repair } = samples;
    const result = {
      run: { ...samples.run, kind: 'undo' as const, of: '11', reason: 'mistaken' },
      repairs: [
        { ...repair, kind: 'insert' as const, before: [] },
        { ...repair, kind: 'delete' as const, side: 'monolith' as const, state: 'refused' as const, reason: 'a row refers to it', after: [] },
      ],
      next: '41',
    };
    expect(await shown('reconcile show 12', { reconcileShow: () => Promise.resolve(result) })).toBe(`Run 12 of accounts: undo of 11 by anna at 2026-01-02T03:04:05Z, mistaken; done; 3 applied, 1 queued

+ public.users in the service: applied
    after  id=7, name=null
- public.users in the monolith: refused (a row refers to it)
    before id=7, name=Bob

There are more: --after 41
`);
  });

  test('undo counts what it gave back, what was written since, and what the database refused', async () => {
    const undo = (result: object): Partial<Application> => ({ reconcileUndo: ({ run: of, dryRun }) => Promise.resolve({ of, dryRun, run: '13', undone: 3, left: 0, refused: 0, ...result }) });
    expect(await running('reconcile undo 12 --yes', undo({}))).toMatchObject({ code: 0, stdout: '3 rows hold again what they held before run 12; run 13 keeps what they held meanwhile.\n' });
    const left = await running('reconcile undo 12 --yes', undo({ left: 2 }));
    expect([left.code, left.stdout]).toEqual([1, expect.stringMatching(/\n2 rows were written since, and stay\.\n$/) as string]);
    const refused = await running('reconcile undo 12 --yes', undo({ refused: 2 }));
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringMatching(/\n2 rows were refused by the database; `banyan reconcile show 13` says why\.\n$/) as string]);
    expect(await running('reconcile undo 12 --dry-run')).toMatchObject({ code: 0, stdout: 'Would give 3 rows back what they held before run 12, but for those that were written since.\n' });
    expect(await running('reconcile undo 12', { reconcileUndo: () => Promise.resolve({ of: '12', dryRun: false, undone: 0, left: 0, refused: 0 }) })).toMatchObject({ code: 1, stdout: 'Nothing was done.\n' });
  });
});

describe('review', () => {
  const show = (result: Partial<typeof samples.waiting>): Partial<Application> => ({ reviewShow: () => Promise.resolve({ ...samples.waiting, ...result }) });

  test('an empty list says so', async () => {
    const nothing = { reviewList: () => Promise.resolve({ cases: [], counts: [] }) };
    expect(await shown('review', nothing)).toBe('Nothing waits.\n');
    expect(JSON.parse(await shown('review list --json', nothing))).toEqual({ cases: [], counts: [] });
  });

  test('all are counted by type, severity and age, however few are listed', async () => {
    const counts = [
      { type: 'missing', severity: 'critical', age: 'day', cases: 1 },
      { type: 'extra', severity: 'medium', age: 'week', cases: 2000 },
      { type: 'different', severity: 'high', age: 'older', cases: 3 },
    ] as const;
    expect(await shown('review list --limit 1', { reviewList: () => Promise.resolve({ cases: [samples.waiting], counts }) })).toBe(`id  table         key   type       severity  state  found                 why
7   public.users  id=7  different  high      open   2026-01-02T03:04:05Z  its policy is review

1 missing (critical), found in the last day
2,000 extra (medium), found in the last week
3 different (high), found earlier
`);
  });

  test('a side without the row says so, and its column is empty', async () => {
    expect(await shown('review show 7', show({ type: 'missing', columns: [], service: [] }))).toBe(`Difference 7 in public.users: missing, high, open; its policy is review

  column  monolith  service (no row)
  id      7
  name    Ann
`);
    expect(await shown('review show 7', show({ type: 'extra', columns: [], monolith: [], service: [{ id: '7', nick: null }] }))).toBe(`Difference 7 in public.users: extra, high, open; its policy is review

  column  monolith (no row)  service
  id                         7
  nick                       null
`);
  });

  test('a column of one side only is empty on the other, and a control character of a value is shown', async () => {
    expect(await shown('review show 7', show({ columns: ['name', 'nick'], service: [{ id: '7', nick: 'a\u001B[31m' }] }))).toContain(`
   column  monolith  service
   id      7         7
≠  name    Ann
≠  nick              a\\x1b[31m
`);
  });

  test('equal rows of a table without a key are counted', async () => {
    const row = { name: 'Ann' };
    expect(await shown('review show 7', show({ columns: [], monolith: [row, row, row], service: [row] }))).toMatch(/\n3 rows in the monolith, 1 row in the service\n$/);
  });

  test('a decision tells who, when, what and why', async () => {
    const decided = { state: 'approved', decidedBy: 'anna', decidedAt: '2026-01-03T00:00:00Z' } as const;
    expect(await shown('review show 7', show(decided))).toMatch(/\napproved by anna at 2026-01-03T00:00:00Z\n$/);
    expect(await shown('review show 7', show({ ...decided, decision: 'service' }))).toMatch(/\napproved by anna at 2026-01-03T00:00:00Z: service\n$/);
    expect(await shown('review show 7', show({ ...decided, state: 'rejected', reason: 'both are right' }))).toMatch(/\nrejected by anna at 2026-01-03T00:00:00Z \(both are right\)\n$/);
    expect(await shown('review show 7', show({ ...decided, decision: 'service', reason: 'asked' }))).toMatch(/Z: service \(asked\)\n$/);
  });

  test('approve says what was done, or why not', async () => {
    const approve = (result: object): Partial<Application> => ({ reviewApprove: ({ id }) => Promise.resolve({ id, applied: false, ...result }) });
    expect(await running('review approve 7 --side service --yes')).toMatchObject({ code: 0, stdout: 'Difference 7 is repaired; run 14 keeps what was overwritten.\n' });
    expect(await running('review approve 7 --side service', approve({ reason: 'nobody agreed' }))).toMatchObject({ code: 1, stdout: 'Difference 7 still waits: nobody agreed.\n' });
    expect(await running('review approve 7 --side service', approve({}))).toMatchObject({ code: 1, stdout: 'Difference 7 still waits: nothing was done.\n' });
  });

  test('a row is an object of texts and nulls', async () => {
    const wrong = async (json: string): Promise<readonly unknown[]> => {
      const { code, calls, stderr } = await run(['review', 'approve', '7', '--row', json]);
      return [code, calls.length, /--row: found (.*); expected/.exec(stderr)?.[1]];
    };
    expect(await wrong('{name: Ann}')).toEqual([2, 0, 'what is no JSON']);
    for (const json of ['[]', 'null', '"Ann"', '7']) expect(await wrong(json)).toEqual([2, 0, 'no object']);
    expect(await wrong('{"name":"Ann","old":true}')).toEqual([2, 0, 'old with a boolean']);
    expect(await running('review approve 7 --side service --row {}')).toMatchObject({ code: 2, calls: [] });
  });

  test('reject keeps who and why', async () => {
    const { code, calls, stdout } = await running('review reject 7 --by anna');
    expect([code, calls, stdout]).toEqual([0, [{ method: 'reviewReject', options: { id: '7', by: 'anna' } }], 'Difference 7 is rejected; both rows stay as they are.\n']);
    expect((await running('review reject 7')).calls).toEqual([{ method: 'reviewReject', options: { id: '7' } }]);
  });

  test('a pair by URL is given to each command, half a pair to none', async () => {
    const pair = { source: 'postgres://a/x', target: 'postgres://b/y' };
    for (const line of ['review list', 'review show 7', 'review reject 7', 'review approve 7 --side service', 'reconcile show 12']) {
      expect((await running(`${line} --source postgres://a/x --target postgres://b/y`)).calls[0]?.options).toMatchObject(pair);
      expect(await running(`${line} --source postgres://a/x`)).toMatchObject({ code: 2, calls: [] });
    }
  });
});

describe('sync quarantine', () => {
  test('one change behind another, or several', async () => {
    const retry = (also: number): Partial<Application> => ({ syncQuarantineRetry: ({ id }) => Promise.resolve({ id, applied: true, also }) });
    expect(await shown('sync quarantine retry 42', retry(0))).toBe('42 applied.\n');
    expect(await shown('sync quarantine retry 42', retry(1))).toBe('42 applied, and 1 change that waited behind it.\n');
    expect(await shown('sync quarantine retry 42', { syncQuarantineRetry: ({ id }) => Promise.resolve({ id, applied: false, also: 0 }) })).toBe('42 failed again: no reason given\n');
    const discard = { syncQuarantineDiscard: () => Promise.resolve({ id: '42', dryRun: true, discarded: false, change: samples.change, behind: 2 }) };
    expect(await shown('sync quarantine discard 42 --dry-run', discard)).toMatch(/\n2 changes wait behind it, and are applied when it is gone\.\nWould be discarded\.\n$/);
  });
});
