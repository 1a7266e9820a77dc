import type pg from 'pg';
import { systemClock, type Clock } from '../../core/clock.ts';
import { isBanyanError } from '../../core/errors.ts';
import type { TableName } from '../../model/names.ts';
import type { Schema } from '../../model/schema.ts';
import { sourceSide, type Direction, type Side } from '../../model/side.ts';
import type { PrerequisiteCheck } from '../../ports/prerequisites.ts';
import type { CaptureKind } from '../capture.ts';
import { holds, prerequisite } from './check.ts';
import { PostgresIntrospector } from '../catalog/introspector.ts';
import { planStructure } from '../provision/plan.ts';
import { matchSequences, readServiceSequences } from '../provision/provisioner.ts';
import { readSequences } from '../provision/read-sequences.ts';
import { sequenceDistances, sequencePlan } from '../provision/sequences.ts';
import { clockSkewCheck, extensionCheck, measureClock, pairChecks } from './pair-checks.ts';
import { OLDEST_VERSION, serverChecks, versionCheck, type SideRole } from './server-checks.ts';
import { readServerFacts, readServerVersion, type ServerFacts } from './server-facts.ts';
import { borderFacts, existenceCheck, ownerCheck, tableChecks, triggerCheck } from './table-checks.ts';
import { missingFunctions, readTableFacts } from './table-facts.ts';

