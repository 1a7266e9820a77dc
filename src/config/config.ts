import type { TableName } from '../model/names.ts';
import type { ScheduledStep } from '../model/route-decision.ts';
import type { ColumnMapping, ComputedColumn } from '../model/table-mapping.ts';
import type { TriggerRule } from '../model/trigger-rule.ts';
import type { ConfigFile } from './schema.ts';
import type { ListenAddress } from './formats.ts';

/** Makes every level of a plain value readonly. */
type Frozen<T> = T extends readonly (infer Item)[] ? readonly Frozen<Item>[] : T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

type FileService = ConfigFile['services'][string];
type FileRoute = NonNullable<ConfigFile['route']>;

/** banyan.yaml, checked, with every default filled in, names canonical and module paths absolute. */
export interface Config {
  /** The file it was read from, as it was named. */
  readonly file: string;
  readonly monolith: { readonly url: string };
  /** By name, in the order of the file. */
  readonly services: ReadonlyMap<string, ServiceConfig>;
  readonly sync: SyncConfig;
  readonly validate: Frozen<ConfigFile['validate']>;
  /** Absent when the file has no `route`; see {@link routeConfig}. */
  readonly route?: RouteConfig;
  /** What is asked of the cut. */
  readonly analyze: Frozen<ConfigFile['analyze']>;
  /** Who is called when a migration goes back. */
  readonly runbook: Frozen<ConfigFile['runbook']>;
  /** `rules`: the file of rules of `banyan check`, an absolute path. */
  readonly check: Frozen<ConfigFile['check']>;
  /** Where Banyan keeps its own tables; the monolith's database unless the file says otherwise. */
  readonly state: { readonly url: string };
  /** Where `sync run` serves its metrics; absent: nowhere. */
  readonly metrics: { readonly listen?: ListenAddress };
  readonly log: Frozen<ConfigFile['log']>;
}

export interface ServiceConfig {
  readonly name: string;
  readonly url: string;
  /** At least one. */
  readonly tables: readonly TableConfig[];
  /** The service's HTTP side. */
  readonly upstream?: string;
  readonly match: Frozen<FileService['match']>;
  readonly routing: RoutingConfig;
  readonly adapt: Frozen<FileService['adapt']>;
  readonly health: Frozen<FileService['health']>;
}

type FileRouting = FileService['routing'];

/** How a service's users are shared between the sides. */
export interface RoutingConfig extends Omit<Frozen<FileRouting>, 'schedule' | 'flag'> {
  /** Times in UTC. */
  readonly schedule: readonly ScheduledStep[];
  /** With the absolute path (or package name) of its provider. */
  readonly flag?: Frozen<NonNullable<FileRouting['flag']>>;
}

export interface TableConfig {
  /** In the monolith. */
  readonly table: TableName;
  /** In the service. */
  readonly as: TableName;
  /** Absent: all, under their names. */
  readonly columns?: readonly ColumnMapping[];
  /** Columns that the service's database computes. */
  readonly computed?: readonly ComputedColumn[];
  /** An SQL condition on the monolith's row. */
  readonly where?: string;
  /** An absolute path or a package name. */
  readonly transform?: string;
}

/** `custom` comes with the absolute path (or package name) of its module. */
export type ConflictChoice =
  | { readonly strategy: 'last-write-wins' | 'prefer-monolith' | 'prefer-service' | 'merge-columns' }
  | { readonly strategy: 'add-up'; readonly columns: readonly string[] }
  | { readonly strategy: 'latest-by-column'; readonly column: string }
  | { readonly strategy: 'custom'; readonly module: string };

export interface SyncConfig extends Omit<Frozen<ConfigFile['sync']>, 'conflicts'> {
  readonly conflicts: {
    readonly clockSkewToleranceMs: number;
    readonly default: Exclude<ConflictChoice, { readonly strategy: 'add-up' | 'latest-by-column' }>;
    /** By the monolith's table. */
    readonly tables: ReadonlyMap<TableName, ConflictChoice>;
  };
}

/** Where a request says who its user is: the name of a cookie, header, token claim or URL parameter, or the address. */
export type KeySource =
  | { readonly cookie: string }
  | { readonly header: string }
  | { readonly jwt: string }
  | { readonly query: string }
  | { readonly network: { readonly v4: number; readonly v6: number } }
  | 'ip';

/** Where a request says something else of its user. */
export type TextSource = { readonly cookie: string } | { readonly header: string } | { readonly jwt: string } | { readonly query: string };

type FileRollback = FileRoute['rollback'];

/** Where a side's processor and memory are read. */
export type LoadConfig = Frozen<NonNullable<FileRoute['load']['monolith']>>;

export interface RouteConfig extends Omit<Frozen<FileRoute>, 'listen' | 'admin' | 'key' | 'tenant' | 'region' | 'rollback' | 'gradual'> {
  readonly listen: ListenAddress;
  readonly admin: ListenAddress;
  /** Best first; the first that a request has decides. */
  readonly key: readonly KeySource[];
  readonly tenant: readonly TextSource[];
  readonly region: readonly (TextSource | { readonly networks: Readonly<Record<string, readonly string[]>> })[];
  /** `triggers` absent: the router's own; empty: none. Times in milliseconds. */
  readonly rollback: Omit<Frozen<FileRollback>, 'triggers'> & { readonly triggers?: readonly TriggerRule[] };
  /** Values that the file does not name are the router's own. */
  readonly gradual: { readonly worseBy: Frozen<FileRoute['gradual']['worseBy']> };
}
