import type pg from 'pg';
import { Agent } from 'undici';
import { Random } from '../../../examples/shop/random.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { parseTableName } from '../../../src/model/names.ts';
import type { Side } from '../../../src/model/side.ts';
import type { Fence } from '../../../src/ports/fence.ts';
import { PostgresFence } from '../../../src/postgres/fence.ts';
import { TrafficRouter, type TrafficRouterOptions } from '../../../src/route/router.ts';
import type { RouteRule, RouteStatus } from '../../../src/route/service-route.ts';
import { ConflictResolver } from '../../../src/sync/conflict.ts';
import type { TableStrategy } from '../../../src/sync/strategies.ts';
import { until } from '../condition.ts';
import { build, RunningSync, setUp, type Ends, type SyncSettings } from '../sync-engine.ts';
import { ShopJournal } from './journal.ts';
import { ShopSide, type Charge } from './side.ts';
import { StockLedger } from './stock-ledger.ts';
import { MONOLITH_SCHEMA, PATHS, seedSql, SERVICE_SCHEMA, TABLES, type ShopService } from './tables.ts';
import { Visitor, type Habit } from './visitor.ts';

export interface ShopDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  query(sql: string): Promise<Record<string, string | null>[]>;
}

export interface LiveShopOptions {
  /** Makes an empty database with this schema. */
  readonly database: (schema: string) => Promise<ShopDatabase>;
  readonly services: readonly ShopService[];
  readonly users: number;
  readonly seed: number;
  /** What the users do, and how often. Default: everything. */
  readonly habits?: Readonly<Record<Habit, number>>;
  /** Pieces of each item at the beginning. Default: more than anybody buys. */
  readonly pieces?: number;
  /** Items in stock. Default 3: many users want the same. */
  readonly items?: number;
  /** Whether requests for an item are moved by that item, so that one side at a time writes its row. Default true. */
  readonly itemKeys?: boolean;
  /** Who wins where both sides wrote the stock of one item. Default: the last write. */
  readonly stock?: TableStrategy;
  /** A planted bug. Default: the real fence. */
  readonly fence?: (real: Fence) => Fence;
  readonly rule?: Partial<RouteRule>;
  readonly router?: Partial<TrafficRouterOptions>;
}

const EVERYTHING: Readonly<Record<Habit, number>> = { look: 3, session: 1, password: 1, order: 3, reserve: 3 };

interface Extracted {
  readonly database: ShopDatabase;
  readonly side: ShopSide;
  readonly run: () => RunningSync;
  sync: RunningSync;
}

/**
 * A shop whose services are taken out of it while people use it: real databases, Banyan's sync between
 * them, Banyan's router in front with its real fence, and clients who keep a journal.
 */
export class LiveShop {
  readonly journal = new ShopJournal();
  readonly ledger: StockLedger;
  readonly charges: Charge[];
  readonly router: TrafficRouter;
  readonly monolith: { readonly database: ShopDatabase; readonly side: ShopSide };
  readonly extracted: ReadonlyMap<ShopService, Extracted>;
  readonly #options: LiveShopOptions;
  readonly #clients: Agent;
  readonly #going = { on: true };
  readonly #noted = new Set<string>();
  #url = '';
  #visitors: Promise<unknown> = Promise.resolve();

  private constructor(options: LiveShopOptions, parts: { readonly monolith: LiveShop['monolith']; readonly extracted: ReadonlyMap<ShopService, Extracted>; readonly charges: Charge[] }) {
    const { itemKeys = true, items = 3, pieces = 1_000_000, users } = options;
    this.#options = options;
    this.monolith = parts.monolith;
    this.extracted = parts.extracted;
    this.charges = parts.charges;
    this.ledger = new StockLedger({ items, pieces, checked: itemKeys });
    this.#clients = new Agent({ connections: users * 2 });
    const real = new PostgresFence({
      clock: systemClock,
      pools: (name) => ({ monolith: this.monolith.database.pool, service: this.of(name as ShopService).database.pool }),
    });
    this.router = new TrafficRouter({
      key: [...(itemKeys ? [{ query: 'sku' }] : []), { cookie: 'uid' }],
      fence: options.fence?.(real) ?? real, fenceBoundMs: 10_000, barrierBoundMs: 10_000, warmUpRequests: 0, ...options.router,
    });
  }

  static async start(options: LiveShopOptions): Promise<LiveShop> {
    const { users, items = 3, pieces = 1_000_000 } = options;
    const charges: Charge[] = [];
    const database = await options.database(MONOLITH_SCHEMA);
    await database.query(seedSql({ users, items, pieces }));
    const monolith = { database, side: await ShopSide.start({ name: 'monolith', url: database.url, charges }) };
    const extracted = new Map<ShopService, Extracted>();
    for (const service of options.services) extracted.set(service, await extract(service, { options, monolith: database, charges }));
    const shop = new LiveShop(options, { monolith, extracted, charges });
    await shop.#open();
    return shop;
  }

