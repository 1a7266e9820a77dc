import { BanyanError } from '../core/errors.ts';
import { PostgresChecksummer } from '../postgres/checksum/checksummer.ts';
import { createPool } from '../postgres/connect.ts';
import { PostgresRuleReader } from '../postgres/rules/rule-reader.ts';
import { PostgresFence } from '../postgres/fence.ts';
import type { PostgresReplica } from '../postgres/replica.ts';
import { PostgresStructure } from '../postgres/structure/structure.ts';
import { parseTableName } from '../model/names.ts';
import { sourceSide } from '../model/side.ts';
import { directionsOf } from '../sync/service-sync.ts';
import type { Config, ServiceConfig } from '../config/config.ts';
import { noMetrics, type Metrics } from '../core/metrics.ts';
import type { TableToValidate } from '../validate/pair.ts';
import { scoreOfTables, type Level, type ValidationReport } from '../validate/report.ts';
import { ConsistencyValidator, type ValidateOptions as Validation, type ValidationSide, type ValidatorOptions } from '../validate/validator.ts';
import { journalOf, paceOf } from './validate-course.ts';
import { marksOf } from './validate-incremental.ts';
import { refuseRulesLeftOut, refuseUnknownRules, rulesToCheck } from './validate-rules.ts';
import { asConfigured, toleranceOf } from './validate-settings.ts';
import type { ApplicationContext, ValidateOptions, ValidateResult } from './application.ts';
import type { Session } from './session.ts';
import { referencesBetween, referencesOf } from './validate-references.ts';
import { atReplicas, openReplicas, readingPlaces } from './validate-replicas.ts';
import { checksToMake, mappingsToCompare } from './validate-structure.ts';
import { readStreams } from './sync-status.ts';

/** `banyan validate` of the configured services, fenced by the running streams. */
export async function validate(session: Session, options: ValidateOptions): Promise<ValidateResult> {
  const { config, context } = session;
  const wanted = options.tables && new Set(options.tables.map(parseTableName));
  const services = (options.services ?? [...config.services.keys()]).map((name) => session.service(name));
  refuseUnknown(wanted, services);
  refuseUnknownRules(config, options);
  refuseLaterParts(wanted, services);
  const chosen = services.map((service) => {
    const named = tablesToValidate(service, wanted).map((table) => asConfigured(table, config.validate, options));
    return { service, ...rulesToCheck(config, service.name, named, options) };
  });
  refuseRulesLeftOut(chosen, options);
  const reports: ValidationReport[] = [];
  const ended: (() => Promise<void>)[] = [];
  for (const { service, rules, tables } of chosen) {
    if (tables.length === 0 && rules.length === 0) continue;
    const [source, target, parts] = await validatorParts(session, service);
    const journal = options.resume === undefined ? {} : { journal: journalOf(session, service, (forget) => ended.push(forget)) };
    const validator = new ConsistencyValidator(source, target, { ...parts, ...journal });
    const asked = { ...configured(config, options), ...shared(context, options), tables, rules, level: options.level ?? config.validate.level };
    reports.push(await atReplicas(parts.replicas, () => validator.validate(asked)));
  }
  // One that is cut off in a later service goes on from the earlier ones' answers.
  for (const forget of ended) await forget();
  return joined(reports, options.level ?? config.validate.level);
}

type ValidatorParts = readonly [ValidationSide, ValidationSide, ValidatorOptions & { readonly replicas: readonly PostgresReplica[] }];

/** What validates a service: its two databases, fenced by its streams while they run. */
export async function validatorParts(session: Session, service: ServiceConfig, metrics: Metrics = noMetrics): Promise<ValidatorParts> {
  const primaries = session.pools(service);
  const { pools, replicas } = await readingPlaces(session, service);
  // A primary shows how far its standbys are behind.
  const asked = [...new Set([pools.monolith, pools.service, primaries.monolith, primaries.service])];
  return [
    { checksummer: new PostgresChecksummer({ pool: pools.monolith }), rules: new PostgresRuleReader({ pool: pools.monolith }) },
    { checksummer: new PostgresChecksummer({ pool: pools.service }), rules: new PostgresRuleReader({ pool: pools.service }) },
    {
      clock: session.context.clock, random: Math.random, logger: session.logger, metrics, replicas,
      ...(await fenceOf(session, service)), ...marksOf(session, service), ...paceOf(session.config.validate.throttle, asked),
      structure: new PostgresStructure({
        source: pools.monolith, target: pools.service, mappings: mappingsToCompare(service), primaries: { source: primaries.monolith, target: primaries.service },
      }),
      references: await referencesOf(session, service, pools, (other) => fenceOf(session, other)),
    },
  ];
}

/** What banyan.yaml says of every comparison, but for what this one is asked to do otherwise. */
export function configured({ validate: { tolerance, maxDifferences, sampleRows, checks, exact, referenceGraceMs } }: Config, options: Pick<ValidateOptions, 'without' | 'exact'> = {}): Validation {
  return { tolerance: toleranceOf(tolerance), maxDifferences, sampleRows, checks: checksToMake(checks, options.without), exact: options.exact ?? exact, referenceGraceMs };
}

/** A mistyped name beside a right one must not look like an equal table; nor must nothing at all. */
export function refuseUnknown(wanted: ReadonlySet<string> | undefined, services: readonly ServiceConfig[]): void {
  const known = new Set<string>(services.flatMap((service) => service.tables.map((table) => table.table)));
  const unknown = [...(wanted ?? [])].filter((table) => !known.has(table));
  if (unknown.length === 0 && known.size > 0) return;
  throw new BanyanError('BANYAN_TABLE_UNKNOWN', {
    message: known.size === 0 ? 'No service is configured, so there is nothing to compare.' : `No configured service has ${unknown.join(', ')}; there are ${[...known].join(', ')}.`,
  });
}

