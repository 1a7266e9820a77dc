import type pg from 'pg';
import { BanyanError, messageOf } from '../../core/errors.ts';
import { silentLogger, type Logger } from '../../core/logger.ts';
import { splitTableName, tableName, type TableName } from '../../model/names.ts';
import type { Schema } from '../../model/schema.ts';
import type { ProvisionPlan, ProvisionScope, ProvisionStatement, Provisioner } from '../../ports/provisioner.ts';
import { PostgresIntrospector } from '../catalog/introspector.ts';
import { inTransaction } from '../connect.ts';
import { planStructure } from './plan.ts';
import { readSequences } from './read-sequences.ts';
import { reshaped } from './reshape.ts';
import { sequencePlan, type SequenceState } from './sequences.ts';
import { spelledMappings } from './spelled-types.ts';

export interface PostgresProvisionerOptions {
  /** Only read. */
  readonly monolith: pg.Pool;
  /** Needs two sessions at once. */
  readonly service: pg.Pool;
  /** Give up when a lock on the service's tables is not had within this many milliseconds. Default 5,000. */
  readonly lockTimeoutMs?: number;
  /** Numbers left to the monolith below the service's blocks. Default 1,000,000,000, less where a type has no room. */
  readonly sequenceGap?: bigint;
  readonly logger?: Logger;
}

/** Any number that nobody else is likely to lock on: provisioning runs take turns. */
const PROVISION_LOCK = '7163244909';

/** Each phase is one transaction of the service's database: all of it, or nothing. */
export class PostgresProvisioner implements Provisioner {
  readonly #options: PostgresProvisionerOptions;
  readonly #logger: Logger;

  constructor(options: PostgresProvisionerOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  async plan(scope: ProvisionScope): Promise<ProvisionPlan> {
    const { monolith, service, sequenceGap } = this.#options;
    const own = await new PostgresIntrospector({ pool: monolith }).readSchema({ tables: scope.tables });
    const target = await new PostgresIntrospector({ pool: service }).readSchema();
    const source = reshaped(own, await spelledMappings(service, scope.mappings ?? []), target);
    const namespaces = await service.query<{ nspname: string }>('SELECT nspname FROM pg_catalog.pg_namespace');
    const structure = planStructure({ source, target, targetSchemas: namespaces.rows.map((row) => row.nspname) });
    const serviceNames = matchSequences(source, target);
    const kept = new Set(source.sequences.map(({ schema, name }) => tableName(schema, name)));
    const numbers = sequencePlan({
      source,
      monolith: await readSequences(monolith, { ...own, sequences: own.sequences.filter(({ schema, name }) => kept.has(tableName(schema, name))) }),
      service: await readServiceSequences(service, target, serviceNames),
      serviceNames,
      ...(sequenceGap !== undefined && { gap: sequenceGap }),
    });
    return {
      ...structure,
      beforeCopy: [...structure.beforeCopy, ...numbers.statements],
      sequences: numbers.blocks,
      sharedSequences: numbers.shared,
    };
  }

  async beforeCopy(scope: ProvisionScope): Promise<ProvisionPlan> {
    return this.#execute(scope, 'beforeCopy');
  }

  async afterCopy(scope: ProvisionScope): Promise<ProvisionPlan> {
    return this.#execute(scope, 'afterCopy');
  }

  async #execute(scope: ProvisionScope, phase: 'beforeCopy' | 'afterCopy'): Promise<ProvisionPlan> {
    const { service, lockTimeoutMs = 5_000 } = this.#options;
    return inTransaction(service, async (client) => {
      // The lock comes before the plan: of two runs the second sees what the first has made.
      await client.query(`SELECT pg_catalog.pg_advisory_xact_lock(${PROVISION_LOCK})`);
      // Large catalogs take a while to read.
      await client.query("SET LOCAL idle_in_transaction_session_timeout = '60s'");
      const plan = await this.plan(scope);
      refuseMismatches(plan);
      // Not before the advisory lock, which may well be held longer than a table's.
      await client.query(`SET LOCAL lock_timeout = ${Math.trunc(lockTimeoutMs)}; SET LOCAL statement_timeout = 0`);
      await client.query('SET LOCAL search_path = pg_catalog');
      for (const statement of plan[phase]) await this.#run(client, statement);
      return plan;
    });
  }

  async #run(client: pg.ClientBase, { sql, object }: ProvisionStatement): Promise<void> {
    this.#logger.debug('provisioning', { object, sql });
    try {
      await client.query(sql);
    } catch (error) {
      throw new BanyanError('BANYAN_PROVISION_FAILED', {
        message: `The service's database refused ${object}: ${messageOf(error)}\n${sql}`,
        cause: error,
        details: { object, sql },
      });
    }
  }
}

function refuseMismatches(plan: ProvisionPlan): void {
  if (plan.mismatches.length === 0) return;
  const lines = plan.mismatches.map(
    ({ object, property, monolith, service }) => `${object}: ${property} is ${monolith} in the monolith, ${service} in the service`,
  );
  throw new BanyanError('BANYAN_PROVISION_MISMATCH', {
    message: `${lines.join('; ')}.`,
    details: { mismatches: plan.mismatches },
  });
}

/** For each of the monolith's sequences the service's that feeds the same column, or has the same name. */
export function matchSequences(source: Schema, target: Schema): ReadonlyMap<TableName, TableName> {
  const byOwner = new Map(
    target.sequences.flatMap(({ schema, name, ownedBy }) =>
      ownedBy ? [[`${ownedBy.table} ${ownedBy.column}`, tableName(schema, name)] as const] : [],
    ),
  );
  return new Map(
    source.sequences.map(({ schema, name, ownedBy }) => {
      const there = tableName(ownedBy?.identity === true ? splitTableName(ownedBy.table).schema : schema, name);
      return [tableName(schema, name), (ownedBy && byOwner.get(`${ownedBy.table} ${ownedBy.column}`)) ?? there];
    }),
  );
}

/** The states of the service's sequences, under the monolith's names. */
export async function readServiceSequences(
  service: pg.Pool,
  target: Schema,
  serviceNames: ReadonlyMap<TableName, TableName>,
): Promise<ReadonlyMap<TableName, SequenceState>> {
  const wanted = new Set(serviceNames.values());
  const present = target.sequences.filter(({ schema, name }) => wanted.has(tableName(schema, name)));
  const states = await readSequences(service, { ...target, sequences: present });
  return new Map(
    [...serviceNames].flatMap(([here, there]) => {
      const state = states.get(there);
      return state ? [[here, state] as const] : [];
    }),
  );
}
