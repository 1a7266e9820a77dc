import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { RouteChangeOptions, RouteShowResult } from '../../app/route-decision-types.ts';
import { FLAG_STAGES, STRATEGIES, type RouteDecision } from '../../model/route-decision.ts';
import { examples, usageError } from '../command.ts';
import type { Frame } from '../frame.ts';
import { printable, table, type Style } from '../style.ts';
import { decimalNumber, filled } from '../values.ts';

/** What `route set` changes beside the percentage, by the names of its options. */
export interface DecisionFlags extends Omit<RouteChangeOptions, 'service' | 'percent' | 'variants'> {
  readonly variant?: Readonly<Record<string, number>>;
}

/** Adds the options of {@link DecisionFlags}. */
export function decisionOptions(command: Command): Command {
  return command
    .addOption(new Option('--strategy <name>', 'how the route is steered').choices(STRATEGIES))
    .option('--allow <key...>', 'users who are served by the service whatever the percentage', collected)
    .option('--deny <key...>', 'users who stay with the monolith', collected)
    .option('--unlist <key...>', 'users to take off both lists', collected)
    .option('--variant <name=weight...>', 'the weight of a variant; 0 takes it away', weighted)
    .option('--experiment <name>', 'share the users out between the variants anew, by this name', filled)
    .addOption(new Option('--stage <stage>', 'the stage of the migration flag').choices(FLAG_STAGES))
    .option('--configured', 'take strategy, lists, rules and variants from the configuration')
    .option('--scheduled', 'begin the schedule of the configuration')
    .option('--why <text>', 'for the record', filled);
}

/** The change that was asked for; undefined: nothing but a percentage. */
export function decisionChange(service: string, percent: number | undefined, flags: DecisionFlags): RouteChangeOptions | undefined {
  const { strategy, allow, deny, unlist, variant: variants, experiment, stage, configured, scheduled, why } = flags;
  const change = {
    ...(strategy ? { strategy } : {}), ...(allow ? { allow } : {}), ...(deny ? { deny } : {}), ...(unlist ? { unlist } : {}),
    ...(variants ? { variants } : {}), ...(experiment ? { experiment } : {}), ...(stage ? { stage } : {}),
    ...(configured ? { configured } : {}), ...(scheduled ? { scheduled } : {}), ...(why ? { why } : {}),
  };
  const nothing = Object.keys(change).length === 0;
  if (percent === undefined && nothing) throw usageError('Expected a percentage, or an option that says what is to change.');
  return nothing ? undefined : { service, ...(percent === undefined ? {} : { percent }), ...change };
}

export function addShow(route: Command, frame: Frame): void {
  const show = route
    .command('show')
    .description("A route's latest decision, whole: lists, rules, variants, stage, steps to come.")
    .addArgument(new Argument('<service>', 'a service of the configuration').argParser(filled))
    .action((service: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.routeShow({ service });
        return { json: result, text: (style) => shownText(result, style) };
      }),
    );
  examples(show, 'banyan route show accounts');
}

function collected(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), filled(text)];
}

function weighted(text: string, before: Readonly<Record<string, number>> | undefined): Readonly<Record<string, number>> {
  const [, name, weight = ''] = /^([a-z][a-z0-9_-]{0,39})=(.+)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('Expected a name and a weight such as blue=30.');
  return { ...before, [name]: decimalNumber(0)(weight) };
}

function shownText({ percent, version, by, why, at, decision }: RouteShowResult, style: Style): string {
  const decided = version === 0 ? 'nothing was decided yet: it begins with its configuration' : `version ${version}, ${at}, by ${by}${why === '' ? '' : `: ${why}`}`;
  const rows = [
    ['served by it', `${percent} %`],
    ['decided', decided],
    ['strategy', decision.strategy],
    ...(decision.pinned === null ? [] : [['everybody', decision.pinned === 'monolith' ? 'rolled back to the monolith' : 'on the service']]),
    ...(decision.allow.length > 0 ? [['allowed', decision.allow.join(', ')]] : []),
    ...(decision.deny.length > 0 ? [['denied', decision.deny.join(', ')]] : []),
    ...decision.rules.map((rule) => ['rule', `${JSON.stringify(rule.when)}: ${rule.percent} %`]),
    ...variantRows(decision),
    ['stage', decision.stage],
    ...decision.schedule.map((step) => ['to come', `${step.percent} %${step.at === undefined ? '' : ` at ${step.at}`}${step.afterSeconds === undefined ? '' : ` after ${step.afterSeconds} s`}`]),
  ];
  return table({ head: ['', ''], rows: rows.map((row) => row.map(printable)), style }).trimStart();
}

function variantRows({ variants, experiment }: RouteDecision): string[][] {
  return variants.map(({ name, ranges }) => {
    const share = ranges.reduce((sum, [from, to]) => sum + to - from, 0) / 100;
    return ['variant', `${name}: ${share} % (${experiment})`];
  });
}