/** Of several tables in one of the service's, the first is compared: a run of another alone would look at nothing and find it equal. */
function refuseLaterParts(wanted: ReadonlySet<string> | undefined, services: readonly ServiceConfig[]): void {
  const compared = new Set<string>(services.flatMap((service) => tablesToValidate(service, undefined).map(({ table }) => table)));
  const left = [...(wanted ?? [])].filter((table) => !compared.has(table));
  if (left.length === 0) return;
  throw new BanyanError('BANYAN_USAGE', { message: `${left.join(', ')} shares a table of the service with another one; rows are compared with the first of them only.` });
}

/** `banyan validate --source URL --target URL`: two databases that nothing else is known of. */
export async function validateUrls(
  context: ApplicationContext,
  options: ValidateOptions & { readonly source: string; readonly target: string },
): Promise<ValidateResult> {
  if (options.resume === true) throw new BanyanError('BANYAN_USAGE', { message: '--resume needs a configuration: without one there is no place where progress is kept.' });
  if (options.incremental === true) throw new BanyanError('BANYAN_USAGE', { message: '--incremental needs a configuration: without one there are no streams that note what is written.' });
  if (options.source === options.target) throw new BanyanError('BANYAN_USAGE', { message: '--source and --target are the same database, which is always equal to itself.' });
  const source = createPool({ url: options.source, max: 4 });
  const target = createPool({ url: options.target, max: 4 });
  const opened = [source, target];
  try {
    const { pools, replicas } = await openReplicas({
      primaries: { monolith: source, service: target }, clock: context.clock,
      urls: { monolith: options.sourceReplica, service: options.targetReplica }, names: { monolith: 'the source', service: 'the target' },
      pool: (url) => {
        const pool = createPool({ url, max: 4 });
        opened.push(pool);
        return pool;
      },
    });
    const read = { source: pools.monolith, target: pools.service };
    const validator = new ConsistencyValidator(
      { checksummer: new PostgresChecksummer({ pool: read.source }) },
      { checksummer: new PostgresChecksummer({ pool: read.target }) },
      { clock: context.clock, random: Math.random, replicas, structure: new PostgresStructure({ ...read, primaries: { source, target } }), references: referencesBetween(read) },
    );
    const asked = { ...shared(context, options), checks: checksToMake(undefined, options.without), ...(options.tables ? { tables: options.tables } : {}) };
    return await atReplicas(replicas, () => validator.validate(asked));
  } finally {
    await Promise.all(opened.map((pool) => pool.end()));
  }
}

function shared(context: ApplicationContext, options: ValidateOptions): Validation {
  return {
    signal: context.signal,
    keepGoing: true,
    ...(options.level === undefined ? {} : { level: options.level }),
    ...(options.where === undefined ? {} : { where: options.where }),
    ...(options.exclude === undefined ? {} : { exclude: options.exclude }),
    ...(options.exact === undefined ? {} : { exact: options.exact }),
    ...(options.resume === undefined ? {} : { resume: options.resume }),
    ...(options.incremental === undefined ? {} : { incremental: options.incremental }),
    ...(options.rulesOnly === undefined ? {} : { rulesOnly: options.rulesOnly }),
  };
}

/** How the tables of a service are compared; `wanted`: only these of the monolith. */
export function tablesToValidate(service: ServiceConfig, wanted: ReadonlySet<string> | undefined): TableToValidate[] {
  return service.tables
    .filter((table, index, all) => (!wanted || wanted.has(table.table)) && all.findIndex((other) => other.as === table.as) === index)
    .map((table) => ({
      table: table.table, as: table.as,
      // What a module makes of other columns, only the module knows.
      ...(table.transform === undefined ? {} : { sharedOnly: true }),
      ...(table.columns ? { columns: table.columns.map(({ monolith, service: target, values }) => ({ source: monolith, target, ...(values ? { values } : {}) })) } : {}),
      // Whatever stands in the service's table is meant to be there.
      ...(table.where === undefined ? {} : { where: table.where, targetWhere: 'true' }),
    }));
}

/** Positions order the two sides only while the streams run; without them, a pause has to do. */
export async function fenceOf(session: Session, service: ServiceConfig): Promise<{ readonly fence?: { readonly fence: PostgresFence; readonly service: string; readonly sides: ('monolith' | 'service')[] } }> {
  const streams = (await readStreams(session)).filter((stream) => stream.service === service.name);
  if (!streams.some((stream) => stream.state === 'running')) return {};
  const fence = new PostgresFence({ clock: session.context.clock, pools: (name) => session.pools(session.service(name)) });
  return { fence: { fence, service: service.name, sides: directionsOf(session.config.sync.mode).map(sourceSide) } };
}

function joined(reports: readonly ValidationReport[], level: Level): ValidateResult {
  const tables = reports.flatMap((report) => report.tables);
  const rules = reports.flatMap((report) => report.rules ?? []);
  const unchecked = reports.flatMap((report) => report.unchecked ?? []);
  return {
    consistent: reports.every((report) => report.consistent),
    level,
    rows: tables.reduce((sum, table) => sum + table.source, 0),
    seconds: reports.reduce((sum, report) => sum + report.seconds, 0),
    score: scoreOfTables(tables),
    tables,
    ...(rules.length > 0 ? { rules } : {}),
    ...(unchecked.length > 0 ? { unchecked } : {}),
  };
}
