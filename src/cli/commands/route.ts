import { Argument, Option, type Command } from 'commander';
import type { RouteResult } from '../../app/route-types.ts';
import type { RouteExportResult, RouteFormat } from '../../app/route-export-types.ts';
import { addHistory } from './route-history.ts';
import { addStatus } from './route-status.ts';
import { routesText } from './route-text.ts';
import { addShow, decisionChange, decisionOptions, type DecisionFlags } from './route-decision.ts';
import { examples, requireSubcommand, usageError } from '../command.ts';
import type { Frame, Outcome } from '../frame.ts';
import { plural, type Style } from '../style.ts';
import { decimalNumber, filled, wholeNumber } from '../values.ts';

export function addRoute(program: Command, frame: Frame): void {
  const route = program.command('route').description('Decide who is served by which side, and go back at once.');
  for (const add of [addServe, addSet, addShow, addStatus, addRollback, addHistory, addExport]) add(route, frame);
  requireSubcommand(route);
  examples(route, 'banyan route serve', 'banyan route set accounts 5', 'banyan route rollback accounts');
}

const serviceArgument = () => new Argument('<service>', 'a service of the configuration').argParser(filled);

function addServe(route: Command, frame: Frame): void {
  const serve = route
    .command('serve')
    .description('Run the router until stopped; a stop lets requests under way finish.')
    .action((_flags: unknown, command: Command) => frame.run(command, async (application) => outcome(await application.routeServe())));
  examples(serve, 'banyan route serve');
}

interface SetFlags extends DecisionFlags {
  readonly step?: number;
  readonly every?: number;
  readonly gradual?: boolean;
  readonly maxWait?: number;
  readonly overdue?: 'wait' | 'continue';
}

function addSet(route: Command, frame: Frame): void {
  const set = route
    .command('set')
    .description('Serve this share of the users from the service. Who was moved before stays moved.')
    .addArgument(serviceArgument())
    .addArgument(new Argument('[percent]', 'from 0 to 100; may be left out where an option says what is to change').argParser(decimalNumber(0, 100)))
    .option('--gradual', 'the routers go there in steps, each after evidence that the service is not worse; returns with the first step')
    .option('--step <percent>', 'the size of a step (with --gradual, default: 5; else with --every)', decimalNumber(0.01, 100))
    .option('--every <seconds>', 'the time between two steps, with --gradual the least (default: 300)', decimalNumber(0.001))
    .option('--max-wait <seconds>', 'with --gradual: when a step is overdue (default: ten times --every, at least 60)', decimalNumber(0.001))
    .addOption(new Option('--overdue <what>', 'with --gradual: what an overdue step does (default: wait)').choices(['wait', 'continue']))
    .action((service: string, percent: number | undefined, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { step, every, gradual: byRouters = false, maxWait, overdue, ...decision } = command.opts<SetFlags>();
        const plan = byRouters ? { plan: defined({ stepPercent: step, everySeconds: every, maxSeconds: maxWait, overdue }) } : {};
        if (!byRouters && (maxWait !== undefined || overdue !== undefined)) throw usageError('--max-wait and --overdue go with --gradual.');
        if (!byRouters && (step === undefined) !== (every === undefined)) throw usageError('--step and --every go together.');
        const gradual = byRouters || step === undefined || every === undefined ? {} : { gradual: { stepPercent: step, everySeconds: every } };
        const change = decisionChange(service, percent, decision);
        if ((change || percent === undefined) && (byRouters || step !== undefined)) throw usageError('--gradual, --step and --every go with a percentage alone.');
        return outcome(change || percent === undefined ? await application.routeChange({ service, ...change }) : await application.routeSet({ service, percent, ...gradual, ...plan }));
      }),
    );
  decisionOptions(set);
  examples(set, 'banyan route set accounts 5', 'banyan route set accounts 100 --gradual --step 10 --every 600', 'banyan route set accounts 100 --step 10 --every 60', 'banyan route set accounts --allow 42 --deny 7', 'banyan route set accounts --variant blue=30');
}

/** Without the keys that were not given. */
function defined<T extends object>(options: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const given: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  return Object.assign(given, Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
}

function addRollback(route: Command, frame: Frame): void {
  const rollback = route
    .command('rollback')
    .description('Serve everybody from the monolith again, now; or make an earlier decision again.')
    .addArgument(serviceArgument())
    .option('--to-version <n>', 'make the decision of this version again', wholeNumber(1))
    .option('--why <text>', 'for the record', filled)
    .action((service: string, _flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { toVersion, why } = command.opts<{ readonly toVersion?: number; readonly why?: string }>();
        return outcome(await application.routeRollback({ service, ...defined({ toVersion, why }) }));
      }),
    );
  examples(rollback, 'banyan route rollback accounts', 'banyan route rollback accounts --to-version 7', 'banyan route rollback accounts --why slow');
}

interface ExportFlags {
  readonly format: RouteFormat;
  readonly outDir: string;
  readonly listen?: string;
  readonly bucketHeader?: string;
  readonly router?: string;
  readonly direct?: boolean;
}

function addExport(route: Command, frame: Frame): void {
  const exportRoutes = route
    .command('export')
    .description('Write the routes, with the shares as they are now, as the configuration of another proxy.')
    .addOption(
      new Option('--format <format>', 'for which').choices(['haproxy', 'nginx', 'envoy', 'istio', 'gateway-api']).makeOptionMandatory(),
    )
    .requiredOption('-o, --out-dir <dir>', 'where to write it', filled)
    .option('--listen <host:port>', 'where that proxy listens (default: 127.0.0.1:8000)', filled)
    .option('--bucket-header <name>', "a request header that gives the user's bucket, if something in front sets it", filled)
    .option('--router <url>', "where that proxy reaches Banyan's own router (default: `route.listen`)", filled)
    .option('--direct', "without Banyan's own router: no fence for users who move, no comparing")
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { format, outDir, listen, bucketHeader, router, direct = false } = command.opts<ExportFlags>();
        const result = await application.routeExport({
          format, outDir, direct,
          ...(listen === undefined ? {} : { listen }),
          ...(bucketHeader === undefined ? {} : { bucketHeader }),
          ...(router === undefined ? {} : { router }),
        });
        return { json: result, text: (style) => exportText(result, style) };
      }),
    );
  examples(exportRoutes, 'banyan route export --format haproxy -o haproxy', 'banyan route export --format istio -o k8s --router http://banyan.shop:8080');
}

function exportText({ files, notes }: RouteExportResult, style: Style): string {
  const written = files.map((file) => `${file}\n`).join('');
  return `${written}${notes.map((note) => `${style.yellow('note:')} ${note}\n`).join('')}${style.green(`${plural(files.length, 'file')}.`)}\n`;
}

function outcome(result: RouteResult): Outcome {
  return { json: result, text: (style) => routesText(result, style) };
}