  of(service: ShopService): Extracted {
    const found = this.extracted.get(service);
    if (!found) throw new Error(`${service} was not taken out`);
    return found;
  }

  async #open(): Promise<void> {
    for (const [service, { side }] of this.extracted) {
      await this.router.addRoute(
        { service, match: PATHS[service].map((path) => ({ path })), triggers: [], ...this.#options.rule },
        { monolith: this.monolith.side.url, service: side.url },
      );
    }
    const { port } = await this.router.listen('127.0.0.1:0');
    this.#url = `http://127.0.0.1:${port}`;
    const { users, seed, habits = EVERYTHING, itemKeys = true } = this.#options;
    this.#visitors = Promise.all(
      Array.from({ length: users }, (_, n) =>
        new Visitor({
          user: `u${n}`, url: this.#url, journal: this.journal, ledger: this.ledger, random: new Random(seed * 1000 + n), clients: this.#clients, itemKeys, habits,
        }).run(this.#going),
      ),
    );
    // Whoever leaves hears of it.
    this.#visitors.catch(() => {});
  }

  /**
   * Moves a service's users, and waits until they are. What is put off is done by the router itself later; where
   * it goes back by itself instead, it is asked again.
   */
  async move(service: ShopService, percent: number): Promise<void> {
    for (;;) {
      this.noteRollbacks();
      const { version, targetPercent } = this.status(service);
      if (percent < targetPercent) this.journal.lowering(service);
      await this.router.shift(service, percent);
      await until(() => this.status(service).move.state === 'done' && this.status(service).version > version, { what: `${service} has moved to ${percent} %`, timeoutMs: 60_000 });
      if (this.status(service).percent === percent) return;
    }
  }

  /** Tells the journal of what the router has lowered by itself since the last time. */
  noteRollbacks(): number {
    for (const { service, lastRollback } of this.router.status().routes) {
      const name = `${service} ${lastRollback?.at}`;
      if (!lastRollback || this.#noted.has(name)) continue;
      this.#noted.add(name);
      this.journal.lowering(service as ShopService, Date.parse(lastRollback.at));
    }
    return this.#noted.size;
  }

  status(service: ShopService): RouteStatus {
    const found = this.router.status().routes.find((route) => route.service === service);
    if (!found) throw new Error(`${service} has no route`);
    return found;
  }

  /** Resolves when the users have been answered so many times more. */
  async answered(more: number): Promise<void> {
    const enough = this.journal.requests + more;
    await until(() => this.journal.requests >= enough, { what: `${more} more answers`, timeoutMs: 60_000 });
  }

  /** Nothing is carried over while `meanwhile` runs, as if the sync worker were gone. */
  async lagging(service: ShopService, meanwhile: () => Promise<void>): Promise<void> {
    const each = this.of(service);
    await each.sync.stop();
    try {
      await meanwhile();
    } finally {
      each.sync = each.run();
    }
  }

  /** The users finish what they do, and leave. */
  async leave(): Promise<void> {
    this.#going.on = false;
    await this.#visitors;
  }

  /** Everything that was committed has crossed, also what a decision sends back. */
  async drain(): Promise<void> {
    for (const { sync } of this.extracted.values()) for (let i = 0; i < 3; i++) await sync.caughtUp();
  }

  async close(): Promise<void> {
    this.#going.on = false;
    await this.router.close({ drainMs: 1000 });
    await this.#visitors.catch(() => {});
    await this.#clients.destroy();
    for (const { side, sync } of this.extracted.values()) {
      await side.close();
      await sync.stop();
    }
    await this.monolith.side.close();
  }
}

async function extract(
  service: ShopService,
  parts: { readonly options: LiveShopOptions; readonly monolith: ShopDatabase; readonly charges: Charge[] },
): Promise<Extracted> {
  const { options, monolith, charges } = parts;
  const database = await options.database(SERVICE_SCHEMA[service]);
  const resolver = new ConflictResolver({ clock: systemClock });
  if (options.stock) resolver.use(parseTableName('stock'), options.stock);
  const settings: SyncSettings = { service, tables: TABLES[service], resolver };
  const ends: Ends = { monolith, service: database };
  const { names } = await setUp(ends, settings);
  const run = (): RunningSync => new RunningSync(build(ends, settings, names));
  return { database, side: await ShopSide.start({ name: 'service', url: database.url, charges }), run, sync: run() };
}

export const bothOf = (shop: LiveShop, service: ShopService): Readonly<Record<Side, ShopDatabase>> => ({
  monolith: shop.monolith.database, service: shop.of(service).database,
});
