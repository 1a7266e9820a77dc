import { STAGES, type Stage } from '../../model/stage.ts';
import type { Audience, MigrationProgress } from './progress.ts';
import type { ProgressReport, ProgressStatus, ServiceProgressReport, Waiting } from './report-document.ts';
import { GATE_WORDS, STAGE_WORDS } from './stage-words.ts';

/** What is known of each service's migration, told to one audience. Pure. */
export function progressReport(progress: readonly MigrationProgress[], { audience, at }: { readonly audience: Audience; readonly at: string }): ProgressReport {
  return { report_type: 'migration_status', audience, generated_at: at, services: progress.map((each) => serviceReport(each, audience)) };
}

/** From this stage on, what is not followed or not the same is a fault. */
const reached = (stage: Stage, least: Stage): boolean => STAGES.indexOf(stage) >= STAGES.indexOf(least);

function serviceReport(progress: MigrationProgress, audience: Audience): ServiceProgressReport {
  const { service, stage, history, gaps } = progress;
  const number = STAGES.indexOf(stage);
  const next = STAGES[number + 1];
  const problems = problemsOf(progress);
  const status: ProgressStatus = problems.some(({ stops }) => stops) ? 'stopped' : problems.length > 0 ? 'attention' : next === undefined ? 'done' : 'on track';
  const last = history.at(-1);
  const technical = audience === 'technical';
  return {
    service, status, stage, stage_number: number + 1, stages: STAGES.length, percent_complete: Math.round((100 * number) / (STAGES.length - 1)),
    headline: `${STAGE_WORDS[stage].is[audience]}${HEADLINE[status]}`,
    numbers: numbersOf(progress, audience),
    since: last?.at ?? null,
    since_last_stage: sinceLast(progress, audience),
    next: next === undefined ? null : {
      stage: next, what: STAGE_WORDS[next].is[audience],
      needs: STAGE_WORDS[next].gates.map((gate) => (technical ? gate : (GATE_WORDS[gate] ?? gate))),
      ...(technical ? { command: `banyan migrate ${service} --to ${next}` } : {}),
    },
    waiting: once(problems.map(({ said }) => said[audience])),
    way_back: wayBack(progress, audience),
    ...(technical ? { history, streams: progress.streams, tables: progress.compared } : {}),
    not_known: gaps.map(({ what, why }) => (technical ? `${what}: ${why}` : what)),
  };
}

const HEADLINE: Readonly<Record<ProgressStatus, string>> = { done: '; the move is complete', 'on track': '', attention: '; something needs attention', stopped: '; it does not go on until somebody acts' };

interface Problem {
  readonly stops: boolean;
  readonly said: Readonly<Record<Audience, Waiting>>;
}

function problemsOf(progress: MigrationProgress): Problem[] {
  const { service, stage, streams, compared, route } = progress;
  const found: Problem[] = [];
  const add = (stops: boolean, technical: Waiting, plain: { readonly what: string; readonly executive: string; readonly stakeholders: string }): unknown =>
    found.push({ stops, said: { technical, executive: { what: plain.what, action: plain.executive }, stakeholders: { what: plain.what, action: plain.stakeholders } } });
  // Who is not to be bothered with directions and tables hears of all of them at once.
  const held = sum(streams.map(({ quarantined }) => quarantined));
  const differing = sum(compared.filter(({ consistent }) => !consistent).map(({ differences }) => differences));
  const team = { executive: 'The technical report has the details', stakeholders: 'It is for the technical team; nothing needs to be done by you' };
  for (const { direction, state, lagMs, behind, quarantined, pausedTables } of streams) {
    if (reached(stage, 'synced') && state !== 'running') add(true, { what: `${direction} is ${state}`, action: state === 'paused' || state === 'pausing' ? `banyan sync resume ${service}` : 'banyan sync run' }, { what: 'Old system and new service are not kept up to date at present', ...team });
    else if (state === 'running' && (behind || (lagMs ?? 0) > progress.toleranceMs)) add(false, { what: `${direction} is ${lagMs ?? 'unknown'} ms behind, more than ${progress.toleranceMs}`, action: 'banyan sync status' }, { what: 'The new service is up to date only with some delay', ...team });
    if (quarantined > 0) add(false, { what: `${quarantined} changes of ${direction} are in quarantine`, action: 'banyan sync quarantine, then retry or discard each' }, { what: `${held} ${held === 1 ? 'change waits' : 'changes wait'} for a person's decision`, ...team });
    for (const table of pausedTables) add(false, { what: `${table} waits until it has been mended`, action: 'banyan sync status names the statements' }, { what: 'A part of the data waits for a correction', ...team });
  }
  if (reached(stage, 'synced') && streams.length === 0) add(true, { what: 'no stream is configured', action: 'banyan sync status' }, { what: 'Old system and new service are not kept up to date at present', ...team });
  for (const { table, at, level, differences, consistent } of compared) {
    if (!consistent && reached(stage, 'synced')) add(false, { what: `${table} differed at ${at}: ${differences} rows (${level})`, action: `banyan validate --tables ${table}, then banyan reconcile --tables ${table}` }, { what: `${differing} ${differing === 1 ? 'record differs' : 'records differ'} between old system and new service`, ...team });
  }
  if (route && reached(stage, 'routed') && route.health !== 'healthy') add(route.percent > 0, { what: `the service's health is ${route.health}, its breaker ${route.breaker}`, action: route.percent > 0 ? `banyan route rollback ${service}` : 'banyan route status' }, { what: 'The new service does not answer as it should', ...team });
  return found;
}

