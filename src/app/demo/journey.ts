import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BanyanError, invariant } from '../../core/errors.ts';
import { EmbeddedPostgres } from '../../embedded/embedded-postgres.ts';
import { freePort } from '../../embedded/free-port.ts';
import { createPool } from '../../postgres/connect.ts';
import type { Application, ApplicationContext, StreamStatus } from '../application.ts';
import type { RouteState } from '../route-types.ts';
import { configText, type DemoAddresses } from './config-text.ts';
import type { DemoCounts } from './demo.ts';
import type { Fault } from './fault-proxy.ts';
import { listIn, numberIn, portOf, rowsOf, typeOf, urlIn, type JournalCounts } from './reading.ts';
import { CLI_FILE, FAULT_PROXY_FILE, Processes, shopFile, type RunningProcess } from './processes.ts';

const SERVICE = 'accounts';
const LOAD = { users: 60, rate: 150 };
/** A user waits for a fence rather than read the past; on a slow machine a worker takes its time to be replaced. */
const REQUEST_TIMEOUT_MS = 45_000;
/** A slow machine, or a worker that is replaced in the middle of the copy, is no failure. */
const PATIENCE_MS = 180_000;
/** How long each percentage is watched before the next. */
const WATCH_MS = 3000;
const SLOW_ANSWER_MS = 2500;

export interface JourneyOptions {
  readonly context: ApplicationContext;
  /** For configuration, journal, logs, servers and the generated service. */
  readonly folder: string;
  readonly createApplication: (context: ApplicationContext) => Application;
}

type Step = () => Promise<string>;

/**
 * The demo's steps, in order. Everything long-running is a process of its own, started as an operator
 * would start it; everything else goes through the application's own methods.
 */
export class Journey {
  counts: DemoCounts | undefined;
  readonly #options: JourneyOptions;
  readonly #context: ApplicationContext;
  readonly #processes: Processes;
  readonly #servers: EmbeddedPostgres[] = [];
  readonly #faultWindows: { from: number; to: number }[] = [];
  #env: Record<string, string> = {};
  #tables: readonly string[] = [];
  #addresses: DemoAddresses | undefined;
  #application: Application | undefined;
  #shopUrl = '';
  #faultProxy: RunningProcess | undefined;
  #workload: RunningProcess | undefined;
  #worker: RunningProcess | undefined;

  constructor(options: JourneyOptions) {
    this.#options = options;
    this.#context = options.context;
    const { clock } = options.context;
    this.#processes = new Processes({ folder: options.folder, clock });
  }

