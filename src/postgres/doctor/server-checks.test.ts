import { describe, expect, it } from 'vitest';
import type { Clock } from '../../core/clock.ts';
import type { PrerequisiteCheck } from '../../ports/prerequisites.ts';
import { clockSkewCheck, extensionCheck, measureClock, pairChecks } from './pair-checks.ts';
import { serverChecks, versionCheck } from './server-checks.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';

const healthy: ServerFacts = {
  version: 180004, role: 'banyan', database: 'shop', systemIdentifier: '1', standby: false, walLevel: 'logical',
  slotsMax: 10, slotsUsed: 2, sendersMax: 10, sendersUsed: 2, originsMax: 10, originsUsed: 1, banyanOrigins: 0, mayReplicate: true,
  trackCommitTimestamp: true, mayCreate: true, deniedFunctions: [], maySetReplicationRole: true, maxSlotWalKeepSize: '-1',
  encoding: 'UTF8', collation: 'C', banyanSlots: [], extensions: ['citext'],
};
const both = { side: 'monolith', source: true, target: true } as const;
const failing = (checks: readonly PrerequisiteCheck[]): PrerequisiteCheck[] => checks.filter((check) => !check.ok);

describe('serverChecks', () => {
  it('is content with a healthy server, and then has no remedies', () => {
    const checks = serverChecks(both, healthy);
    expect(failing(checks)).toEqual([]);
    expect(checks.every((check) => check.remedy === '')).toBe(true);
  });

  it.each<[string, Partial<ServerFacts>, string]>([
    ['monolith.primary', { standby: true }, 'primary'],
    ['monolith.create', { mayCreate: false }, 'GRANT CREATE ON DATABASE "shop" TO "banyan";'],
    ['monolith.wal_level', { walLevel: 'replica' }, "SET wal_level = 'logical'"],
    ['monolith.replication_slots', { slotsUsed: 10 }, 'max_replication_slots = 15'],
    ['monolith.wal_senders', { sendersUsed: 10 }, 'max_wal_senders = 15'],
    ['monolith.replication_privilege', { mayReplicate: false }, 'ALTER ROLE "banyan" REPLICATION;'],
    ['monolith.slots_of_banyan', { banyanSlots: [{ name: 'banyan_a', active: false, lost: true, unreserved: false }] }, "pg_drop_replication_slot('banyan_a')"],
    ['monolith.slots_of_banyan', { banyanSlots: [{ name: 'banyan_a', active: false, lost: false, unreserved: true }] }, 'max_slot_wal_keep_size'],
    ['monolith.replication_origins', { originsUsed: 10 }, 'max_active_replication_origins = 15'],
    ['monolith.replication_origins', { originsUsed: 10, version: 170000 }, 'max_replication_slots = 15'],
    ['monolith.origin_functions', { deniedFunctions: ['f(text)'] }, 'GRANT EXECUTE ON FUNCTION pg_catalog.f(text) TO "banyan";'],
    ['monolith.session_replication_role', { maySetReplicationRole: false }, 'GRANT SET ON PARAMETER session_replication_role TO "banyan";'],
    ['monolith.session_replication_role', { maySetReplicationRole: false, version: 140000 }, 'SUPERUSER'],
    ['monolith.track_commit_timestamp', { trackCommitTimestamp: false }, 'track_commit_timestamp = on'],
  ])('fails %s for %j', (id, facts, remedy) => {
    const found = failing(serverChecks(both, { ...healthy, ...facts }));
    expect(found).toMatchObject([{ id, remedy: expect.stringContaining(remedy) as string }]);
  });

  it('asks less of a side that only sends or only receives', () => {
    const nothing = { ...healthy, walLevel: 'minimal', trackCommitTimestamp: false, maySetReplicationRole: false, mayReplicate: false };
    const ids = (role: { source: boolean; target: boolean }): string[] =>
      failing(serverChecks({ side: 'service', ...role }, nothing)).map((check) => check.id);
    expect(ids({ source: true, target: false })).toEqual(['service.wal_level', 'service.replication_privilege']);
    expect(ids({ source: false, target: true })).toEqual(['service.session_replication_role']);
  });

  it('needs no free place for a slot that exists already', () => {
    const busy = { ...healthy, slotsUsed: 10, sendersUsed: 10, banyanSlots: [{ name: 'banyan_a', active: true, lost: false, unreserved: false }] };
    const checks = serverChecks(both, busy);
    expect(failing(checks)).toEqual([]);
    expect(checks.find(({ id }) => id === 'monolith.slots_of_banyan')?.found).toBe('banyan_a (active)');
    const idle = serverChecks(both, { ...busy, banyanSlots: [{ name: 'banyan_a', active: false, lost: false, unreserved: false }] });
    expect(failing(idle).map(({ id }) => id)).toEqual(['monolith.wal_senders']);
  });

  it('needs an origin for each session that writes', () => {
    const origins = (facts: Partial<ServerFacts>): boolean | undefined =>
      serverChecks({ ...both, sessions: 3 }, { ...healthy, ...facts }).find(({ id }) => id === 'monolith.replication_origins')?.ok;
    expect([origins({ originsUsed: 7 }), origins({ originsUsed: 8 }), origins({ originsUsed: 10, banyanOrigins: 3 })]).toEqual([true, false, true]);
    // Those of Banyan's own that are in use, and those that are free, together.
    expect([origins({ originsUsed: 9, banyanOrigins: 2 }), origins({ originsUsed: 9, banyanOrigins: 1 })]).toEqual([true, false]);
  });

  it('says what the limit of kept WAL means either way', () => {
    const said = (value: string): string | undefined =>
      serverChecks(both, { ...healthy, maxSlotWalKeepSize: value }).find(({ id }) => id === 'monolith.max_slot_wal_keep_size')?.found;
    expect(said('-1')).toContain('until the disk is full');
    expect(said('10GB')).toContain('loses its slot');
  });

  it('refuses servers before 13', () => {
    expect(versionCheck('service', 120022)).toMatchObject({ id: 'service.version', ok: false, found: '12' });
    expect(versionCheck('service', 130000)).toMatchObject({ ok: true, found: '13', remedy: '' });
  });
});