function numbersOf({ streams, route, compared, conflicts, stage }: MigrationProgress, audience: Audience): ServiceProgressReport['numbers'] {
  const quarantined = sum(streams.map((each) => each.quarantined));
  const rows = sum(compared.map((each) => each.rows));
  const differences = sum(compared.map((each) => each.differences));
  const known = streams.filter(({ lagMs }) => lagMs !== null).map(({ lagMs }) => lagMs ?? 0);
  const lag = known.length === 0 ? null : Math.max(...known);
  const looked = compared.length > 0;
  if (audience === 'technical') {
    return [
      { name: 'route share', value: route?.percent ?? null, unit: '%' }, { name: 'lag of the slower direction', value: lag, unit: 'ms' },
      { name: 'rows applied by the present workers', value: sum(streams.map((each) => each.rows)), unit: 'rows' }, { name: 'transactions applied by the present workers', value: sum(streams.map((each) => each.transactions)), unit: 'transactions' },
      { name: 'conflicts recorded', value: conflicts.length, unit: 'conflicts' }, { name: 'in quarantine', value: quarantined, unit: 'changes' },
      { name: 'rows last compared', value: looked ? rows : null, unit: 'rows' }, { name: 'rows that differed', value: looked ? differences : null, unit: 'rows' },
    ];
  }
  const people = audience === 'executive' ? 'customers' : 'users';
  return [
    { name: `${people} served by the new service`, value: route?.percent ?? (reached(stage, 'routed') ? null : 0), unit: '%' },
    { name: 'records compared in the last look', value: looked ? rows : null, unit: 'records' }, { name: 'records that differed', value: looked ? differences : null, unit: 'records' },
    { name: 'changes that wait for a decision', value: quarantined, unit: 'changes' },
    ...(audience === 'stakeholders' ? [{ name: 'seconds by which the new service is behind', value: lag === null ? null : Math.round(lag / 100) / 10, unit: 's' }] : []),
  ];
}

function sinceLast({ history, route, compared, conflicts, stage }: MigrationProgress, audience: Audience): string[] {
  const last = history.at(-1);
  if (!last) return [];
  const since = Date.parse(last.at);
  const later = (at: string): boolean => Date.parse(at) > since;
  const technical = audience === 'technical';
  const back = STAGES.indexOf(last.to) < STAGES.indexOf(last.from);
  const newConflicts = conflicts.filter(later).length;
  const looks = compared.filter(({ at }) => later(at));
  const bad = looks.filter(({ consistent }) => !consistent).length;
  const gates = last.gates.map(({ name, evidence }) => `${name}: ${evidence}`);
  return [
    technical ? `${last.at}: ${last.from} to ${last.to} (${last.why})` : back ? `The move went back a part of its way on ${day(last.at)}: ${STAGE_WORDS[stage].is[audience]}` : `Reached on ${day(last.at)}: ${STAGE_WORDS[stage].is[audience]}`,
    ...(technical ? gates : last.gates.filter(({ passed }) => passed).map(({ name }) => `Checked before it: ${GATE_WORDS[name] ?? name}`)),
    ...(looks.length === 0 ? [] : [technical ? `${looks.length} tables compared since, ${bad} with differences` : bad === 0 ? 'Compared again since, without a difference' : 'Compared again since, with differences']),
    ...(newConflicts === 0 ? [] : [technical ? `${newConflicts} conflicts since` : `${newConflicts} ${newConflicts === 1 ? 'record was' : 'records were'} changed on both sides at once; each was decided by rule`]),
    ...(route?.decided !== undefined && later(route.decided.at) ? [technical ? `route at ${route.percent} % since ${route.decided.at}, by ${route.decided.by}: ${route.decided.why}` : `The new service's share became ${route.percent} % on ${day(route.decided.at)}`] : []),
  ];
}

/** Whether one can go back without losing what was written meanwhile. */
function wayBack({ service, stage, bothWays, streams, route }: MigrationProgress, audience: Audience): ServiceProgressReport['way_back'] {
  const technical = audience === 'technical';
  const command = technical ? { command: `banyan migrate rollback ${service}` } : {};
  const moved = reached(stage, 'canary') || (route?.percent ?? 0) > 0;
  if (!moved) return { open: true, how: technical ? 'Nobody was moved: the rollback keeps it so, and the streams go on' : 'Nobody has been moved: the old system goes on as it is', ...command };
  if (!bothWays) {
    return { open: false, how: technical ? 'sync.mode is one way: a rollback moves everybody back, but what was written on the service since is not on the monolith' : 'Everybody can be moved back at once, but what was entered in the new service since is missing in the old system', ...command };
  }
  const reverse = streams.find(({ direction }) => direction === 'service-to-monolith');
  const running = reverse?.state === 'running' && reverse.quarantined === 0;
  if (running) {
    return { open: true, how: technical ? 'Everybody is moved back behind a fence; what was written on the service is on the monolith by then' : 'Everybody can be moved back to the old system at once; nothing that was entered is lost', ...command };
  }
  return { open: false, how: technical ? `service-to-monolith is ${reverse?.state ?? 'absent'}${reverse && reverse.quarantined > 0 ? ` with ${reverse.quarantined} changes in quarantine` : ''}: a rollback would let users read the past until it has caught up` : 'Everybody can be moved back, but some of the latest entries would be missing until a person has looked at them', ...command };
}

/** Each thing once, however many parts of Banyan have said it. */
function once(waiting: readonly Waiting[]): Waiting[] {
  return [...new Map(waiting.map((each) => [each.what, each])).values()];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The day alone, as everybody reads it. */
function day(at: string): string {
  return at.slice(0, 10);
}
