import { Option, type Command } from 'commander';
import type { ValidateResult, ValidationLevel } from '../../app/application.ts';
import { writeText } from '../../app/text-file.ts';
import { checksOf, lookedAtLines, refuseUnwritable, renderReport, subjectsOf, type Check, type ReportFormat } from '../../app/validate-report.ts';
import { examples, usageError } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { count, duration, mark, plural, styleFor, table, type Style } from '../style.ts';
import { databaseUrl, filled, nameList } from '../values.ts';
import { addValidateAnomalies } from './validate-anomalies.ts';
import { addValidateHistory } from './validate-history.ts';
import { addValidateWatch } from './validate-watch.ts';

interface ValidateFlags {
  readonly source?: string;
  readonly target?: string;
  readonly sourceReplica?: string;
  readonly targetReplica?: string;
  readonly tables?: readonly string[];
  readonly level?: ValidationLevel;
  readonly where?: string;
  readonly schema: boolean;
  readonly references: boolean;
  readonly exclude?: readonly string[];
  readonly exact?: boolean;
  readonly rules?: readonly string[];
  readonly rulesOnly?: boolean;
  readonly format: ReportFormat | 'text';
  readonly output?: string;
  readonly resume?: boolean;
  readonly incremental?: boolean;
}

export function addValidate(program: Command, frame: Frame): void {
  const validate = program
    .command('validate')
    .description('Compare both sides of every configured service, or any two databases. Exit code 0: equal, 1: not.')
    .option('--source <url>', 'a database, with --target', databaseUrl)
    .option('--target <url>', 'the database to compare it with', databaseUrl)
    .option('--source-replica <url>', 'a hot standby of the source, where its rows are read', databaseUrl)
    .option('--target-replica <url>', 'a hot standby of the target', databaseUrl)
    .option('--tables <names>', 'only these, separated by commas (default: all)', nameList)
    .addOption(new Option('--level <level>', 'how closely (default: as configured, else full)').choices(['count', 'sample', 'checksum', 'full']))
    .option('--where <condition>', 'only rows for which this SQL condition is true', filled)
    .option('--no-schema', 'do not compare how tables are defined, nor where their sequences stand')
    .option('--no-references', 'do not look for rows that refer to nothing')
    .option('--exclude <columns>', 'columns that are not compared, separated by commas', nameList)
    .option('--rules <names>', 'only these business rules, separated by commas (default: all)', nameList)
    .option('--rules-only', 'check the rules, and compare no rows')
    .option('--exact', "each value's text counts: 1.10 is not 1.1")
    .option('--incremental', 'only rows that the streams have touched since the last run (needs `validate.incremental`)')
    .option('--resume', 'go on where the last run of the same options was cut off')
    .addOption(new Option('-f, --format <format>', 'how to print the report, or to write it with -o').choices(['text', 'json', 'markdown', 'junit']).default('text'))
    .option('-o, --output <file>', 'write the report to this file; what is printed is for people then', filled)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { source, target, sourceReplica, targetReplica, tables, level, where, exclude, exact, rules, rulesOnly, schema, references, format, output, resume, incremental } = command.opts<ValidateFlags>();
        if ((source === undefined) !== (target === undefined)) throw usageError('--source and --target go together.');
        if (source === undefined && (sourceReplica ?? targetReplica) !== undefined) throw usageError('--source-replica and --target-replica go with --source and --target; the configuration has `validate.readFrom`.');
        if (source !== undefined && (rules !== undefined || rulesOnly === true)) throw usageError('Rules are those of banyan.yaml; --source and --target have none.');
        if (output !== undefined) await refuseUnwritable(output);
        const result = await application.validate({
          ...(source === undefined ? {} : { source }),
          ...(target === undefined ? {} : { target }),
          ...(sourceReplica === undefined ? {} : { sourceReplica }),
          ...(targetReplica === undefined ? {} : { targetReplica }),
          ...(tables === undefined ? {} : { tables }),
          ...(level === undefined ? {} : { level }),
          ...(where === undefined ? {} : { where }),
          ...(schema && references ? {} : { without: [...(schema ? [] : (['schema', 'sequences'] as const)), ...(references ? [] : (['references'] as const))] }),
          ...(exclude === undefined ? {} : { exclude }),
          ...(exact === undefined ? {} : { exact }),
          ...(rules === undefined ? {} : { rules }),
          ...(rulesOnly === undefined ? {} : { rulesOnly }),
          ...(resume === undefined ? {} : { resume }),
          ...(incremental === undefined ? {} : { incremental }),
        });
        const rendered = (style: Style): string => (format === 'text' ? validateText(result, style) : renderReport(result, format));
        if (output !== undefined) await writeText(output, rendered(styleFor({ write: () => true }, {})));
        return {
          json: result,
          text: (style) => (output === undefined ? rendered(style) : validateText(result, style)),
          exitCode: exitCodeFor(result),
        };
      }),
    );
  addValidateWatch(validate, frame);
  addValidateHistory(validate, frame);
  addValidateAnomalies(validate, frame);
  examples(
    validate,
    'banyan validate',
    'banyan validate --tables public.users,public.sessions --level checksum',
    'banyan validate --source postgres://localhost/shop --target postgres://localhost/accounts --json',
    'banyan validate --incremental',
    'banyan validate --format junit',
  );
}

