import { Option, type Command } from 'commander';
import type { AnalyzeResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { plural, table, type Style } from '../style.ts';
import { databaseUrl, filled, wholeNumber } from '../values.ts';

interface AnalyzeFlags {
  readonly db?: string;
  readonly schema?: string;
  readonly workload?: string;
  readonly log?: readonly string[];
  readonly logPrefix?: string;
  readonly services?: number;
  readonly outDir?: string;
}

export function addAnalyze(program: Command, frame: Frame): void {
  const analyze = program
    .command('analyze')
    .description('Suggest where the monolith should be cut. Reads the configured monolith unless told otherwise.')
    .addOption(new Option('--db <url>', 'a database to read').argParser(databaseUrl).conflicts('schema'))
    .addOption(new Option('--schema <file>', 'SQL that creates the schema, to read instead of a database').argParser(filled))
    .option('--workload <file>', 'SQL statements the monolith runs; transactions show what belongs together', filled)
    .option('--log <file>', 'a statement log of PostgreSQL, MySQL or MariaDB, or a folder of them; may be given several times', several)
    .option('--log-prefix <prefix>', 'the log_line_prefix of PostgreSQL logs (default: recognised)', filled)
    .option('--services <number>', 'how many services to suggest (default: as many as the structure shows)', wholeNumber(1, 1000))
    .option('-o, --out-dir <dir>', 'write boundaries.json, report.md, boundaries.mmd and boundaries.svg there', filled)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { db, schema, workload, log, logPrefix, services, outDir } = command.opts<AnalyzeFlags>();
        const result = await application.analyze({
          ...(db === undefined ? {} : { db }),
          ...(schema === undefined ? {} : { schemaFile: schema }),
          ...(workload === undefined ? {} : { workloadFile: workload }),
          ...(log === undefined ? {} : { logFiles: log }),
          ...(logPrefix === undefined ? {} : { logPrefix }),
          ...(services === undefined ? {} : { services }),
          ...(outDir === undefined ? {} : { outDir }),
        });
        return { json: result, text: (style) => analyzeText(result, style) };
      }),
    );
  examples(analyze, 'banyan analyze --db postgres://localhost/shop -o boundaries', 'banyan analyze --schema schema.sql --workload workload.sql --json');
}

function several(text: string, before: readonly string[] = []): string[] {
  return [...before, filled(text)];
}

function analyzeText(result: AnalyzeResult, style: Style): string {
  const parts = [
    table({
      head: ['service', 'tables', ''],
      rows: Object.entries(result.services).map(([name, tables]) => [style.bold(name), String(tables.length), tables.join(', ')]),
      right: [1],
      style,
    }),
  ];
  if (result.shared.length > 0) parts.push(`shared by several: ${result.shared.join(', ')}\n`);
  if (result.cuts.length > 0) {
    parts.push(
      table({
        head: ['cut', 'from', 'to', 'remedy'],
        rows: result.cuts.map(({ constraint, from, to, remedy }) => [constraint, from, to, remedy]),
        style,
      }),
    );
  }
  if (result.cycles.length > 0) parts.push(result.cycles.map((cycle) => `cycle: ${cycle.join(' → ')}\n`).join(''));
  const { total, distributed } = result.transactions;
  const facts = [
    ...(total > 0 ? [`${distributed.length} of ${plural(total, 'kind')} of transaction would cross a border`] : []),
    ...(result.order.length > 0 ? [`order of extraction: ${result.order.join(', ')}`] : []),
    ...Object.entries(result.metrics).map(([name, value]) => `${name}: ${Number(value.toFixed(3))}`),
    ...(result.files ?? []).map((file) => `written: ${file}`),
  ];
  if (facts.length > 0) parts.push(facts.map((fact) => `${fact}\n`).join(''));
  return parts.join('\n');
}
