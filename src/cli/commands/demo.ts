import type { Command } from 'commander';
import type { DemoResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { count, duration, mark, table, type Style } from '../style.ts';

export function addDemo(program: Command, frame: Frame): void {
  const demo = program
    .command('demo')
    .description('Take a service out of a sample monolith, live, on servers that Banyan brings along.')
    .option('--keep', 'leave the servers and files as they are at the end')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { keep = false } = command.opts<{ keep?: boolean }>();
        const result = await application.demo({ keep });
        return { json: result, text: (style) => demoText(result, style), exitCode: result.ok ? EXIT.fine : EXIT.no };
      }),
    );
  examples(demo, 'banyan demo', 'banyan demo --json > demo.json');
}

function demoText(result: DemoResult, style: Style): string {
  const { syncLatencyMs: latency } = result;
  const steps = table({
    head: ['', 'step', 'time'],
    rows: result.steps.map((step) => [mark(step.ok, style), step.name, duration(step.seconds)]),
    right: [2],
    style,
  });
  const promises: readonly (readonly [string, string, boolean])[] = [
    ['acknowledged writes lost', `${count(result.writesLost)} of ${count(result.writesAcknowledged)}`, result.writesLost === 0],
    ['requests failed outside the fault', `${count(result.requestsFailedOutsideFault)} of ${count(result.requests)}`, result.requestsFailedOutsideFault === 0],
    ['users moved back by a raised percentage', count(result.movedBack), result.movedBack === 0],
    ['users who read the past', count(result.staleReads), result.staleReads === 0],
    ['rows that differ at the end', `${count(result.differences)} of ${count(result.rowsCompared)}`, result.differences === 0],
    ['sync latency p50, p95, p99', `${latency.p50}, ${latency.p95}, ${latency.p99} ms`, latency.p95 < 100],
  ];
  const summary = table({ head: ['', 'promise', 'measured'], rows: promises.map(([name, value, kept]) => [mark(kept, style), name, value]), style });
  const facts = `${count(result.conflicts)} conflicts resolved; ${count(result.requestsFailed)} requests failed inside the fault window or outside.\n`;
  return `${steps}\n${summary}\n${facts}${result.ok ? style.green('All promises kept.') : style.red('Not all promises were kept.')}\n`;
}
