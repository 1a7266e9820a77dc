import type { Facts } from './facts.ts';
import type { PlanGate, PlanStep, RiskLevel } from './plan-document.ts';
import { abTest, banyan, byHand, sqlSteps } from './steps.ts';

/** What a phase is about, from what the specification says. */
export interface PhaseContent {
  readonly description: string;
  readonly tasks: (facts: Facts) => readonly string[];
  readonly criteria: (facts: Facts) => readonly string[];
  readonly risk: RiskLevel;
  readonly people: readonly string[];
  readonly steps?: (facts: Facts) => readonly Omit<PlanStep, 'step_id'>[];
  readonly gates?: (facts: Facts) => readonly PlanGate[];
}

const tableNames = ({ tables }: Facts): string => (tables.length === 0 ? 'the tables to migrate' : tables.map(({ name }) => name).join(', '));
const critical = ({ tables }: Facts): string[] => tables.filter((table) => table.critical).map(({ name }) => name);
const perTable = (facts: Facts, task: (name: string) => string): string[] => facts.tables.map(({ name }) => task(name));

const EQUAL: PlanGate = { name: 'both sides are equal', criterion: 'banyan validate --level full answers 0' };
const DRAINED: PlanGate = { name: 'sync has caught up', criterion: 'banyan sync wait --timeout 60 answers 0, and banyan sync status shows nothing in quarantine' };
const HEALTHY: PlanGate = { name: 'the new side is well', criterion: 'no trigger of route.rollback has fired in this phase (banyan route status)' };
const PREPARED: PlanGate = { name: 'the servers are prepared', criterion: 'banyan doctor answers 0' };
const TESTED: PlanGate = { name: 'the way back works', criterion: 'banyan runbook test answers 0' };

const ENGINEERS = ['database administrator', 'platform engineer'];
const TEAM = ['service developer', 'platform engineer'];

const doctor = () => banyan('check both servers', { start: 'banyan doctor', validate: 'banyan doctor --json' });
const provision = ({ service }: Facts) =>
  banyan('make the target database', { start: `banyan provision ${service} --dry-run && banyan provision ${service}`, rollback: `-- The tables of ${service} are new: drop its database.`, validate: `banyan provision ${service} --dry-run` });
const copy = ({ service }: Facts) => banyan('copy and keep in sync', { start: 'banyan sync run --until-caught-up', rollback: `banyan sync pause ${service}`, validate: 'banyan sync status --json' });
const caughtUp = ({ service }: Facts) => banyan('catch up', { start: 'banyan sync run', complete: 'banyan sync wait --timeout 600', rollback: `banyan sync pause ${service}`, validate: 'banyan sync status --json' });
const equal = () => banyan('compare both sides', { start: 'banyan validate --level full', validate: 'banyan validate --level full --json' });
const moveTo = (percent: number) => ({ service }: Facts) =>
  banyan(`serve ${percent} % of users from the new side`, { start: `banyan route set ${service} ${percent}`, rollback: `banyan route rollback ${service}`, validate: 'banyan route status --json' });
const shadow = ({ service }: Facts) =>
  banyan('compare answers in the shadow', { start: `banyan route set ${service} 0`, rollback: `banyan route rollback ${service}`, validate: 'banyan route status --json' });
const api = ({ service }: Facts) =>
  banyan('write the REST service', { start: `banyan generate --service ${service} -o services/${service}`, rollback: `rm -r services/${service}`, validate: `npm test --prefix services/${service}` });

/** The flag's own schedule, or the common one. */
function rollout(facts: Facts): Omit<PlanStep, 'step_id'>[] {
  const [flag] = facts.flags;
  const percentages = flag && flag.steps.length > 0 ? flag.steps.map(({ percentage }) => percentage) : [1, 5, 25, 50, 100];
  return percentages.map((percent) => moveTo(percent)(facts));
}

function flagTasks(facts: Facts): string[] {
  return facts.flags.map(({ name, initial, steps }) => `Flag ${name}: ${initial} %${steps.map(({ percentage, hours }) => `, then ${percentage} %${hours > 0 ? ` for ${hours} h` : ''}`).join('')}`);
}

const watched = ({ metrics }: Facts): string[] => (metrics.length === 0 ? [] : [`Watch ${metrics.join(', ')}`]);

