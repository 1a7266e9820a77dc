import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Fence } from '../ports/fence.ts';
import type { RouteNotifier } from '../ports/route-notifier.ts';
import type { RouteSignalReader } from '../ports/route-signals.ts';
import type { RouteStore } from '../ports/route-store.ts';
import type { AttributeSource } from './attributes.ts';
import type { RandomBytes } from './ids.ts';
import type { KeySource } from './key.ts';
import type { ListenLimits } from './listener.ts';
import type { TracingApi } from './request-span.ts';
import type { RouteStatus } from './service-route.ts';
import type { ShiftOutcome } from './shifter.ts';
import type { ListenTls, UpstreamTls } from './tls-context.ts';
import type { UpstreamTimeouts } from './upstream.ts';

export interface TrafficRouterOptions {
  /** The monolith's HTTP side. Default: the one of the first route. */
  readonly monolith?: string;
  /** Where a user's key is looked for, in this order. Default: only the router's own cookie. */
  readonly key?: readonly KeySource[];
  /** Where a request says to which tenant it belongs, for rules that ask. Default: nowhere. */
  readonly tenant?: readonly AttributeSource[];
  /** Where a request says which region it comes from. Default: nowhere. */
  readonly region?: readonly AttributeSource[];
  /**
   * Orders users' requests across the databases. Without it a shift waits for requests under way only,
   * which is right only if both sides share one database.
   */
  readonly fence?: Fence;
  /** Shares decisions with other routers and the command line. Default: this process only. */
  readonly store?: RouteStore;
  /** This router's name among others. Default: random. */
  readonly instance?: string;
  /** Longest time a moving user's request is held, in milliseconds; then the move is put off. Default 2,000. */
  readonly fenceBoundMs?: number;
  /** Longest time a request waits for its user's own writes on the other side. Default 2,000. */
  readonly barrierBoundMs?: number;
  /** Most requests held per service; beyond it the move is put off and tried with fewer users. Default 4,096. */
  readonly maxHeld?: number;
  /** Most users with unfinished writes remembered per service and side; beyond it all users wait. Default 100,000. */
  readonly maxBarrierKeys?: number;
  /** Pause before a move that was put off is tried again. Default 1,000 ms. */
  readonly retryMs?: number;
  readonly timeouts?: UpstreamTimeouts;
  /** Most connections to each upstream. Default 512. */
  readonly connections?: number;
  readonly limits?: ListenLimits;
  /**
   * Most requests under way at once, at the monolith and at each service. Beyond it reads of a service go to the
   * monolith, all else is answered 503 at once. Default: no bound.
   */
  readonly bulkhead?: { readonly monolith?: number; readonly service?: number };
  /** Serve HTTPS, HTTP/2 and HTTP/1.1. Default: HTTP/1.1 in the clear. */
  readonly listenTls?: ListenTls;
  /** How often the certificate's files are looked at, in milliseconds. Default 5,000. */
  readonly tlsCheckMs?: number;
  /** For sides with `https:` URLs. */
  readonly upstreamTls?: UpstreamTls;
  /**
   * Networks of load balancers that begin each connection with a PROXY protocol header; nobody else may connect
   * then. Default: connections are taken as they are.
   */
  readonly proxyProtocol?: readonly string[];
  /** Believe X-Forwarded-For, -Proto and -Host of whoever connects. Default false. */
  readonly trustProxy?: boolean;
  /** Answer with `x-banyan-side`. Default true. */
  readonly sideHeader?: boolean;
  /**
   * Let testers choose their side (`monolith` or `service`) with this request header; true:
   * `x-banyan-route`. Default: nobody can choose.
   */
  readonly overrideHeader?: string | boolean;
  /** Let testers choose their side by a path: below `/-side` (say) `/-side/service/api/users/1`. Default: nobody can choose. */
  readonly overridePath?: string;
  /** Log every request. Default false; it costs a tenth to a fifth of the throughput. */
  readonly accessLog?: boolean;
  /**
   * Give every request a span: `@opentelemetry/api` itself, or what has its shape. The sides' spans become its
   * children. Default: no spans; a client's trace context is passed on as it is.
   */
  readonly tracing?: TracingApi;
  /** Mark the anonymous cookie `Secure`. Default false. */
  readonly secureCookie?: boolean;
  /** Requests sent through the router itself before it reports ready. Default 2,000; 0: none. */
  readonly warmUpRequests?: number;
  /** How often triggers are evaluated, in milliseconds. Default 200. */
  readonly triggerEveryMs?: number;
  /** Reads what triggers look at beside requests: sync, validation, processor, memory. Default: nothing is read. */
  readonly signals?: RouteSignalReader;
  /** How often it is asked, in milliseconds. Default 2,000. */
  readonly signalsEveryMs?: number;
  /** Told when triggers fire. Default: the log and the metrics only. */
  readonly notifier?: RouteNotifier;
  /**
   * After an automatic rollback no gradual shift begins for this long, in milliseconds, and no rule tells of the
   * same again; a percentage set by hand counts at once. Default 300,000.
   */
  readonly coolDownMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  readonly random?: RandomBytes;
}

export interface Upstreams {
  readonly monolith: string;
  readonly service: string;
}

export interface ShiftOptions {
  /**
   * In steps of `stepPercent`, each after its time, evidence that the service is not worse, and with no rule
   * holding. Default: at once.
   */
  readonly gradual?: boolean;
  /** Default 5. */
  readonly stepPercent?: number;
  /** The least time of a step. Default 300. */
  readonly everySeconds?: number;
  /** A step without its evidence is overdue then. Default: ten times `everySeconds`, at least a minute. */
  readonly maxSeconds?: number;
  /** What an overdue step does: wait on, or go on unless something speaks against it. Default `wait`. */
  readonly overdue?: 'wait' | 'continue';
  /** For the audit. Default `library`. */
  readonly by?: string;
  readonly why?: string;
}

export interface ShiftResult {
  readonly service: string;
  /** What was asked for. */
  readonly percent: number;
  readonly version: number;
  /** `postponed`: the router goes on trying by itself; `superseded`: a later decision took its place. */
  readonly state: ShiftOutcome['state'];
  readonly reason: string;
}

export interface RouterStatus {
  readonly instance: string;
  readonly ready: boolean;
  /** Why not, if not. */
  readonly notReady: string;
  readonly routes: readonly RouteStatus[];
  /** Null without a store. */
  readonly store: { readonly reachable: boolean; readonly reason: string; readonly cutOffSince: string | null } | null;
  /** Users whose writes the other side may not have applied yet. */
  readonly usersWithUnfinishedWrites: number;
}
