import type { PlaneState, RouterState, RouteResult, RouteState, RouteStatusResult } from '../../app/route-types.ts';
import { plural, printable, table, type Style } from '../style.ts';

/** How every service is served: a table, what is going on below it, and how many there are. */
export function routesText({ routes }: RouteResult, style: Style): string {
  if (routes.length === 0) return 'No routes.\n';
  return `${routesTable(routes, style)}${routes.flatMap(underway).join('')}${plural(routes.length, 'route')}.\n`;
}

/** The same with all that is known beside it: decisions, sides, routers and other proxies. */
export function statusText({ routes, routers, planes, asked, store }: RouteStatusResult, style: Style): string {
  if (routes.length === 0) return 'No routes.\n';
  const details = routes.flatMap((route) => detailsOf(route).map(([label, text]) => [route.service, label, text]));
  const rows = [
    ...details,
    ...routers.map((router) => ['', `router ${router.router}`, routerText(router)]),
    ...planes.map((plane) => ['', plane.name, planeText(plane, routes)]),
  ];
  const warnings = [
    ...(asked?.cutOffSince ? [`The router ${asked.router} is cut off from the shared state since ${asked.cutOffSince} and keeps its last decisions: ${asked.reason}`] : []),
    ...(store.reachable ? [] : [`This command can not reach the shared state: ${store.reason}`]),
    ...(asked ? [] : ['No router of this configuration answers here: health and breakers are not known.']),
  ];
  return [
    routesTable(routes, style),
    ...routes.flatMap(underway),
    rows.length === 0 ? '' : `\n${table({ head: ['of', 'what', ''], rows: rows.map((row) => row.map(printable)), style })}`,
    ...warnings.map((warning) => `${style.yellow(printable(warning))}\n`),
    `${plural(routes.length, 'route')}.\n`,
  ].join('');
}

function routesTable(routes: readonly RouteState[], style: Style): string {
  const rows = routes.map((state) => [
    state.service,
    `${state.percent} %`,
    String(state.version),
    state.health,
    state.breaker,
    Object.entries(state.shadow)
      .filter(([, value]) => typeof value === 'number' || typeof value === 'string')
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', '),
  ]);
  return table({ head: ['service', 'served by it', 'version', 'health', 'breaker', 'shadow'], rows, right: [1, 2], style });
}

/** What is going on with a route, a line each. */
function underway({ service, gradual, evidence = [], baseline, lastRollback }: RouteState): string[] {
  const lines: string[] = [];
  if (lastRollback) lines.push(`${service} went back by itself at ${lastRollback.at}: ${lastRollback.why}`);
  if (gradual) lines.push(`${service} goes to ${gradual.to} % by steps; the next, ${gradual.next} %: ${waiting(gradual.waitsFor)}${gradual.overdue && gradual.waitsFor.length > 0 ? ' (overdue)' : ''}`);
  if (baseline) {
    const edges = evidence.flatMap(({ metric, edge }) => (edge === null ? [] : [`${metric} above ${(edge * 100).toPrecision(2)} %`]));
    const worse = edges.length === 0 ? 'too few to say more than the rules do' : `worse is ${[...new Set(edges)].join(', ')}`;
    lines.push(`${service}: nobody is left to compare with; of the monolith's ${baseline.requests} requests until ${baseline.at} ${(baseline.share * 100).toPrecision(2)} % failed: ${worse}`);
  }
  for (const { metric, action, value, needed, finds } of evidence) {
    const within = finds ? `; ${(finds.share * 100).toFixed(1)} % would be found within ${finds.within} requests` : '';
    if (value > 1) lines.push(`${service}: evidence ${value} of ${needed} for ${action} by ${metric}${within}`);
  }
  return lines.map((line) => `${line}\n`);
}

const waiting = (waitsFor: readonly string[]): string => (waitsFor.length === 0 ? 'now' : `waits for ${waitsFor.join('; ')}`);

function detailsOf(route: RouteState): [string, string][] {
  const { version, decided, decision, schedule, move, sides, coolingUntil, targetPercent, percent } = route;
  const next = schedule?.next ?? decision?.next;
  const more = schedule && schedule.more > 0 ? `, ${schedule.more} more after it` : '';
  return [
    ['decided', decided ? `version ${version}, ${decided.at}, by ${decided.by}${decided.why === '' ? '' : `: ${decided.why}`}` : ''],
    ['strategy', decision ? strategyText(decision) : ''],
    ['next step', next ? `${next.percent} %${next.at === undefined ? '' : ` not before ${next.at}`}${more}${schedule ? `: ${waiting(schedule.waitsFor)}` : ''}` : ''],
    ['moving', move && move.state !== 'done' ? `from ${percent} % to ${targetPercent ?? percent} %${move.state === 'postponed' ? `, put off: ${move.reason}` : ''}; ${plural(move.heldRequests, 'request')} held` : ''],
    ...(['monolith', 'service'] as const).map((side): [string, string] => [side, sides ? sideText(sides[side]) : '']),
    ['cooling', coolingUntil ? `raises nothing by itself until ${coolingUntil}` : ''],
  ].filter((row): row is [string, string] => row[1] !== '');
}

function strategyText({ strategy, pinned, stage, allowed, denied, rules, variants }: NonNullable<RouteState['decision']>): string {
  const shares = Object.entries(variants).map(([name, share]) => `${name} ${share} %`);
  return [
    `${strategy}, stage ${stage}`,
    ...(pinned === null ? [] : [pinned === 'monolith' ? 'everybody rolled back to the monolith' : 'everybody on the service']),
    ...(allowed > 0 ? [`${allowed} allowed`] : []),
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(rules > 0 ? [plural(rules, 'rule')] : []),
    ...(shares.length > 0 ? [`variants ${shares.join(', ')}`] : []),
  ].join('; ');
}

function sideText({ url, healthy, breaker, requests, errorRate, p50Ms, p95Ms }: NonNullable<RouteState['sides']>['service']): string {
  const traffic = requests === 0 ? 'no requests in 10 s' : `${plural(requests, 'request')} in 10 s, ${(errorRate * 100).toFixed(2)} % failed, median ${p50Ms} ms, 95 % within ${p95Ms} ms`;
  return `${url}: ${traffic}${healthy ? '' : '; its health check fails'}${breaker === 'closed' ? '' : `; breaker ${breaker}`}`;
}

function routerText({ alive, seenAt, routes }: RouterState): string {
  const reports = routes.map(({ service, version, state, percent, reason }) => `${service} ${percent} % of version ${version}, ${state}${reason === '' ? '' : `: ${reason}`}`);
  const known = reports.length === 0 ? 'nothing moved yet' : reports.join('; ');
  return alive ? known : `not heard of since ${seenAt}: stopped by force, or cut off; last ${known}`;
}

function planeText({ shares, problem }: PlaneState, routes: readonly RouteState[]): string {
  if (problem !== '') return `can not be asked: ${problem}`;
  const texts = shares.map(({ service, percent, movingUpTo }) => {
    const decided = routes.find((route) => route.service === service);
    const target = decided?.targetPercent ?? decided?.percent;
    const odd = target === undefined || target === percent ? '' : ` (decided: ${target} %)`;
    return `${service} ${percent} %${movingUpTo === undefined ? '' : `, up to ${movingUpTo} % through the router`}${odd}`;
  });
  return texts.length === 0 ? 'has no shares' : texts.join('; ');
}