  steps(): readonly (readonly [string, Step])[] {
    return [
      ['Start two PostgreSQL servers and the shop', () => this.#startShop()],
      ['Let people use the shop', () => this.#startWorkload()],
      ['Analyse the monolith', () => this.#analyse()],
      ['Check the prerequisites', () => this.#doctor()],
      ['Provision, copy and follow, both ways', () => this.#sync()],
      ['Compare every row', () => this.#validate()],
      ['Generate the accounts service and start it', () => this.#generate()],
      ['Put the router in front, shadow reads', () => this.#route()],
      ['Shift 1, 5, 25, 50 %', () => this.#shift([1, 5, 25, 50])],
      ['Break the service; the router goes back by itself', () => this.#break()],
      ['Mend it; shift 50, 100 %', () => this.#shift([50, 100])],
      ['Drain, compare every row, check the journal', () => this.#finish()],
    ];
  }

  /** Leaves everything as it is, and says where it is and how to end it. */
  leaveRunning(): string {
    const pids = [...this.#processes.pids, ...this.#servers.map((server) => server.processId)].filter((pid) => pid !== undefined);
    this.#processes.leaveRunning();
    for (const server of this.#servers) server.leaveRunning();
    return [
      `Servers, shop, service, router and sync worker are left running; logs, journal and configuration: ${this.#options.folder}`,
      ...Object.entries(this.#env).map(([name, value]) => `  ${name}=${value}`),
      `  shop ${this.#shopUrl}, router http://${this.#addresses?.listen ?? ''}, its status http://${this.#addresses?.admin ?? ''}/status`,
      `End them with: kill ${pids.join(' ')}`,
    ].join('\n');
  }

  async close(): Promise<void> {
    await this.#processes.stopAll();
    await Promise.all(this.#servers.map((server) => server.remove()));
  }

  async #startShop(): Promise<string> {
    const [monolith, services] = await Promise.all([EmbeddedPostgres.start(), EmbeddedPostgres.start()]);
    this.#servers.push(monolith, services);
    await createDatabase(monolith.url(), 'shop');
    await createDatabase(services.url(), SERVICE);
    this.#env = { MONOLITH_URL: monolith.url('shop'), ACCOUNTS_URL: services.url(SERVICE) };
    const install = this.#processes.start({ name: 'install', file: shopFile('install.ts'), args: [this.#url('MONOLITH_URL')] });
    const rows = await install.line((line) => rowsOf(line), PATIENCE_MS);
    const shop = this.#processes.start({
      name: 'shop', file: shopFile('server.ts'), env: { DATABASE_URL: this.#url('MONOLITH_URL'), PORT: '0' },
    });
    this.#shopUrl = `http://127.0.0.1:${await shop.line(portOf, PATIENCE_MS)}`;
    return `PostgreSQL ${monolith.version}; ${rows} rows in the monolith`;
  }

  async #startWorkload(): Promise<string> {
    this.#workload = this.#processes.start({
      name: 'workload', file: shopFile('workload.ts'),
      args: ['--target', this.#shopUrl, '--journal', this.#journalFile, '--users', String(LOAD.users), '--rate', String(LOAD.rate), '--timeout', String(REQUEST_TIMEOUT_MS)],
    });
    await this.#workload.message((message) => (numberIn(message, 'writesAcknowledged') > 0 ? true : undefined), PATIENCE_MS);
    return `${LOAD.users} people, about ${LOAD.rate} requests a second, every acknowledged write in a journal`;
  }

  async #analyse(): Promise<string> {
    const application = this.#options.createApplication(this.#context);
    const found = await application.analyze({ db: this.#url('MONOLITH_URL'), workloadFile: shopFile('workload.sql'), outDir: join(this.#options.folder, 'analysis') });
    for (const [name, tables] of Object.entries(found.services)) {
      this.#context.progress.note(`  ${name}: ${tables.map((table) => table.replace(/^public\./, '')).join(', ')}`);
    }
    const picked = Object.entries(found.services).find(([, tables]) => tables.includes('public.users') && tables.includes('public.sessions'));
    if (!picked) throw new BanyanError('BANYAN_INTERNAL', { message: 'The analysis put users and sessions into different services.' });
    this.#tables = picked[1];
    return `${Object.keys(found.services).length} services; take out ${picked[0]}: ${picked[1].length} tables, ${found.cuts.length} foreign keys cut in all`;
  }

  async #doctor(): Promise<string> {
    this.#faultProxy = this.#processes.start({ name: 'fault-proxy', file: FAULT_PROXY_FILE, args: [String(SLOW_ANSWER_MS)] });
    const faultUrl = await this.#faultProxy.message(urlIn, PATIENCE_MS);
    this.#addresses = {
      listen: `127.0.0.1:${await freePort()}`, admin: `127.0.0.1:${await freePort()}`, metrics: `127.0.0.1:${await freePort()}`,
      monolith: this.#shopUrl, upstream: faultUrl,
    };
    const text = configText({ service: SERVICE, tables: this.#tables, paths: await this.#accountPaths(), addresses: this.#addresses });
    const file = join(this.#options.folder, 'banyan.yaml');
    await writeFile(file, text);
    this.#context.progress.note(`${file}:\n${text}`);
    this.#application = this.#options.createApplication({
      ...this.#context, configFile: file, env: { ...this.#context.env, ...this.#env },
    });
    const { ok, checks } = await this.#app.doctor();
    const failed = checks.filter((check) => !check.ok);
    if (!ok) {
      throw new BanyanError('BANYAN_DEMO', { message: failed.map((check) => `${check.id}: ${check.found}; ${check.remedy}`).join('; ') });
    }
    return `${checks.length} checks, all fine`;
  }

  async #sync(): Promise<string> {
    this.#worker = this.#banyan('sync-worker', ['sync', 'run']);
    const streams = await this.#until('both streams run', async () => {
      const { streams } = await this.#app.syncStatus();
      return streams.length === 2 && streams.every((stream) => stream.state === 'running') ? streams : undefined;
    });
    const { caughtUp, seconds } = await this.#app.syncWait({ timeoutSeconds: PATIENCE_MS / 1000 });
    invariant(caughtUp, 'the streams did not catch up');
    return `${streams.length} streams; a fence passed both in ${Math.round(seconds * 1000)} ms`;
  }

  async #validate(): Promise<string> {
    const { consistent, rows, seconds, tables } = await this.#app.validate({});
    if (!consistent) throw new BanyanError('BANYAN_DEMO', { message: 'The databases differ.' });
    return `${rows} rows of ${tables.length} tables are equal on both sides (${seconds.toFixed(1)} s, under load)`;
  }

  async #generate(): Promise<string> {
    const outDir = join(this.#options.folder, 'accounts-service');
    const made = await this.#app.generate({ service: SERVICE, outDir });
    const extensions = join(outDir, 'src', 'extensions');
    for (const file of await this.#extensionFiles()) {
      await mkdir(dirname(join(extensions, file)), { recursive: true });
      await cp(shopFile(file), join(extensions, file));
    }
    await symlink(nodeModules(), join(outDir, 'node_modules'), 'dir');
    const service = this.#processes.start({
      name: 'accounts-service', file: join(outDir, 'src', 'server.ts'), cwd: outDir,
      env: { DATABASE_URL: this.#url('ACCOUNTS_URL'), PORT: '0', HOST: '127.0.0.1' },
    });
    this.#faultProxy?.send({ target: `http://127.0.0.1:${await service.line(portOf, PATIENCE_MS)}` });
    return `${made.endpoints} endpoints for ${made.tables} tables in ${made.seconds.toFixed(2)} s; beside them the shop's own account paths`;
  }

  async #route(): Promise<string> {
    const addresses = this.#addresses;
    invariant(addresses, 'the addresses are known');
    this.#banyan('router', ['route', 'serve']);
    await this.#until('the router is ready', async () => (await isReady(`http://${addresses.admin}/readyz`)) || undefined);
    this.#workload?.send({ type: 'target', url: `http://${addresses.listen}` });
    const shadow = await this.#until('reads were shadowed', async () => {
      const route = await this.#routeState();
      return Number(route?.shadow['compared'] ?? 0) >= 20 ? route?.shadow : undefined;
    });
    return `clients go through the router now; ${String(shadow['compared'])} reads compared in the shadow, ${String(shadow['different'])} differ`;
  }

  async #shift(percents: readonly number[]): Promise<string> {
    for (const percent of percents) {
      await this.#until(`the route is at ${percent} %`, async () => {
        await this.#app.routeSet({ service: SERVICE, percent });
        return true;
      });
      await this.#context.clock.sleep(WATCH_MS, this.#context.signal);
      const route = await this.#routeState();
      if (route?.percent !== percent) {
        throw new BanyanError('BANYAN_DEMO', { message: `The route is at ${route?.percent ?? 'an unknown percentage'}, not at ${percent} %.` });
      }
      this.#context.progress.note(`  ${percent} %: both sides take writes`);
    }
    return `at ${percents.at(-1)} %, nobody noticed`;
  }

  async #break(): Promise<string> {
    const { clock } = this.#context;
    const start = clock.monotonic();
    const from = clock.now();
    this.#setFault('slow');
    await clock.sleep(1500, this.#context.signal);
    this.#setFault('error');
    await this.#until('the router has gone back', async () => ((await this.#routeState())?.percent === 0 ? true : undefined));
    const seconds = (clock.monotonic() - start) / 1000;
    // Requests that the broken service was still answering late.
    await clock.sleep(SLOW_ANSWER_MS, this.#context.signal);
    this.#faultWindows.push({ from, to: clock.now() });
    await this.#app.syncWait({ timeoutSeconds: PATIENCE_MS / 1000 });
    this.#setFault('none');
    await this.#until('the service is healthy again', async () => ((await this.#routeState())?.health === 'healthy' ? true : undefined));
    return `slow, then 503: back at 0 % after ${seconds.toFixed(1)} s; what the service had accepted is in the monolith`;
  }

  #setFault(fault: Fault): void {
    this.#faultProxy?.send({ fault });
  }

  async #finish(): Promise<string> {
    const workload = this.#workload;
    invariant(workload, 'the workload runs');
    workload.send({ type: 'stop' });
    await workload.message((message) => (typeOf(message) === 'done' ? true : undefined), PATIENCE_MS);
    const { caughtUp } = await this.#app.syncWait({ timeoutSeconds: PATIENCE_MS / 1000 });
    invariant(caughtUp, 'the streams did not drain');
    const compared = await this.#app.validate({ level: 'full' });
    const { streams } = await this.#app.syncStatus();
    const { conflicts } = await this.#app.syncConflicts({ limit: 100_000 });
    const journal = await this.#checkJournal();
    this.counts = {
      writesAcknowledged: journal.writesAcknowledged, writesLost: journal.writesLost,
      requests: journal.requests, requestsFailed: journal.requestsFailed, requestsFailedOutsideFault: journal.requestsFailedOutsideFault,
      movedBack: journal.movedBack, staleReads: journal.staleReads,
      syncLatencyMs: slowest(streams),
      conflicts: conflicts.length, rowsCompared: compared.rows,
      differences: compared.tables.reduce((sum, table) => sum + table.missing.length + table.extra.length + table.different.length, 0),
    };
    this.#showEvidence(journal);
    const restarts = this.#worker?.restarts ?? 0;
    return (
      `${journal.writesAcknowledged} writes acknowledged, ${journal.writesLost} lost; ${compared.rows} rows compared, ${this.counts.differences} differ; ` +
      `the monolith follows the service${restarts > 0 ? `; the sync worker was restarted ${restarts} times` : ''}`
    );
  }