export interface DiagnoseOptions {
  /** Made by `createPool`, like `service`. */
  readonly monolith: pg.Pool;
  readonly service: pg.Pool;
  /** The monolith's tables that the service gets. */
  readonly tables: readonly TableName[];
  /** One direction asks for less than both. */
  readonly mode: 'bidirectional' | Direction;
  /** How both sides' commits are read. Default `wal`. */
  readonly capture?: CaptureKind;
  /** Sessions that write into each side at once (`sync.apply.workers`, `sync.copy.workers`). Default 1. */
  readonly sessions?: Readonly<Record<Side, number>>;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Finds out before anything starts whether two databases can be kept the same. Returns every check
 * that could be made: one that fails does not hide the others. Changes nothing.
 * @throws only what a broken connection throws.
 */
export async function diagnose(options: DiagnoseOptions): Promise<readonly PrerequisiteCheck[]> {
  const { monolith, service, mode, capture = 'wal', clock = systemClock } = options;
  const versions = { monolith: await readServerVersion(monolith), service: await readServerVersion(service) };
  const versionChecks = [versionCheck('monolith', versions.monolith), versionCheck('service', versions.service)];
  // What follows asks for things that older servers do not know.
  if (versions.monolith < OLDEST_VERSION || versions.service < OLDEST_VERSION) return versionChecks;

  const facts = {
    monolith: await readServerFacts(monolith, versions.monolith),
    service: await readServerFacts(service, versions.service),
  };
  const skew = clockSkewCheck(await measureClock(monolith, clock), await measureClock(service, clock));
  return [
    ...versionChecks,
    ...serverChecks({ ...roleOf('monolith', mode), capture, sessions: options.sessions?.monolith ?? 1 }, facts.monolith),
    ...serverChecks({ ...roleOf('service', mode), capture, sessions: options.sessions?.service ?? 1 }, facts.service),
    ...pairChecks(facts.monolith, facts.service),
    skew,
    ...(await structureChecks(options, facts)),
  ];
}

function roleOf(side: Side, mode: DiagnoseOptions['mode']): SideRole {
  const source = mode === 'bidirectional' || sourceSide(mode) === side;
  const target = mode === 'bidirectional' || sourceSide(mode) !== side;
  return { side, source, target };
}

async function structureChecks(
  options: DiagnoseOptions,
  servers: { readonly monolith: ServerFacts; readonly service: ServerFacts },
): Promise<readonly PrerequisiteCheck[]> {
  const { monolith, service, mode } = options;
  const facts = await readTableFacts(monolith);
  const serviceFacts = await readTableFacts(service);
  const whole = await new PostgresIntrospector({ pool: monolith }).readSchema();
  const target = await new PostgresIntrospector({ pool: service }).readSchema();
  const here = new Map(whole.tables.map((table) => [table.name, table]));
  const there = new Map(target.tables.map((table) => [table.name, table]));
  const present = options.tables.filter((name) => here.has(name));
  const source = await new PostgresIntrospector({ pool: monolith }).readSchema({ tables: present });

  const perTable = options.tables.flatMap((name): readonly PrerequisiteCheck[] => {
    const [table, tableFacts, other, otherFacts] = [here.get(name), facts.get(name), there.get(name), serviceFacts.get(name)];
    const exists = existenceCheck(name, tableFacts);
    if (!table || !tableFacts) return [exists];
    return [
      exists,
      ...tableChecks({ table, facts: tableFacts, schema: whole, bothWays: mode === 'bidirectional', capture: options.capture ?? 'wal' }),
      ownerCheck('monolith', tableFacts, servers.monolith.role),
      ...(otherFacts ? [ownerCheck('service', otherFacts, servers.service.role)] : []),
      triggerCheck('monolith', table, roleOf('monolith', mode).target),
      ...(other ? [triggerCheck('service', other, roleOf('service', mode).target)] : []),
    ];
  });
  const functions = [...new Set(source.tables.flatMap((table) => facts.get(table.name)?.functions ?? []))].sort();
  return [
    ...perTable,
    ...borderFacts(whole, new Set(source.tables.map((table) => table.name))),
    extensionCheck(source, servers.service),
    functionCheck(functions, await missingFunctions(service, functions)),
    structureCheck(source, target),
    await sequenceCheck({ monolith, service, source, target }),
  ];
}

function functionCheck(needed: readonly string[], missing: readonly string[]): PrerequisiteCheck {
  return prerequisite({
    id: 'service.functions',
    ok: missing.length === 0,
    found: missing.length === 0 ? 'present' : `missing: ${missing.join(', ')}`,
    expected: needed.length === 0 ? 'none needed' : `what defaults, checks and indexes call: ${needed.join(', ')}`,
    remedy: `Create them in the service's database; the monolith prints each: ${missing.map((name) => `SELECT pg_get_functiondef('${name.replaceAll("'", "''")}'::regprocedure);`).join(' ')}`,
  });
}

function structureCheck(source: Schema, target: Schema): PrerequisiteCheck {
  const { mismatches } = planStructure({ source, target, targetSchemas: [] });
  return prerequisite({
    id: 'service.structure',
    ok: mismatches.length === 0,
    found:
      mismatches.length === 0
        ? 'nothing that differs'
        : mismatches.map((m) => `${m.object}: ${m.property} is ${m.service} instead of ${m.monolith}`).join('; '),
    expected: "what exists in the service equals the monolith's; what is missing is created",
    remedy: 'Make each named object equal, or drop it if it is empty and nobody needs it; `banyan provision` then creates it.',
  });
}

/** Before the first provisioning: is there room for a block? Afterwards: is the monolith still below it? */
async function sequenceCheck(options: {
  readonly monolith: pg.Pool;
  readonly service: pg.Pool;
  readonly source: Schema;
  readonly target: Schema;
}): Promise<PrerequisiteCheck> {
  const { source, target } = options;
  const id = 'pair.sequences';
  const expected = "the service draws from a block above the monolith's numbers, with room left between";
  const monolith = await readSequences(options.monolith, source);
  const service = await readServiceSequences(options.service, target, matchSequences(source, target));
  const distances = sequenceDistances({ source, monolith, service });
  const close = distances.filter((distance) => !distance.ok && service.get(distance.sequence)?.start !== monolith.get(distance.sequence)?.start);
  if (close.length > 0) {
    return {
      id,
      ok: false,
      found: close.map(({ sequence, remaining }) => `${sequence}: the monolith has ${remaining} numbers left below the service's block`).join('; '),
      expected,
      remedy: close
        .map(({ sequence, blockStart }) => `On the monolith, let it jump over the block: ALTER SEQUENCE ${sequence} RESTART WITH <above the service's highest, which began at ${blockStart}>;`)
        .join(' '),
    };
  }
  try {
    const plan = sequencePlan({ source, monolith, service });
    const placed = plan.blocks.filter((block) => block.alreadyPlaced).length;
    const found = `${placed} kept apart, ${plan.blocks.length - placed} for provision to place, ${plan.shared.length} shared`;
    return holds(id, source.sequences.length === 0 ? 'none' : found, expected);
  } catch (error) {
    if (!isBanyanError(error)) throw error;
    return { id, ok: false, found: error.message, expected, remedy: error.remedy };
  }
}
