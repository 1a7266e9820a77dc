import type { DataPlane, PlaneAdapter, PlaneFile, PlanePlan, PlaneRendering, PlaneRoute } from '../../ports/data-plane.ts';
import { bucketsOf, checkPlan, hostPort, originOf, unsupported } from '../check-plan.ts';
import { adaptedPath, methodsOf, plainPath, templateRegex } from '../path-regex.ts';
import { ANONYMOUS_COOKIE, keyRules } from './key-rules.ts';
import { MOVING, mapText } from './shares.ts';

export interface HaproxyOptions {
  /** The path of the runtime socket. */
  readonly socket: string;
}

/** Beside the configuration, of which it is a part. */
const MAP_FILE = 'banyan.map';

const SAFE_PATH = /^[A-Za-z0-9_./-]+$/;

/**
 * HAProxy 2.6 or newer. The decision is the router's own, bucket by bucket; the shares stand in a map
 * that is changed while HAProxy runs, because changing a server's weight to 0 gives errors and a
 * reload costs connections.
 */
export class Haproxy implements DataPlane {
  readonly #socket: string;

  constructor({ socket }: HaproxyOptions) {
    this.#socket = socket;
    if (!SAFE_PATH.test(socket)) unsupported(`HAProxy is given the socket ${JSON.stringify(socket)}; expected letters, digits, ., /, - and _ only.`);
  }

  render(plan: PlanePlan): PlaneRendering {
    checkPlan(plan);
    const files: PlaneFile[] = [
      { path: 'haproxy.cfg', content: this.#config(plan) },
      { path: MAP_FILE, content: mapText(plan.routes) },
    ];
    return { files, notes: notesOf(plan) };
  }

  #config(plan: PlanePlan): string {
    return [
      '# Written by `banyan route export --format haproxy`. The shares stand in the map, not here.',
      section('global', [
        'default-path config',
        `stats socket unix@${this.#socket} mode 600 level admin expose-fd listeners`,
      ]),
      section('defaults', [
        'mode http',
        'option redispatch',
        'option http-keep-alive',
        `timeout connect ${plan.timeouts.connectMs}ms`,
        'timeout http-request 10s',
        'timeout client 300s',
        `timeout server ${plan.timeouts.headersMs}ms`,
        'timeout tunnel 1h',
        'default-server init-addr last,libc,none',
      ]),
      section('frontend banyan', this.#frontend(plan)),
      backend('banyan_monolith', 'monolith', plan.monolith),
      ...plan.routes.map((route) => backend(`banyan_service_${route.service}`, 'service', route.upstream, adapterRules(route.adapt))),
      ...(plan.router === undefined ? [] : [routerBackend(plan.router)]),
    ].join('\n');
  }

  #frontend(plan: PlanePlan): string[] {
    const { routes, overrideHeader, router } = plan;
    return [
      `bind ${hostPort(plan.listen)}`,
      'option forwardfor',
      '# Whose request is it?',
      ...routes.flatMap(serviceRules),
      '# Who is the user?',
      ...(plan.bucketHeader === undefined ? keyRules(plan.key) : []),
      '# Which bucket, and which side? xxh32 with seed 0, as in the router of Banyan. What has no service or no key sets nothing.',
      `http-request set-var(txn.banyan_bucket) ${plan.bucketHeader === undefined ? 'var(txn.banyan_key),xxh32,mod(10000)' : `req.fhdr(${plan.bucketHeader},1)`}`,
      `http-request set-var(txn.banyan_share) var(txn.banyan_service),map_str_int(${MAP_FILE},0)`,
      `http-request set-var(txn.banyan_low) var(txn.banyan_share),mod(${MOVING})`,
      `http-request set-var(txn.banyan_side) int(1) if { var(txn.banyan_bucket),sub(txn.banyan_low) -m int lt 0 }`,
      ...(router === undefined ? [] : movingRules()),
      ...(router === undefined || plan.shadowPercent === 0 ? [] : sampleRules(plan.shadowPercent)),
      ...(overrideHeader === undefined ? [] : overrideRules(overrideHeader)),
      ...(router === undefined || plan.bucketHeader !== undefined ? [] : [anonymousForRouter()]),
      'http-request del-header x-banyan- -m beg',
      'http-request set-header x-forwarded-proto http',
      'http-request set-header x-forwarded-host %[req.hdr(host)]',
      ...(plan.bucketHeader === undefined
        ? [`http-after-response add-header set-cookie "${ANONYMOUS_COOKIE}=%[var(txn.banyan_anonymous)]; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax" if { var(txn.banyan_anonymous) -m found }`]
        : []),
      ...(router === undefined ? [] : ['use_backend banyan_router if { var(txn.banyan_via) -m found }']),
      ...routes.map(({ service }) => `use_backend banyan_service_${service} if { var(txn.banyan_side) -m found } { var(txn.banyan_service) -m str ${service} }`),
      'default_backend banyan_monolith',
    ];
  }
}

const section = (head: string, lines: readonly string[]): string => `${head}\n${lines.map((line) => `    ${line}\n`).join('')}`;

/** HAProxy reads 64 words of a line; an alternative has at most 13. */
const ALTERNATIVES = 4;

