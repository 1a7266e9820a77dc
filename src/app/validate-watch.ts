import { randomUUID } from 'node:crypto';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import { retry } from '../core/retry.ts';
import type { Config, ServiceConfig } from '../config/config.ts';
import { parseListenAddress, type ListenAddress } from '../config/formats.ts';
import { isTransient } from '../postgres/transient.ts';
import { PostgresValidationStore } from '../state/validation-store.ts';
import type { Webhook } from '../validate/alert-desk.ts';
import type { Schedule } from '../validate/schedule.ts';
import { ConsistencyValidator } from '../validate/validator.ts';
import { watchService, type WatchServiceOptions } from '../validate/watch-service.ts';
import type { ValidateWatchOptions, ValidateWatchResult } from './application.ts';
import { createMetrics, serveMetrics } from './metrics.ts';
import { webhookOf } from './post-json.ts';
import type { Session } from './session.ts';
import { rulesToCheck } from './validate-rules.ts';
import { atReplicas } from './validate-replicas.ts';
import { asConfigured } from './validate-settings.ts';
import { configured, tablesToValidate, validatorParts } from './validate.ts';

const DAY_MS = 86_400_000;

/**
 * `banyan validate watch`: compares every service by the schedules of banyan.yaml until it is stopped, and serves the
 * metrics. Any number of such workers share the work; each run is made by one of them.
 * @throws BANYAN_CONFIG if the file has no schedule.
 */
export async function watchValidation(session: Session, options: ValidateWatchOptions): Promise<ValidateWatchResult> {
  const { config, context, logger } = session;
  const services = (options.services ?? [...config.services.keys()]).map((name) => session.service(name));
  const watched = services.filter((service) => schedulesOf(config, service).length > 0);
  if (watched.length === 0) {
    throw new BanyanError('BANYAN_CONFIG', {
      message: `${config.file}: found no schedule in validate.schedules for ${services.length === 0 ? 'any service' : services.map(({ name }) => name).join(', ')}; expected one at least: schedules: [{ cron: "*/5 * * * *", level: count }].`,
    });
  }
  const { clock, signal } = context;
  const metrics = createMetrics();
  const store = new PostgresValidationStore({ pool: session.statePool });
  let ready = false;
  const listen = options.metrics === undefined ? config.metrics.listen : addressOf(options.metrics);
  const server = listen && (await serveMetrics({ listen, metrics, ready: () => ready }));
  // A watch that can not go on ends all: a worker that does half of its work in silence would be believed.
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  try {
    await retry(() => store.install(), {
      clock, signal, transient: isTransient, onRetry: (error) => logger.warn('the state database can not be had', { reason: messageOf(error) }),
    });
    ready = true;
    const where = server && listen ? `; metrics at http://${listen.host}:${server.port}/metrics` : '';
    context.progress.note(`validating ${watched.map(({ name }) => name).join(', ')} by schedule${where}`);
    const ended = await Promise.allSettled(watched.map((service) => watchOne({ session, service, store, metrics, signal: both }).finally(() => stop.abort())));
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await server?.close();
  }
  return { stopped: 'requested', services: watched.map(({ name }) => name) };
}

function addressOf(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address) return address;
  throw new BanyanError('BANYAN_USAGE', { message: `--metrics: found "${text}"; expected host:port such as 127.0.0.1:9465.` });
}

async function watchOne(parts: {
  readonly session: Session;
  readonly service: ServiceConfig;
  readonly store: PostgresValidationStore;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { session, service, store, metrics, signal } = parts;
  const { config, context: { clock }, logger } = session;
  const { alerts, historyDays, level } = config.validate;
  const options: WatchServiceOptions = {
    service: service.name, schedules: schedulesOf(config, service), store, clock, logger, metrics,
    alertBelow: { default: alerts.below, tables: alerts.tables }, webhooks: webhooksOf(alerts), keepMs: historyDays * DAY_MS,
    random: Math.random, newRun: randomUUID,
    validate: async (schedule, until) => {
      const parts = await validatorParts(session, service, withoutDrift(metrics));
      const validator = new ConsistencyValidator(...parts);
      const typed = { ...(schedule.level === undefined ? {} : { level: schedule.level }), ...(schedule.tables === undefined ? {} : { tables: schedule.tables }) };
      const named = tablesToValidate(service, schedule.tables && new Set(schedule.tables)).map((table) => asConfigured(table, config.validate, typed));
      const asked = { ...configured(config), ...rulesToCheck(config, service.name, named, typed), level: schedule.level ?? level, keepGoing: true, signal: until, ...(schedule.incremental === undefined ? {} : { incremental: schedule.incremental }) };
      return atReplicas(parts[2].replicas, () => validator.validate(asked));
    },
  };
  await retry(() => watchService(options, signal), {
    clock, signal, transient: isTransient, onRetry: (error) => logger.warn('the state database can not be had', { service: service.name, reason: messageOf(error) }),
  });
}

/** The schedules that name a table of the service, or all. */
function schedulesOf({ validate: { schedules } }: Config, service: ServiceConfig): readonly Schedule[] {
  const own = new Set<string>(service.tables.map(({ table }) => table));
  return schedules.filter(({ tables }) => tables === undefined || tables.some((table) => own.has(table)));
}

function webhooksOf({ webhooks }: Config['validate']['alerts']): readonly Webhook[] {
  return Object.entries(webhooks).map(([name, webhook]) => ({ name, severity: webhook.severity, ...webhookOf(webhook) }));
}

/** A single run does not know what a closer one has found before; the watch does, and tells the drift itself. */
function withoutDrift(metrics: Metrics): Metrics {
  return {
    count: (name, labels, value) => metrics.count(name, labels, value),
    observe: (name, value, labels) => metrics.observe(name, value, labels),
    gauge: (name, value, labels) => {
      if (name !== 'data_drift_percentage') metrics.gauge(name, value, labels);
    },
  };
}
