import { Option, type Command } from 'commander';
import type { TableComparison, RowKey, ValidateResult, ValidationLevel } from '../../app/application.ts';
import { examples, usageError } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { count, duration, mark, plural, printable, rowText, table, type Style } from '../style.ts';
import { filled, nameList } from '../values.ts';

interface ValidateFlags {
  readonly source?: string;
  readonly target?: string;
  readonly tables?: readonly string[];
  readonly level?: ValidationLevel;
  readonly where?: string;
}

export function addValidate(program: Command, frame: Frame): void {
  const validate = program
    .command('validate')
    .description('Compare both sides of every configured service, or any two databases. Exit code 0: equal, 1: not.')
    .option('--source <url>', 'a database, with --target', filled)
    .option('--target <url>', 'the database to compare it with', filled)
    .option('--tables <names>', 'only these, separated by commas (default: all)', nameList)
    .addOption(new Option('--level <level>', 'how closely (default: as configured, else full)').choices(['count', 'sample', 'checksum', 'full']))
    .option('--where <condition>', 'only rows for which this SQL condition is true', filled)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { source, target, tables, level, where } = command.opts<ValidateFlags>();
        if ((source === undefined) !== (target === undefined)) throw usageError('--source and --target go together.');
        const result = await application.validate({
          ...(source === undefined ? {} : { source }),
          ...(target === undefined ? {} : { target }),
          ...(tables === undefined ? {} : { tables }),
          ...(level === undefined ? {} : { level }),
          ...(where === undefined ? {} : { where }),
        });
        return { json: result, text: (style) => validateText(result, style), exitCode: result.consistent ? EXIT.fine : EXIT.no };
      }),
    );
  examples(
    validate,
    'banyan validate',
    'banyan validate --tables public.users,public.sessions --level checksum',
    'banyan validate --source postgres://localhost/shop --target postgres://localhost/accounts --json',
  );
}

function validateText(result: ValidateResult, style: Style): string {
  const overview = table({
    head: ['', 'table', 'source', 'target', 'missing', 'extra', 'different'],
    rows: result.tables.map((compared) => [
      mark(differences(compared) === 0 && compared.source === compared.target, style),
      compared.table,
      count(compared.source),
      count(compared.target),
      count(countsOf(compared).missing),
      count(countsOf(compared).extra),
      count(countsOf(compared).different),
    ]),
    right: [2, 3, 4, 5, 6],
    style,
  });
  const details = result.tables.map((compared) => tableDetails(compared, style)).join('');
  const speed = `${plural(result.rows, 'row')} compared in ${duration(result.seconds)}`;
  return `${overview}${details}\n${result.consistent ? style.green(`Equal: ${speed}.`) : style.red(`Not equal: ${speed}.`)}\n`;
}

const countsOf = ({ counts, missing, extra, different }: TableComparison) =>
  counts ?? { missing: missing.length, extra: extra.length, different: different.length };

const differences = (compared: TableComparison) => {
  const { missing, extra, different } = countsOf(compared);
  return missing + extra + different;
};

function keyText(key: RowKey): string {
  if (typeof key === 'string') return printable(key);
  if (!isCopies(key)) return rowText(key);
  return `${rowText(key.row)} (${key.source} times in the source, ${key.target} in the target)`;
}

function isCopies(key: Exclude<RowKey, string>): key is Extract<RowKey, { row: unknown }> {
  return typeof key['row'] === 'object' && key['row'] !== null;
}

/** Keys shown per table and kind; the JSON document has them all. */
const MOST_SHOWN = 10;

function tableDetails(compared: TableComparison, style: Style): string {
  if (differences(compared) === 0) return '';
  const lines = [
    ...shown(compared.missing, countsOf(compared).missing, (key) => `  missing    ${keyText(key)}`),
    ...shown(compared.extra, countsOf(compared).extra, (key) => `  extra      ${keyText(key)}`),
    ...shown(compared.different, countsOf(compared).different, ({ key, columns }) => `  different  ${keyText(key)}: ${columnsText(columns)}`),
  ];
  return `\n${style.bold(compared.table)}\n${lines.map((line) => `${line}\n`).join('')}`;
}

function shown<T>(items: readonly T[], total: number, show: (item: T) => string): string[] {
  const lines = items.slice(0, MOST_SHOWN).map(show);
  return total > lines.length ? [...lines, `  and ${count(total - lines.length)} more`] : lines;
}

function columnsText(columns: TableComparison['different'][number]['columns']): string {
  const value = (text: string | null) => (text === null ? 'null' : printable(text));
  return Object.entries(columns)
    .map(([name, { source, target }]) => `${printable(name)} ${value(source)} ≠ ${value(target)}`)
    .join(', ');
}
