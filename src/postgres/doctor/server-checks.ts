import { quoteIdentifier } from '../../model/names.ts';
import type { Side } from '../../model/side.ts';
import type { CaptureKind } from '../capture.ts';
import type { PrerequisiteCheck } from '../../ports/prerequisites.ts';
import { holds, prerequisite } from './check.ts';
import type { ServerFacts } from './server-facts.ts';

/** What the mode asks of one side. */
export interface SideRole {
  readonly side: Side;
  /** Changes are read from it. */
  readonly source: boolean;
  /** Changes are written to it. */
  readonly target: boolean;
  /** Sessions that write into it at once, each with a replication origin. Default 1. */
  readonly sessions?: number;
  /** How its commits are read. Default `wal`. */
  readonly capture?: CaptureKind;
}

export const OLDEST_VERSION = 130000;

export function versionCheck(side: Side, version: number): PrerequisiteCheck {
  return prerequisite({
    id: `${side}.version`,
    ok: version >= OLDEST_VERSION,
    found: String(Math.floor(version / 10_000)),
    expected: 'PostgreSQL 13 or newer',
    remedy: 'Upgrade the server with pg_upgrade; versions below 13 lack what exact conflict detection and safe slots need.',
  });
}

/** Everything that concerns one server alone. Pure. */
export function serverChecks(role: SideRole, facts: ServerFacts): readonly PrerequisiteCheck[] {
  return [
    ...generalChecks(role, facts),
    ...(role.source ? (role.capture === 'trigger' ? [triggerFact(role)] : sourceChecks(role, facts)) : []),
    ...(role.target ? [...(role.capture === 'trigger' ? [] : originChecks(role, facts)), replicationRoleCheck(role, facts)] : []),
    // Who wrote a row last is asked on both sides, and only when both write.
    ...(role.source && role.target ? [commitTimestampCheck(role, facts)] : []),
  ];
}

function generalChecks({ side }: SideRole, facts: ServerFacts): readonly PrerequisiteCheck[] {
  return [
    prerequisite({
      id: `${side}.primary`,
      ok: !facts.standby,
      found: facts.standby ? 'standby' : 'primary',
      expected: 'primary',
      remedy: 'Use the URL of the primary: a standby accepts neither publications nor checkpoints.',
    }),
    prerequisite({
      id: `${side}.create`,
      ok: facts.mayCreate,
      found: facts.mayCreate ? 'granted' : 'missing',
      expected: `CREATE on database ${facts.database}, for the schema banyan and for publications`,
      remedy: `GRANT CREATE ON DATABASE ${quoteIdentifier(facts.database)} TO ${quoteIdentifier(facts.role)};`,
    }),
  ];
}

function sourceChecks({ side }: SideRole, facts: ServerFacts): readonly PrerequisiteCheck[] {
  const own = facts.banyanSlots.map(({ name, active, unreserved }) => `${name} (${active ? 'active' : 'idle'}${unreserved ? ', about to lose WAL' : ''})`);
  const lost = facts.banyanSlots.filter((slot) => slot.lost);
  const endangered = facts.banyanSlots.filter((slot) => slot.unreserved);
  // A slot of Banyan's own is used again, so it needs no free place.
  const running = facts.banyanSlots.length > 0;
  const active = facts.banyanSlots.some((slot) => slot.active);
  return [
    prerequisite({
      id: `${side}.wal_level`,
      ok: facts.walLevel === 'logical',
      found: facts.walLevel,
      expected: 'logical',
      remedy: "ALTER SYSTEM SET wal_level = 'logical'; then restart the server.",
    }),
    prerequisite({
      id: `${side}.replication_slots`,
      ok: running || facts.slotsUsed < facts.slotsMax,
      found: `${facts.slotsUsed} of ${facts.slotsMax} used`,
      expected: 'one free, or a slot of Banyan that exists already; a copy that goes on after it was cut short takes one more meanwhile',
      remedy: `ALTER SYSTEM SET max_replication_slots = ${facts.slotsMax + 5}; then restart the server.`,
    }),
    prerequisite({
      id: `${side}.wal_senders`,
      ok: active || facts.sendersUsed < facts.sendersMax,
      found: `${facts.sendersUsed} of ${facts.sendersMax} used`,
      expected: 'one free',
      remedy: `ALTER SYSTEM SET max_wal_senders = ${facts.sendersMax + 5}; then restart the server.`,
    }),
    prerequisite({
      id: `${side}.replication_privilege`,
      ok: facts.mayReplicate,
      found: facts.mayReplicate ? 'granted' : 'missing',
      expected: `role ${facts.role} has REPLICATION`,
      remedy: `ALTER ROLE ${quoteIdentifier(facts.role)} REPLICATION;`,
    }),
    prerequisite({
      id: `${side}.slots_of_banyan`,
      ok: lost.length === 0 && endangered.length === 0,
      found: own.length === 0 ? 'none' : own.join(', '),
      expected: 'none that has lost WAL, or is about to',
      remedy: [
        ...(endangered.length === 0 ? [] : [`ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf(); at once, and start the worker: ${endangered.map(({ name }) => name).join(', ')}.`]),
        ...(lost.length === 0 ? [] : [`${lost.map(({ name }) => `SELECT pg_drop_replication_slot('${name}');`).join(' ')} Then validate, and copy the service again from a new snapshot.`]),
      ].join(' '),
    }),
    holds(
      `${side}.max_slot_wal_keep_size`,
      facts.maxSlotWalKeepSize === '-1'
        ? '-1: a stopped worker lets WAL grow until the disk is full'
        : `${facts.maxSlotWalKeepSize}: a worker that is behind by more loses its slot and has to copy again`,
      'a size the disk has room for',
    ),
    holds(`${side}.disk`, 'unknown: SQL does not tell how much is free', 'room for the WAL written while a worker is stopped'),
  ];
}

