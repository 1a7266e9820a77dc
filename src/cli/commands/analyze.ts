import { InvalidArgumentError, Option, type Command } from 'commander';
import type { AnalyzeResult } from '../../app/analyze-types.ts';
import { examples } from '../command.ts';
import type { Frame } from '../frame.ts';
import { plural, table, type Style } from '../style.ts';
import { databaseUrl, decimalNumber, filled, nameList, wholeNumber } from '../values.ts';

interface AnalyzeFlags {
  readonly db?: string;
  readonly schema?: string;
  readonly workload?: string;
  readonly log?: readonly string[];
  readonly logPrefix?: string;
  readonly statements: boolean;
  readonly watch?: number;
  readonly owners?: string;
  readonly values: boolean;
  readonly services?: number;
  readonly minTables?: number;
  readonly maxTables?: number;
  readonly keep?: readonly (readonly string[])[];
  readonly apart?: readonly (readonly string[])[];
  readonly against?: string;
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
    .option('--no-statements', 'do not use what pg_stat_statements has counted')
    .addOption(new Option('--watch <seconds>', 'read for so long from the WAL what commits together').argParser(decimalNumber(0.1, 86_400)).conflicts('schema'))
    .option('--owners <file>', 'who owns what today: CODEOWNERS, whose repository is looked at, or lines of "table: owner"', filled)
    .option('--no-values', 'do not look for undeclared keys in samples of the database\'s values')
    .option('--services <number>', 'how many services to suggest (default: as many as the structure shows)', wholeNumber(1, 1000))
    .option('--min-tables <number>', 'tables a service has at least; smaller ones join their closest neighbour (default: 2)', wholeNumber(1, 1000))
    .option('--max-tables <number>', 'tables a service has at most (default: no limit)', wholeNumber(1, 1000))
    .option('--keep <tables>', 'tables that stay together, separated by commas; may be given several times', groups)
    .option('--apart <tables>', 'tables of which no two share a service; may be given several times', groups)
    .option('--against <file>', 'another division to compare with: boundaries.json, banyan.yaml, CODEOWNERS, or lines of `table: owner`', filled)
    .option('-o, --out-dir <dir>', 'write boundaries.json, report.md, boundaries.mmd and boundaries.svg there', filled)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { db, schema, workload, log, logPrefix, statements, watch, owners, values, against, ...asked } = command.opts<AnalyzeFlags>();
        const result = await application.analyze({
          ...(db === undefined ? {} : { db }),
          ...(schema === undefined ? {} : { schemaFile: schema }),
          ...(workload === undefined ? {} : { workloadFile: workload }),
          ...(log === undefined ? {} : { logFiles: log }),
          ...(logPrefix === undefined ? {} : { logPrefix }),
          ...(statements ? {} : { statements }),
          ...(watch === undefined ? {} : { watchSeconds: watch }),
          ...(owners === undefined ? {} : { ownersFile: owners }),
          ...(values ? {} : { values }),
          ...(against === undefined ? {} : { againstFile: against }),
          ...asked,
        });
        return { json: result, text: (style) => analyzeText(result, style) };
      }),
    );
  examples(analyze, 'banyan analyze --against .github/CODEOWNERS --keep orders,invoices', 'banyan analyze --db postgres://localhost/shop -o boundaries', 'banyan analyze --schema schema.sql --workload workload.sql --json');
}

function several(text: string, before: readonly string[] = []): string[] {
  return [...before, filled(text)];
}

function groups(text: string, before: readonly (readonly string[])[] = []): (readonly string[])[] {
  const names = nameList(text);
  if (names.length < 2) throw new InvalidArgumentError('Expected at least two tables separated by commas.');
  return [...before, names];
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
  const { against, alternatives = [] } = result.details ?? {};
  if (alternatives.length > 0) parts.push(alternatives.map(({ name, trades }) => `or ${name}: ${trades}\n`).join(''));
  if (against) parts.push(againstText(against, style));
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

function againstText({ file, ari, nmi, f1, moved }: NonNullable<NonNullable<AnalyzeResult['details']>['against']>, style: Style): string {
  const head = `against ${file}: ARI ${ari.toFixed(2)}, NMI ${nmi.toFixed(2)}, F1 ${f1.toFixed(2)}; ${moved.length === 0 ? 'no table would move' : `${plural(moved.length, 'table')} would move`}\n`;
  if (moved.length === 0) return head;
  const rows = moved.map((item) => [item.table, item.theirs, item.ours === '' ? 'none' : item.ours, item.why]);
  return head + table({ head: ['table', 'is in', 'belongs to', 'why'], rows, style });
}