describe('readServerFacts', () => {
  it('asks nothing that the role may not', async () => {
    const answers = [[{ control: 't', origins: 't' }], []];
    const asked: string[] = [];
    const pool = { query: async (sql: string) => (asked.push(sql), { rows: answers[asked.length - 1] }) };
    await expect(readServerFacts(pool as never, 180000)).resolves.toEqual({});
    expect(asked[1]).toContain('FROM pg_control_system()');
    const silent = { query: async () => ({ rows: [] }) };
    await expect(readServerFacts(silent as never, 180000)).resolves.toEqual({});
  });

  it.each([
    [130000, "'max_replication_slots'", 'r.rolsuper'],
    [180000, "'max_active_replication_origins'", 'has_parameter_privilege'],
  ])('asks version %i only what it knows', async (version, origins, privilege) => {
    const asked: string[] = [];
    const pool = { query: async (sql: string) => (asked.push(sql), { rows: [{ json: '{"version":1}' }] }) };
    await expect(readServerFacts(pool as never, version)).resolves.toEqual({ version: 1 });
    expect(asked[1]).toContain(origins);
    expect(asked[1]).toContain(privilege);
    expect(asked[1]!.includes('has_parameter_privilege')).toBe(version >= 150000);
    expect(asked[1]).not.toContain('FROM pg_control_system()');
  });
});

describe('pairChecks', () => {
  it('accepts two databases of one server, and not one database twice', () => {
    expect(failing(pairChecks(healthy, { ...healthy, database: 'accounts' }))).toEqual([]);
    expect(failing(pairChecks(healthy, { ...healthy, systemIdentifier: '2' }))).toEqual([]);
    expect(failing(pairChecks(healthy, healthy))).toMatchObject([{ id: 'pair.two_databases' }]);
    expect(failing(pairChecks({ ...healthy, systemIdentifier: null }, { ...healthy, systemIdentifier: null }))).toEqual([]);
  });

  it('wants one encoding, and only tells of collations', () => {
    const other = { ...healthy, database: 'accounts', encoding: 'LATIN1', collation: 'de_DE' };
    expect(failing(pairChecks(healthy, other))).toMatchObject([{ id: 'pair.encoding', remedy: expect.stringContaining("'UTF8'") as string }]);
    expect(pairChecks(healthy, other).at(-1)?.found).toContain('C and de_DE');
  });

  it('wants the extensions that the tables use', () => {
    const source = { dialect: 'postgresql', tables: [], enums: [], domains: [], sequences: [], views: [] } as const;
    expect(extensionCheck({ ...source, extensions: ['citext'] }, healthy).ok).toBe(true);
    expect(extensionCheck({ ...source, extensions: ['postgis'] }, healthy)).toMatchObject({ ok: false, found: 'missing: postgis' });
  });
});

describe('clock skew', () => {
  it('is measured at the middle of the shortest round trip', async () => {
    let now = 0;
    const roundTrips = [40, 8, 30, 20, 10];
    const clock: Clock = { now: () => now, monotonic: () => now, sleep: async () => {} };
    const pool = {
      query: async () => {
        const trip = roundTrips.shift() ?? 0;
        const ms = String(now + trip / 2 + 2_500);
        now += trip;
        return { rows: [{ ms }] };
      },
    };
    await expect(measureClock(pool as never, clock)).resolves.toEqual({ offsetMs: 2_500, uncertaintyMs: 4 });
  });

  it('fails beyond a second, uncertainty in its favour', () => {
    const at = (offsetMs: number, uncertaintyMs = 1) => ({ offsetMs, uncertaintyMs });
    expect(clockSkewCheck(at(100), at(-900)).ok).toBe(true);
    expect(clockSkewCheck(at(100), at(-903))).toMatchObject({ ok: false, found: '1003.0 ms, to within 2.0 ms' });
    expect(clockSkewCheck(at(100, 50), at(-903)).ok).toBe(true);
  });
});