function triggerFact({ side }: SideRole): PrerequisiteCheck {
  return holds(
    `${side}.capture`,
    'by triggers: every change of these tables is written twice, and the log grows while no worker runs',
    'room for the changes made while a worker is stopped',
  );
}

function originChecks({ side, sessions = 1 }: SideRole, facts: ServerFacts): readonly PrerequisiteCheck[] {
  const role = quoteIdentifier(facts.role);
  return [
    prerequisite({
      id: `${side}.replication_origins`,
      ok: facts.originsMax - facts.originsUsed + facts.banyanOrigins >= sessions,
      found: `${facts.originsUsed} of ${facts.originsMax} used, ${facts.banyanOrigins} by Banyan`,
      expected: `${sessions === 1 ? 'one' : sessions} free or Banyan's own: each session that writes to this server has one`,
      remedy: `ALTER SYSTEM SET ${facts.version >= 180000 ? 'max_active_replication_origins' : 'max_replication_slots'} = ${Math.max(facts.originsMax, facts.originsUsed + sessions) + 4}; then restart the server.`,
    }),
    prerequisite({
      id: `${side}.origin_functions`,
      ok: facts.deniedFunctions.length === 0,
      found: facts.deniedFunctions.length === 0 ? 'granted' : `denied: ${facts.deniedFunctions.join(', ')}`,
      expected: 'EXECUTE on the functions of replication origins, which mark replayed rows',
      remedy: facts.deniedFunctions.map((name) => `GRANT EXECUTE ON FUNCTION pg_catalog.${name} TO ${role};`).join(' '),
    }),
  ];
}

function replicationRoleCheck({ side }: SideRole, facts: ServerFacts): PrerequisiteCheck {
  const role = quoteIdentifier(facts.role);
  return prerequisite({
    id: `${side}.session_replication_role`,
    ok: facts.maySetReplicationRole,
    found: facts.maySetReplicationRole ? 'settable' : 'denied',
    expected: 'settable, so that triggers do not fire twice',
    remedy:
      facts.version >= 150000
        ? `GRANT SET ON PARAMETER session_replication_role TO ${role};`
        : `ALTER ROLE ${role} SUPERUSER; (before version 15 only a superuser may set it; managed servers have a role of their own for it)`,
  });
}

function commitTimestampCheck({ side }: SideRole, facts: ServerFacts): PrerequisiteCheck {
  return prerequisite({
    id: `${side}.track_commit_timestamp`,
    ok: facts.trackCommitTimestamp,
    found: facts.trackCommitTimestamp ? 'on' : 'off',
    expected: 'on: it tells who wrote a row last',
    remedy: 'ALTER SYSTEM SET track_commit_timestamp = on; then restart the server.',
  });
}