const CONTENT: Readonly<Record<string, PhaseContent>> = {
  assessment: {
    description: 'Find out what is there, how large it is, and what stands in the way', risk: 'low', people: ENGINEERS,
    tasks: (facts) => [`Measure rows, bytes and write rate of ${tableNames(facts)}`, `Find out who reads and writes ${facts.source}`, 'Agree on windows, contacts and criteria', ...perTable(facts, (name) => `Note key, types and triggers of ${name}`)],
    criteria: (facts) => [`Every table has a key: ${tableNames(facts)}`, 'Nobody writes to the source who is not known', 'banyan doctor finds nothing that stops the plan'],
    steps: () => [doctor()], gates: () => [PREPARED],
  },
  discovery: {
    description: 'List every machine, service and data set that moves, and who depends on it', risk: 'low', people: ['platform engineer', 'network engineer'],
    tasks: (facts) => [`List what runs in ${facts.source}`, 'Draw who talks to whom', 'Measure load, storage and growth over one business cycle'],
    criteria: () => ['Every dependency has an owner', 'Load was measured over a whole business cycle'],
  },
  planning: {
    description: 'Decide order, windows, capacity and the way back', risk: 'low', people: ['platform engineer', 'product owner'],
    tasks: (facts) => [`Size ${facts.target} from what was measured`, 'Order the moves by what depends on what', 'Rehearse the rollback on paper'],
    criteria: () => ['Capacity covers the peak with half as much again', 'Everybody who is on call has read the plan'],
  },
  design: {
    description: 'Draw the target: networks, identities, storage, observability', risk: 'medium', people: ['platform engineer', 'security engineer'],
    tasks: (facts) => [`Design networks and identities of ${facts.target}`, 'Choose storage classes and backups', 'Write it as code'],
    criteria: () => ['The design was reviewed by security', 'It can be built twice from its code'],
  },
  preparation: {
    description: 'Make everything ready, with a way back that has been tried', risk: 'low', people: ENGINEERS,
    tasks: (facts) => ['Take a backup and restore it once', `Create ${facts.target}, empty`, 'Put alerts and dashboards in place', 'Try the rollback on a copy', ...watched(facts)],
    criteria: () => ['The backup was restored', 'Alerts reach who is on call', 'banyan runbook test passes'],
    steps: () => [doctor()], gates: () => [PREPARED, TESTED],
  },
  setup: {
    description: 'Create the target, empty, and the streams to it', risk: 'low', people: ENGINEERS,
    tasks: (facts) => [`Create the tables of ${facts.target}: ${tableNames(facts)}`, 'Grant rights, set replica identities and slots', 'Put alerts and dashboards in place', ...watched(facts)],
    criteria: () => ['Both schemas fit', 'banyan doctor answers 0', 'Alerts reach who is on call'],
    steps: (facts) => [doctor(), provision(facts)], gates: () => [PREPARED],
  },
  expand: {
    description: 'Add what new code needs; old code goes on as before', risk: 'medium', people: ENGINEERS,
    tasks: (facts) => facts.changes.map(({ table, name }) => `${table}: ${name}`),
    criteria: (facts) => [...facts.changes.map(({ table, name }) => `${table}: ${name} is there`), 'Old code runs without a change', 'No statement waited for a lock longer than two seconds'],
    steps: (facts) => sqlSteps(facts.changes, 'expand'), gates: () => [{ name: 'old code goes on', criterion: 'its error rate is what it was before' }],
  },
  migrate: {
    description: 'Fill the new form while both are written, and let code use it', risk: 'high', people: [...ENGINEERS, 'application developer'],
    tasks: (facts) => ['Deploy code that writes both forms', ...perTable(facts, (name) => `Backfill ${name} by keys, throttled`), 'Deploy code that reads the new form', ...flagTasks(facts)],
    criteria: (facts) => ['Both forms hold the same in every row', ...perTable(facts, (name) => `${name}: no row is left to fill`)],
    steps: (facts) => [banyan('compare both forms', { start: 'banyan validate --level full', validate: 'banyan validate --level full --json' }), ...sqlSteps(facts.changes, 'validate')],
    gates: () => [EQUAL],
  },
  contract: {
    description: 'Take away what only old code needs', risk: 'high', people: ENGINEERS,
    tasks: (facts) => ['See that no old code is left', 'Take a copy of what will be dropped', ...facts.changes.filter(({ contract }) => contract !== '').map(({ table, name }) => `${table}: ${name}, second half`)],
    criteria: () => ['Nothing reads or writes the old form (pg_stat_statements)', 'What is dropped was copied'],
    steps: (facts) => sqlSteps(facts.changes, 'contract'), gates: () => [{ name: 'nobody uses the old form', criterion: 'no statement names it for a whole business cycle' }, TESTED],
  },
  cleanup: {
    description: 'Remove what only the migration needed', risk: 'low', people: TEAM,
    tasks: () => ['Remove triggers, flags and temporary columns', 'Remove alerts that are no longer of use', 'Keep the last backup for as long as was agreed', 'Write down what was learned'],
    criteria: () => ['No slot, trigger or flag of the migration is left', 'Documentation is as the system is'],
  },
  bulk_copy: {
    description: 'Copy all rows while the source is written', risk: 'medium', people: ENGINEERS,
    tasks: (facts) => facts.tables.length === 0 ? ['Copy every table, in chunks, throttled'] : facts.tables.map(({ name, rows, sizeMb }) => `Copy ${name}${rows === undefined ? '' : `, ${rows} rows`}${sizeMb === undefined ? '' : `, ${sizeMb} MB`}`),
    criteria: (facts) => perTable(facts, (name) => `${name}: as many rows on both sides at the snapshot`).concat('The source answers as fast as before'),
    steps: (facts) => [copy(facts)], gates: () => [DRAINED],
  },
  delta_sync: {
    description: 'Apply what was written since the copy began, and stay in step', risk: 'medium', people: ENGINEERS,
    tasks: () => ['Follow the log of both sides', 'Settle conflicts, and look at each that was recorded', 'Empty the quarantine'],
    criteria: () => ['The lag is under one second', 'Nothing is in quarantine'],
    steps: (facts) => [caughtUp(facts)], gates: () => [DRAINED],
  },
  validation: {
    description: 'Prove that both sides hold the same', risk: 'medium', people: [...ENGINEERS, 'quality engineer'],
    tasks: (facts) => [`Compare every row and column of ${tableNames(facts)} behind a fence`, 'Compare structure, sequences and references', ...critical(facts).map((name) => `Compare ${name} by business rules as well`), ...facts.performance.map((each) => `Measure: ${each}`)],
    criteria: (facts) => ['No row differs', 'No reference is broken', ...facts.performance],
    steps: () => [equal()], gates: () => [EQUAL],
  },
  cutover: {
    description: 'Let users be served by the new side, with the way back open', risk: 'critical', people: [...ENGINEERS, 'service developer', 'product owner'],
    tasks: (facts) => ['Tell everybody that it begins', ...rollout(facts).map(({ name }) => name), ...flagTasks(facts), 'Keep the way back in sync until it is closed by hand', ...watched(facts)],
    criteria: (facts) => ['No request failed that would not have failed before', 'No write was lost', ...facts.performance],
    steps: (facts) => [...rollout(facts), equal()], gates: () => [HEALTHY, EQUAL],
  },
  parallel_schema: {
    description: 'Create the new tables beside the old ones', risk: 'low', people: ENGINEERS,
    tasks: (facts) => perTable(facts, (name) => `Create the new form of ${name}`).concat('Map each column to where it goes'),
    criteria: () => ['Every column has a place, or somebody said that it goes'], steps: (facts) => [provision(facts), ...sqlSteps(facts.changes, 'expand')],
  },
  dual_write: {
    description: 'Write both forms, in one transaction or through the log', risk: 'high', people: [...ENGINEERS, 'application developer'],
    tasks: (facts) => ['Let Banyan carry writes both ways, or write both in the application behind a flag', ...flagTasks(facts), 'Count writes that only one side has'],
    criteria: () => ['No write is on one side alone', 'Conflicts are recorded, and each was looked at'], steps: (facts) => [caughtUp(facts)], gates: () => [DRAINED],
  },
  backfill: {
    description: 'Fill the new form with what was there before', risk: 'medium', people: ENGINEERS,
    tasks: (facts) => perTable(facts, (name) => `Backfill ${name} in order of its key, throttled by the source's response time`),
    criteria: (facts) => perTable(facts, (name) => `${name}: every row is in the new form`), steps: (facts) => [copy(facts)], gates: () => [DRAINED],
  },
  switch_reads: {
    description: 'Read the new form, a few users first', risk: 'high', people: TEAM,
    tasks: (facts) => ['Compare both answers in the shadow', ...rollout(facts).map(({ name }) => name), ...flagTasks(facts)],
    criteria: (facts) => ['Both answers agree', ...facts.performance], steps: (facts) => [shadow(facts), ...rollout(facts)], gates: () => [EQUAL, HEALTHY],
  },
  event_store: {
    description: 'Create the store of events, and agree on their form', risk: 'medium', people: TEAM,
    tasks: (facts) => perTable(facts, (name) => `Name the events that change ${name}`).concat('Give each event a version and a key'),
    criteria: () => ['Every change of every table is some event', 'Events are stored once, in order of their key'], steps: (facts) => [provision(facts)],
  },
  capture: {
    description: 'Read every committed change out of the source\'s log', risk: 'medium', people: ENGINEERS,
    tasks: (facts) => ['Create publication, slots and replica identities', `Follow ${tableNames(facts)}`, 'Watch how much log the slots hold back'],
    criteria: () => ['Every committed change is captured once', 'The slots hold back less log than their limit'], steps: (facts) => [doctor(), copy(facts)], gates: () => [PREPARED, DRAINED],
  },
  replay: {
    description: 'Build the read models from the events, and compare', risk: 'medium', people: TEAM,
    tasks: (facts) => ['Replay all events into an empty model', `Compare it with ${tableNames(facts)}`], criteria: () => ['Replayed twice, the model is the same', 'The model equals the tables'],
    steps: () => [equal()], gates: () => [EQUAL],
  },
  migration: {
    description: 'Move it, piece by piece, each with its way back', risk: 'high', people: ENGINEERS,
    tasks: (facts) => [...perTable(facts, (name) => `Move ${name}`), `Bring ${facts.target} up with the whole load of ${facts.source}`, ...watched(facts)],
    criteria: () => ['Each piece was compared before the next', 'Nothing is in quarantine'], steps: (facts) => (facts.tables.length === 0 ? [] : [provision(facts), copy(facts), caughtUp(facts)]),
    gates: (facts) => (facts.tables.length === 0 ? [] : [DRAINED]),
  },
  intercept: {
    description: 'Put the router in front of the legacy service; everybody is still served by it', risk: 'medium', people: TEAM,
    tasks: (facts) => ['Start the router with 0 %', ...(facts.endpoints.before.length === 0 ? ['Match the routes that will move'] : facts.endpoints.before.map((endpoint) => `Match ${endpoint}`)), 'Send all traffic through it'],
    criteria: () => ['Every request passes the router', 'The median answer is less than a millisecond later'],
    steps: (facts) => [banyan('start the router', { start: 'banyan route serve', rollback: '-- Send traffic past the router: the legacy service never moved.', validate: 'banyan route status --json' }), shadow(facts)],
  },
  implement: {
    description: 'Build the new service, and its database in sync with the old one', risk: 'medium', people: TEAM,
    tasks: (facts) => [...(facts.endpoints.after.length === 0 ? ['Build the endpoints'] : facts.endpoints.after.map((endpoint) => `Build ${endpoint}`)), 'Keep its database in sync both ways', 'Compare both sides'],
    criteria: () => ['Contract tests pass against both sides', 'No row differs'], steps: (facts) => [api(facts), provision(facts), copy(facts), equal()], gates: () => [DRAINED, EQUAL],
  },
  redirect: {
    description: 'Move users, step by step, each with its evidence', risk: 'high', people: TEAM,
    tasks: (facts) => [...rollout(facts).map(({ name }) => name), ...flagTasks(facts), ...watched(facts)],
    criteria: (facts) => ['The new side errs no more often than the old one', 'It is not slower', ...facts.performance],
    steps: (facts) => rollout(facts), gates: () => [HEALTHY, EQUAL],
  },
  validate: {
    description: 'Prove, with everybody on the new side, that nothing was lost', risk: 'medium', people: [...TEAM, 'quality engineer'],
    tasks: (facts) => ['Compare both databases in full', 'Wait for a whole business cycle', ...facts.performance.map((each) => `Measure: ${each}`)],
    criteria: (facts) => ['No row differs', 'A whole business cycle has passed', ...facts.performance], steps: () => [equal()], gates: () => [EQUAL, HEALTHY],
  },
  retire: {
    description: 'Close the way back, and switch the old side off', risk: 'high', people: TEAM,
    tasks: (facts) => ['Let the operator close the way back', `Archive ${facts.source}`, 'Remove the routes and the old code'],
    criteria: () => ['Nobody has called the old side for a whole business cycle', 'The archive was restored once'],
    steps: (facts) => [byHand(`archive ${facts.source}`, { start: 'Take the last backup, restore it once, switch the service off.', rollback: 'Switch it on again: it still has its database of that moment.', loses: 'writes since sync was stopped' })],
    gates: () => [{ name: 'nobody calls the old side', criterion: 'its request counter stands still for a whole business cycle' }],
  },
  deploy: {
    description: 'Bring the new version up beside the old one, without users', risk: 'medium', people: TEAM,
    tasks: (facts) => [`Deploy ${facts.target} with the capacity of ${facts.source}`, 'Warm it up', 'Probe every endpoint'], criteria: () => ['Health and readiness answer', 'Contract tests pass'],
    steps: (facts) => [shadow(facts)],
  },
  shadow: {
    description: 'Ask both sides, answer from the old one', risk: 'medium', people: TEAM,
    tasks: (facts) => ['Copy a sample of reads to the new side', ...facts.endpoints.after.map((endpoint) => `Compare the answers of ${endpoint}`)], criteria: () => ['The old side is as fast as before', 'Every endpoint was sampled'],
    steps: (facts) => [shadow(facts)],
  },
  compare: {
    description: 'Explain or mend each difference', risk: 'medium', people: [...TEAM, 'quality engineer'],
    tasks: () => ['Group differences by endpoint and path', 'Mend, or write down why it is no fault'], criteria: (facts) => ['No difference is left unexplained', ...facts.performance],
    steps: (facts) => [shadow(facts), equal()], gates: () => [EQUAL, abTest()],
  },
  canary: {
    description: 'Let few users be served by the new side', risk: 'high', people: TEAM,
    tasks: (facts) => ['Serve 1 % of users from the new side', 'Serve 5 % of users from the new side', ...flagTasks(facts)], criteria: () => ['The new side errs no more often than the old one', 'It is not slower'],
    steps: (facts) => [moveTo(1)(facts), moveTo(5)(facts)], gates: () => [HEALTHY, abTest()],
  },
  testing: {
    description: 'Try it with the load of a busy day, and the way back as well', risk: 'medium', people: [...TEAM, 'quality engineer'],
    tasks: (facts) => ['Run contract, load and failure tests', 'Go forward and back once', ...facts.performance.map((each) => `Measure: ${each}`)], criteria: (facts) => ['All tests pass', 'Rollback was done within its time', ...facts.performance],
    gates: () => [TESTED],
  },
  deployment: {
    description: 'Bring the new version up', risk: 'high', people: TEAM,
    tasks: (facts) => [`Deploy ${facts.target}`, ...facts.endpoints.after.map((endpoint) => `Bring up ${endpoint}`), ...flagTasks(facts)], criteria: () => ['Health and readiness answer', 'Error rate and latency are as before'],
    steps: (facts) => [shadow(facts)],
  },
  pilot: {
    description: 'Move one piece that nobody would miss, all the way', risk: 'medium', people: ['platform engineer', 'service developer'],
    tasks: () => ['Choose a piece of little risk', 'Move it, and move it back', 'Correct the plan by what was measured'], criteria: () => ['It ran for a week', 'Going back worked'],
  },
  optimization: {
    description: 'Make it fit where it runs now', risk: 'low', people: ['platform engineer'],
    tasks: () => ['Right-size by what is used', 'Scale by load', 'Review the bill'], criteria: (facts) => ['Cost is within the budget', ...facts.performance],
  },
  decommission: {
    description: 'Switch the old machines off', risk: 'high', people: ['platform engineer', 'security engineer'],
    tasks: (facts) => [`Archive and wipe ${facts.source}`, 'Take back names, keys and rights'], criteria: () => ['The archive was restored once', 'Nothing has connected for a month'],
  },
  connectivity: {
    description: 'Join both networks, encrypted, and measure the way between', risk: 'medium', people: ['network engineer', 'security engineer'],
    tasks: () => ['Set up the link and its spare', 'Measure latency and throughput', 'Let names resolve on both sides'], criteria: () => ['The link survives the loss of one path', 'All of it is encrypted'],
  },
};

/** What a phase is about. Every phase of every pattern has an entry; another name, of a file, has what can be said of any. */
export function contentOf(phase: string): PhaseContent {
  return CONTENT[phase] ?? {
    description: `Carry out ${phase.replaceAll('_', ' ')}`, risk: 'medium', people: TEAM, tasks: () => [`Do what ${phase.replaceAll('_', ' ')} asks for`], criteria: () => ['Everything of it is done'],
  };
}

/** Whether there is such an entry. */
export function isKnownPhase(phase: string): boolean {
  return Object.hasOwn(CONTENT, phase);
}