/** A difference is an answer, whatever else could not be looked at. */
function exitCodeFor(result: ValidateResult): typeof EXIT.fine | typeof EXIT.no | typeof EXIT.failed {
  if (result.consistent) return EXIT.fine;
  return foundNothing(result) ? EXIT.failed : EXIT.no;
}

const foundNothing = ({ tables, rules = [] }: ValidateResult): boolean => tables.every(({ consistent }) => consistent) && rules.every(({ ok }) => ok);

function validateText(result: ValidateResult, style: Style): string {
  const overview = table({
    head: ['', 'table', 'source', 'target', 'missing', 'extra', 'different'],
    rows: result.tables.map(({ consistent, table: name, source, target, counts }) => [
      mark(consistent, style), name, ...[source, target, counts.missing, counts.extra, counts.different].map(count),
    ]),
    right: [2, 3, 4, 5, 6],
    style,
  });
  const checks = checksOf(result, { mostExamples: MOST_SHOWN });
  const details = subjectsOf(checks).map((name) => tableDetails(name, checks.filter((check) => check.table === name), style)).join('');
  const rules = result.rules === undefined ? '' : `\n${rulesText(result.rules)}`;
  const speed = `${plural(result.rows, 'row')} compared in ${duration(result.seconds)}`;
  const looked = lookedAtLines(result).map((line) => `\n${line}`).join('');
  return `${result.tables.length === 0 ? '' : overview}${details}${looked === '' ? '' : `${looked}\n`}${rules}\n${verdict(result, speed, style)}\n`;
}

function verdict(result: ValidateResult, speed: string, style: Style): string {
  if (result.consistent) return style.green(`Equal: ${speed}.`);
  return style.red(`${foundNothing(result) ? 'Not known to be equal' : 'Not equal'}: ${speed}${result.unchecked ? `; ${plural(result.unchecked.length, 'check')} could not be made` : ''}.`);
}

function rulesText(rules: NonNullable<ValidateResult['rules']>): string {
  const failed = rules.filter(({ ok }) => !ok).map(({ name }) => name);
  const unsettled = rules.filter(({ ok, counts }) => ok && counts.unsettled > 0).map(({ name }) => name);
  const held = rules.length - failed.length - unsettled.length;
  const parts = [`${held} of ${plural(rules.length, 'rule')} ${held === 1 ? 'holds' : 'hold'}`, ...(failed.length > 0 ? [`broken: ${failed.join(', ')}`] : []), ...(unsettled.length > 0 ? [`written at every look: ${unsettled.join(', ')}`] : [])];
  return `${parts.join('; ')}.\n`;
}

/** Rows shown per table and check; the JSON document has all that were listed. */
const MOST_SHOWN = 10;

function tableDetails(name: string, checks: readonly Check[], style: Style): string {
  const lines = checks.filter(({ outcome, total }) => outcome === 'failed' || total > 0).flatMap(checkLines);
  return lines.length === 0 ? '' : `\n${style.bold(name)}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function checkLines({ name, message, examples, total }: Check): string[] {
  if (examples.length === 0) return [`${name.padEnd(9)}  ${message}`];
  const lines = examples.map(({ subject, detail }) => `${name.padEnd(9)}  ${subject}${detail === '' ? '' : `: ${detail}`}`);
  return total > lines.length ? [...lines, `and ${count(total - lines.length)} more`] : lines;
}
