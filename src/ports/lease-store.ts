/** A worker as the others see it. */
export interface LeaseWorker {
  /** Unique to this start of the process. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** The services it can run now. */
  readonly services: readonly string[];
  /** Takes all it can get and hands nothing over: a run that ends by itself. */
  readonly greedy: boolean;
}

/** Who holds a service's streams. */
export interface Lease {
  readonly service: string;
  /** Id of a living worker; undefined when it is free. */
  readonly holder: string | undefined;
  /** Grows with each holder. Who writes with a smaller one is refused by the databases. */
  readonly token: string;
  /** Id of a living worker that asks for it. */
  readonly wantedBy: string | undefined;
  /** Nobody may hold it. */
  readonly paused: boolean;
}

/** All leases and living workers at one moment. */
export interface LeaseRound {
  readonly workers: readonly LeaseWorker[];
  readonly leases: readonly Lease[];
  /** Milliseconds until the first other worker that holds a lease counts as dead, if it says nothing until then. */
  readonly nextDeathMs: number | undefined;
}

/** What a paused service's lease tells: its holder has still to let go; or it is free, with a new token; or somebody resumed it. */
export type Drained = { readonly state: 'held' } | { readonly state: 'resumed' } | { readonly state: 'free'; readonly token: string };

/**
 * Leases of services, shared by any number of workers. The store's clock alone decides who lives: a
 * worker lives for `ttlMs` after its last {@link renew}, and holds what it holds for as long.
 *
 * A lease only makes it likely that one worker works; that no two write is assured by its token, which
 * the databases check with each checkpoint.
 */
export interface LeaseStore {
  /** Creates its tables where they are missing. */
  install(): Promise<void>;
  /** Tells that a worker lives, and gives what all hold. */
  renew(worker: LeaseWorker): Promise<LeaseRound>;
  /**
   * Takes a lease that is free, not paused and not promised to another; gives its token, greater than `above` and
   * than every token before. Undefined: somebody was faster.
   */
  acquire(options: { readonly service: string; readonly worker: string; readonly above: string }): Promise<string | undefined>;
  /** Asks a holder to hand a lease over; no effect if somebody asks already or the holder has changed. */
  ask(options: { readonly service: string; readonly worker: string; readonly holder: string }): Promise<void>;
  /** Gives a lease back at once; no effect if it is held no longer. */
  release(options: { readonly service: string; readonly worker: string; readonly token: string }): Promise<void>;
  /** Gives everything back and counts as dead from now on. */
  leave(worker: string): Promise<void>;
  /**
   * From now on nobody may hold it; its holder gives it up when it next looks. Survives every restart.
   * Gives whether it was not paused before.
   */
  pause(options: { readonly service: string; readonly by: string }): Promise<boolean>;
  /**
   * Once a paused service has no living holder any more: a token greater than all before, with which whoever may
   * still think that it holds the lease can be shut out of the databases.
   */
  drained(service: string): Promise<Drained>;
  /** The service may be held again. Gives whether it was paused. */
  resume(service: string): Promise<boolean>;
}
