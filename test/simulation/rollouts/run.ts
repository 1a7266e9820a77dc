import { samplesNeeded } from '../../../src/route/evidence/samples-needed.ts';
import { goesOn, peeking, sequential, staleBaseline, standingAlone, type JudgeOf } from './judges.ts';
import { measure, mostAlarms } from './measure.ts';
import type { World } from './world.ts';
import { allAfter, bursts, commonTrouble, drifting, failing, heavyTailed, onTheEdge, ownTrouble, plain, shareBeyond, slower, unlikeUsers } from './worlds.ts';

/*
 * The long version of the simulation of rollouts: `npm run sim:rollouts [-- ROLLOUTS [WHICH]]` (default
 * 1,000 of each; WHICH is a regular expression on the name of the world, and of the
 * rules). Exits with 1
 * if a promise is not kept. It takes some minutes, on one core.
 */
const [, , many = '1000', only = ''] = process.argv;
const wanted = new RegExp(only);
const rollouts = Number(many);
const alpha = 0.01;
const power = 0.9;
/** With floors, and a rule for 100 %. */
const floors = [{ threshold: 0.002, relative: 2, alone: 0.05 }, { quantile: 0.95, threshold: 200, relative: 1.1, alone: 1000 }];
/** Without the floors, which would hide false alarms of what is compared. */
const compared = [{ relative: 2 }, { quantile: 0.95, relative: 1.1 }];
/** On the very edge: with no margin at all. */
const noMargin = [{ relative: 1 }, { quantile: 0.95, relative: 1 }];
const started = performance.now();
let broken = 0;

function row(cells: readonly (string | number)[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function falseAlarms(world: World, what: string, judge: JudgeOf, promised: boolean): void {
  if (!wanted.test(`${world.name}, ${what}`)) return;
  const { fired } = measure(world, judge, { rollouts });
  const limit = mostAlarms(rollouts, alpha);
  if (promised && fired > limit) broken++;
  row([world.name, what, fired, promised ? `at most ${alpha * rollouts} expected, ${limit} by chance` : 'none']);
}

function found(world: World, what: string, judge: JudgeOf, promised: number): void {
  if (!wanted.test(world.name)) return;
  const { fired, median, p90, within } = measure(world, judge, { rollouts, promised });
  if (within < power * rollouts - 3 * Math.sqrt(rollouts * power * (1 - power))) broken++;
  row([world.name, what, fired, median, p90, promised, `${((100 * within) / rollouts).toFixed(1)} %`]);
}

function step(world: World, worse: boolean): void {
  if (!wanted.test(world.name)) return;
  const { fired, median, p90 } = measure(world, goesOn(beta), { rollouts });
  const limit = mostAlarms(rollouts, beta);
  if (worse ? fired > limit : fired < rollouts) broken++;
  row([world.name, fired, median, p90, worse ? `at most ${beta * rollouts} expected, ${limit} by chance` : 'all']);
}

row([`not worse (${rollouts} rollouts each)`, 'rules', 'false alarms', 'promise']);
row(['---', '---', '---', '---']);
falseAlarms(plain(600), 'floors of 0.2 % and 200 ms', sequential(floors, alpha), true);
for (const world of [plain(600), drifting(1300), heavyTailed(300), bursts(300), commonTrouble(300)]) {
  falseAlarms(world, 'no floors, no margin', sequential(noMargin, alpha), true);
}
falseAlarms(onTheEdge(300), 'no floors', sequential(compared, alpha), true);
const ramp = 60;
for (const rule of [{ relative: 1, alone: 0.05 }, { threshold: 0.002, relative: 2, alone: 0.05 }]) {
  falseAlarms(allAfter(ramp, 400, 0.001), `relative ${rule.relative}, the remembered baseline`, standingAlone([rule], alpha, ramp), true);
}
const spells: World = { ...commonTrouble(400), name: `100 % after ${ramp} s, with the same spells of errors before and after`, traffic: (second) => (second < ramp ? 0.5 : 1) };
const byDefault = [{ threshold: 0.002, relative: 2, alone: 0.05 }];
falseAlarms(spells, 'relative 2, the remembered baseline', standingAlone(byDefault, alpha, ramp), false);
falseAlarms(spells, 'the limit of 5 % alone', sequential(byDefault, alpha), false);
for (const users of [10_000, 1000, 100]) falseAlarms(unlikeUsers(300, users), 'no floors', sequential(compared, alpha), false);
falseAlarms(ownTrouble(300), 'no floors', sequential(compared, alpha), false);
falseAlarms(plain(300), 'planted: a fixed test, looked at 20 times a second', peeking(alpha), false);
falseAlarms(drifting(300), 'planted: the baseline of the start', staleBaseline(alpha), false);
process.stdout.write('\n');
row([`worse (${rollouts} rollouts each)`, 'rules', 'found', 'median', '90th percentile', 'promised', 'within the promise']);
row(['---', '---', '---', '---', '---', '---', '---']);
for (const traffic of [0.05, 0.2, 0.5]) {
  const each = { alpha: alpha / 2, power };
  // A rule with a threshold for 100 % shares its rate with that one.
  const half = { alpha: alpha / 4, power };
  const errors = samplesNeeded({ service: 0.01, reference: 0.001, relative: 2, traffic }, half);
  found(failing(6000, 0.01, traffic), 'floors of 0.2 % and 200 ms', sequential(floors, alpha), Math.max(errors, samplesNeeded({ service: 0.01, reference: 0.002 }, half)));
  const latency = samplesNeeded({ service: shareBeyond(1.2, 1.1), reference: 0.05, relative: 1, traffic }, each);
  found(slower(6000, 1.2, traffic), 'no floors', sequential(compared, alpha), latency);
  const plainly = samplesNeeded({ service: shareBeyond(1.2, 1), reference: 0.05, relative: 1, traffic }, each);
  found(slower(6000, 1.2, traffic), 'no floors, no margin', sequential(noMargin, alpha), plainly);
}
for (const judged of ['remembered', 'limit'] as const) {
  const rule = [{ threshold: 0.002, relative: 2, alone: 0.05 }];
  const world = allAfter(ramp, 400, 0.02);
  if (!wanted.test(world.name)) break;
  const { fired, median, p90 } = measure(world, judged === 'limit' ? sequential(rule, alpha) : standingAlone(rule, alpha, ramp), { rollouts });
  row([world.name, judged === 'limit' ? 'the limit of 5 % alone' : 'the remembered baseline', fired, median, p90, '', '']);
}
process.stdout.write('\n');
row([`a step of a gradual shift (${rollouts} each)`, 'taken', "the service's requests until then, median", '90th percentile', 'promise']);
row(['---', '---', '---', '---', '---']);
const beta = 0.05;
for (const traffic of [0.05, 0.5]) {
  step(plain(3000, { traffic }), false);
  step(failing(1000, 0.01, traffic), true);
  step(slower(1000, 1.2, traffic), true);
}
process.stdout.write(`\n${Math.round((performance.now() - started) / 1000)} s; ${broken === 0 ? 'every promise was kept' : `${broken} promises were not kept`}\n`);
process.exitCode = broken === 0 ? 0 : 1;