  #showEvidence(journal: JournalCounts): void {
    const evidence = [
      ['lost', journal.writesLost, journal.lost], ['failed outside the fault', journal.requestsFailedOutsideFault, journal.failed],
      ['moved back', journal.movedBack, journal.moves], ['stale', journal.staleReads, journal.stale],
    ] as const;
    for (const [what, count, cases] of evidence) {
      if (count > 0) this.#context.progress.note(`${what}:\n${cases.slice(0, 5).map((each) => `  ${JSON.stringify(each)}`).join('\n')}`);
    }
  }

  async #checkJournal(): Promise<JournalCounts> {
    const check = this.#processes.start({
      name: 'journal', file: shopFile('journal.ts'),
      args: [
        '--journal', this.#journalFile, '--monolith', this.#url('MONOLITH_URL'), '--service', this.#url('ACCOUNTS_URL'),
        ...this.#faultWindows.flatMap(({ from, to }) => ['--fault', `${from}-${to}`]),
      ],
    });
    const lines: string[] = [];
    return check.line((line) => {
      lines.push(line);
      return line === '}' ? (JSON.parse(lines.join('\n')) as JournalCounts) : undefined;
    }, PATIENCE_MS);
  }

  async #routeState(): Promise<RouteState | undefined> {
    return (await this.#app.routeStatus()).routes.find((route) => route.service === SERVICE);
  }

  /** Asks until there is an answer. What is not there yet may answer with an error; the last one is told. */
  async #until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const { clock, signal } = this.#context;
    const start = clock.monotonic();
    for (;;) {
      let failure: unknown;
      try {
        const answer = await ask();
        if (answer !== undefined) return answer;
      } catch (error) {
        failure = error;
      }
      if (clock.monotonic() - start > PATIENCE_MS) {
        throw new BanyanError('BANYAN_TIMEOUT', { message: `Waited ${PATIENCE_MS / 1000} s, but it did not come to pass that ${what}.`, cause: failure });
      }
      await clock.sleep(100, signal);
    }
  }

  #banyan(name: string, args: readonly string[]): RunningProcess {
    return this.#processes.start({
      name, file: CLI_FILE, args: [...args, '-c', join(this.#options.folder, 'banyan.yaml')], env: this.#env, restart: true,
    });
  }

  /** The paths that the shop's team wants to move. */
  #accountPaths(): Promise<readonly string[]> {
    return listIn('accounts-boundary.ts', 'accountPaths');
  }

  /** The files that the team adds to the generated service. */
  #extensionFiles(): Promise<readonly string[]> {
    return listIn('accounts-extension.ts', 'accountsExtensionFiles');
  }

  #url(name: string): string {
    return this.#env[name] ?? '';
  }

  get #journalFile(): string {
    return join(this.#options.folder, 'journal.jsonl');
  }

  get #app(): Application {
    invariant(this.#application, 'the configuration is written');
    return this.#application;
  }
}

async function createDatabase(server: string, name: string): Promise<void> {
  const pool = createPool({ url: server, max: 1 });
  try {
    await pool.query(`CREATE DATABASE ${name}`);
  } finally {
    await pool.end();
  }
}

/** The slower of both directions, for each percentile. */
function slowest(streams: readonly StreamStatus[]): DemoCounts['syncLatencyMs'] {
  const worst = (pick: 'p50' | 'p95' | 'p99'): number => Math.max(0, ...streams.map((stream) => stream.latencyMs?.[pick] ?? 0));
  return { p50: worst('p50'), p95: worst('p95'), p99: worst('p99') };
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url);
  return response.ok;
}

/** Where this package's dependencies are: the generated service finds its own there, without an installation. */
function nodeModules(): string {
  const found = fileURLToPath(import.meta.resolve('fastify'));
  return found.slice(0, found.lastIndexOf('node_modules') + 'node_modules'.length);
}