/** The first route that fits: plain paths by comparison, the rest, and escaped spellings, by expression. */
function serviceRules({ service, match }: PlaneRoute): string[] {
  const acls: string[] = [];
  const quick: string[] = [];
  const thorough: string[] = [];
  match.forEach((rule, index) => {
    const name = `banyan_${service}_${index}`;
    const methods = methodsOf(rule);
    const plain = plainPath(rule.path);
    const compared = plain !== undefined && plain !== '';
    const method = methods === null ? '' : ` ${name}_method`;
    if (compared) {
      acls.push(`acl ${name}_plain path -m str -- ${plain}`);
      if (rule.path.below) acls.push(`acl ${name}_plain path -m beg -- ${plain}/`);
      quick.push(`${name}_plain${method}`);
    }
    acls.push(`acl ${name}_path path -m reg -- '${templateRegex(rule.path)}$'`);
    thorough.push(`${compared ? '{ path -m sub % } ' : ''}${name}_path${method}`);
    if (methods !== null) acls.push(`acl ${name}_method method ${methods.join(' ')}`);
  });
  const open = '!{ var(txn.banyan_service) -m found }';
  const conditions = [...quick, ...thorough].map((condition) => `${open} ${condition}`);
  const rules: string[] = [];
  for (let from = 0; from < conditions.length; from += ALTERNATIVES) {
    rules.push(`http-request set-var(txn.banyan_service) str(${service}) if ${conditions.slice(from, from + ALTERNATIVES).join(' or ')}`);
  }
  return [...acls, ...rules];
}

/** Users who are under way between the sides ask through the router, which holds them for the fence. */
function movingRules(): string[] {
  return [
    `http-request set-var(txn.banyan_high) var(txn.banyan_share),div(${MOVING}) if { var(txn.banyan_share) -m int ge ${MOVING} }`,
    'http-request set-var(txn.banyan_via) str(moving) if { var(txn.banyan_high) -m found } !{ var(txn.banyan_side) -m found } { var(txn.banyan_bucket),sub(txn.banyan_high) -m int lt 0 }',
  ];
}

/** The very requests that the router would pick for its comparisons, by the hash of their id. */
function sampleRules(percent: number): string[] {
  return [
    'acl banyan_id req.fhdr(x-request-id,1) -m reg -- \'^[A-Za-z0-9_.:/+=-]{1,128}$\'',
    'http-request set-header x-request-id %[uuid()] if !banyan_id',
    `http-request set-var(txn.banyan_via) str(sample) if { var(txn.banyan_service) -m found } { method GET HEAD OPTIONS } { req.fhdr(x-request-id,1),xxh32(1),mod(10000) lt ${bucketsOf(percent)} } { nbsrv(banyan_router) gt 0 }`,
  ];
}

function overrideRules(header: string): string[] {
  const asked = (side: string): string => `{ var(txn.banyan_service) -m found } { req.fhdr(${header},1) -m str ${side} }`;
  return [
    `http-request unset-var(txn.banyan_via) if ${asked('monolith')} or ${asked('service')}`,
    `http-request unset-var(txn.banyan_side) if ${asked('monolith')}`,
    `http-request set-var(txn.banyan_side) int(1) if ${asked('service')}`,
    `http-request del-header ${header}`,
  ];
}

/** A user who has no key yet has to have the same one in the router. */
function anonymousForRouter(): string {
  return `http-request set-header cookie "${ANONYMOUS_COOKIE}=%[var(txn.banyan_anonymous)]; %[req.fhdr(cookie,1)]" if { var(txn.banyan_anonymous) -m found } { var(txn.banyan_via) -m found }`;
}

function adapterRules(adapters: readonly PlaneAdapter[]): string[] {
  if (adapters.length === 0) return [];
  // The first that fits is found before any changes the path.
  const found = adapters.map(({ from }, index) => `http-request set-var(txn.banyan_adapter) int(${index + 1}) if !{ var(txn.banyan_adapter) -m found } { path -m reg -- '${templateRegex(from)}$' }`);
  const replaced = adapters.map(({ from, to }, index) => {
    const numbers = from.segments.map((literal) => literal === null);
    const group = (segment: number): number => numbers.slice(0, segment + 1).filter(Boolean).length;
    const regex = `${templateRegex(from, () => '([^/]+)', '((?:/.*)?)')}$`;
    const rest = numbers.filter(Boolean).length + 1;
    // An expression of HAProxy knows nine groups.
    if (rest > 9) unsupported('An adapter has more than eight parameters, which HAProxy can not tell apart.');
    const path = adaptedPath(from, to).map((part) => (part === null ? `\\${rest}` : typeof part === 'string' ? part.replaceAll('%', '%%') : `\\${group(part)}`)).join('');
    return `http-request replace-path '${regex}' '${path}' if { var(txn.banyan_adapter) -m int ${index + 1} }`;
  });
  return [...found, ...replaced];
}

function backend(name: string, side: 'monolith' | 'service', url: string, rules: readonly string[] = []): string {
  const origin = originOf(url, side);
  const tls = origin.secure ? ` ssl verify required ca-file @system-ca sni str(${origin.host}) check-sni ${origin.host}` : '';
  return section(`backend ${name}`, [
    ...rules,
    `http-response set-header x-banyan-side ${side}`,
    `server ${side} ${hostPort(origin)}${tls}`,
  ]);
}

function routerBackend(url: string): string {
  return section('backend banyan_router', [`server router ${hostPort(originOf(url, 'the router'))} check inter 1s`]);
}

function notesOf(plan: PlanePlan): string[] {
  return [
    plan.router === undefined
      ? 'HAProxy holds no request for the fence: a user who is moved may read what was true before his last write, for as long as sync lags.'
      : "Moving users go through Banyan's router, which holds them for the fence, if the shares are changed by `banyan route set`.",
    'A user who writes on one side and reads on the other at once may miss his own write: the causal barrier is in the router only. So are the fallback to the monolith, circuit breakers and automatic rollback.',
    ...(plan.key.includes('ip') && plan.router !== undefined
      ? ['A key of `ip` is the address of HAProxy for a router that does not trust X-Forwarded-For: what goes through the router may be decided otherwise there.']
      : []),
  ];
}
