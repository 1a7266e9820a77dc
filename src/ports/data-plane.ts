/** Where a request says who its user is, as `route.key` has it. */
export type PlaneKey =
  | { readonly cookie: string }
  | { readonly header: string }
  | { readonly jwt: string }
  | { readonly query: string }
  | 'ip';

/** A path template: one entry per segment, decoded; null stands for any single one that is not empty. */
export interface PlaneTemplate {
  readonly segments: readonly (string | null)[];
  /** The parameter's name where the segment is `{name}`, null elsewhere. */
  readonly names: readonly (string | null)[];
  /** Whether everything below belongs to it too. */
  readonly below: boolean;
}

export interface PlaneMatch {
  readonly path: PlaneTemplate;
  /** Null: all. */
  readonly methods: readonly string[] | null;
}

/** A path that the service knows under another name. */
export interface PlaneAdapter {
  readonly from: PlaneTemplate;
  readonly to: PlaneTemplate;
}

/** What one service's users are shared by. */
export interface PlaneShare {
  readonly service: string;
  /** 0 to 100, in steps of a hundredth: the service's users are those whose bucket is below its hundredfold. */
  readonly percent: number;
  /**
   * The users from `percent` up to here are under way between the sides: what they ask goes through
   * Banyan's own router, which holds it for the fence. Absent: nobody is.
   */
  readonly movingUpTo?: number;
}

export interface PlaneRoute extends PlaneShare {
  /** `http://host:port` or `https://…`, without a path. */
  readonly upstream: string;
  /** At least one. Routes are tried in order; the first that fits is taken. */
  readonly match: readonly PlaneMatch[];
  /** For the service's side only; the first that fits is used. */
  readonly adapt: readonly PlaneAdapter[];
}

/** The routes for a proxy that is not Banyan's own. */
export interface PlanePlan {
  /** Where that proxy listens. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly monolith: string;
  /** Banyan's own router, `http://host:port`: moves and comparisons go through it. Absent: neither is there. */
  readonly router?: string;
  readonly key: readonly PlaneKey[];
  readonly routes: readonly PlaneRoute[];
  /** Share of safe requests that go through the router, to be compared there. */
  readonly shadowPercent: number;
  /** The request header by which testers choose their side. Absent: nobody can. */
  readonly overrideHeader?: string;
  /** A request header in which somebody in front gives the user's bucket as four digits. Absent: nobody does. */
  readonly bucketHeader?: string;
  readonly timeouts: { readonly connectMs: number; readonly headersMs: number };
}

export interface PlaneFile {
  /** Relative to the folder of the export, with `/`. */
  readonly path: string;
  readonly content: string;
}

export interface PlaneRendering {
  readonly files: readonly PlaneFile[];
  /** What the reader has to know: where this proxy can do less than Banyan's own router. */
  readonly notes: readonly string[];
}

/** A proxy that is not Banyan's own, as something to write configuration for. Pure: it touches nothing. */
export interface DataPlane {
  /** @throws BANYAN_PLANE_UNSUPPORTED for what this proxy can't be told. */
  render(plan: PlanePlan): PlaneRendering;
}

/** A proxy that runs and takes new shares without a restart. */
export interface RunningPlane {
  /** For people: which one. */
  readonly name: string;
  /**
   * Puts these shares, all at one moment, in the place of those it had, reads them back, and writes
   * them where a restart finds them.
   * @throws BANYAN_PLANE_APPLY if they are not in force; those it had before are then.
   */
  apply(shares: readonly PlaneShare[], signal?: AbortSignal): Promise<void>;
  /** The shares in force now. */
  read(signal?: AbortSignal): Promise<readonly PlaneShare[]>;
  /**
   * Resolves true as soon as every request that was under way when it was called is over; false after
   * `timeoutMs` milliseconds.
   */
  drained(options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<boolean>;
}
