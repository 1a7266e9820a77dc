import { InvalidArgumentError, Option, type Command } from 'commander';
import { BanyanError } from '../../core/errors.ts';
import type { CheckFormat, CheckOptions, CheckResult } from '../../app/plan-types.ts';
import { examples } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { decimalNumber, filled, wholeNumber } from '../values.ts';

interface CheckFlags {
  readonly before: string;
  readonly after: string;
  readonly type: CheckOptions['type'];
  readonly compatibility?: NonNullable<CheckOptions['compatibility']>;
  readonly output?: string;
  readonly format: CheckFormat;
  readonly rename?: Readonly<Record<string, string>>;
  readonly expandContract?: boolean;
  /** False: `--no-rules`. */
  readonly rules?: string | false;
  readonly rowsTimeout?: number;
  readonly allowHazard?: readonly string[];
  readonly allowRows?: readonly string[];
  readonly apply?: boolean;
  readonly planHash?: string;
  readonly lockTimeout?: number;
}

export function addCheck(program: Command, frame: Frame): void {
  const check = program
    .command('check')
    .description('Tell whether a change of a schema, an API or a message breaks anybody. Exit code 0: compatible, 1: potentially breaking, 2: breaking.')
    .requiredOption('--before <file or url>', 'the old one: a file, or a database URL', filled)
    .requiredOption('--after <file or url>', 'the new one', filled)
    .addOption(new Option('--type <type>', 'what they are').choices(['database', 'api', 'graphql', 'schema']).makeOptionMandatory())
    .addOption(new Option('--compatibility <which>', 'of schemas of messages: backward (new consumers read old messages), forward (old consumers read new ones), full (both); default: backward').choices(['backward', 'forward', 'full']))
    .option('-o, --output <file>', 'where to write the report', filled)
    .addOption(
      new Option('-f, --format <format>', 'in which form; both: JSON, and text beside it').choices(['json', 'text', 'both', 'markdown', 'sarif', 'junit', 'github']).default('text'),
    )
    .option('--rename <old=new>', 'a table or column that has another name now: users.mail=users.email; may be given again', rename)
    .option('--expand-contract', 'of databases: a column that is renamed, or whose new type would write its table anew, gets a second one beside it; triggers keep both in step until the old one goes')
    .option('--rules <file>', 'what your team thinks of the rules: other severities, and waivers that expire (default: check.rules of the configuration)', filled)
    .option('--no-rules', 'no file of rules, whatever the configuration says')
    .option('--rows-timeout <seconds>', 'how long the rows of one table of --before, a database, are counted that break new rules; 0: not at all (default: 60)', decimalNumber(0, 86_400))
    .option('--allow-hazard <name>', 'a hazard of the scripts (their rollbacks need no leave) that is allowed, or none; what is not allowed makes the exit code at least 1; may be given again', each)
    .option('--allow-rows <where>', 'the field_path of a data check: rows that break it do not keep --apply back; may be given again', each)
    .option('--apply', 'run the scripts in --before, a database, with --plan-hash and each of their hazards allowed, unless rows break a new rule')
    .option('--plan-hash <hash>', 'the plan_hash of the report that was looked at', filled)
    .option('--lock-timeout <milliseconds>', 'how long --apply waits for a lock before it lets everybody behind it pass, and tries again later (default: 2000)', wholeNumber(1, 600_000))
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const { before, after, type, compatibility, output, format, rename: renames, expandContract, rules, rowsTimeout, allowHazard, allowRows, ...rest } = command.opts<CheckFlags>();
        const apply = applyOf(rest);
        if (allowRows && !apply) throw new BanyanError('BANYAN_USAGE', { message: '--allow-rows goes with --apply.' });
        const result = await application.check({
          before, after, type, format, ...(compatibility === undefined ? {} : { compatibility }), ...(output === undefined ? {} : { output }),
          ...(rowsTimeout === undefined ? {} : { rowsTimeoutSeconds: rowsTimeout }), ...(allowHazard ? { allowHazards: allowHazard } : {}), ...(allowRows ? { allowRows } : {}), ...(apply ? { apply } : {}),
          ...(renames ? { renames } : {}), ...(expandContract ? { expandContract } : {}), ...(rules === undefined ? {} : { rules }),
        });
        return { json: result.report, exitCode: exitCodeOf(result), text: () => (result.files.length === 0 ? result.printed : result.files.map((file) => `written: ${file}\n`).join('')) };
      }),
    );
  examples(check, 'banyan check --before old.sql --after new.sql --type database', 'banyan check --before v1.yaml --after v2.yaml --type api -f sarif -o check.sarif', 'banyan check --before paid-v1.json --after paid-v2.json --type schema --compatibility full');
}

function applyOf({ apply, planHash, lockTimeout }: Pick<CheckFlags, 'apply' | 'planHash' | 'lockTimeout'>): CheckOptions['apply'] {
  if (!apply && (planHash !== undefined || lockTimeout !== undefined)) throw new BanyanError('BANYAN_USAGE', { message: '--plan-hash and --lock-timeout go with --apply.' });
  if (!apply) return undefined;
  if (planHash === undefined) throw new BanyanError('BANYAN_USAGE', { message: '--apply needs --plan-hash: the plan_hash of the report that you have looked at.' });
  return { planHash, ...(lockTimeout === undefined ? {} : { lockTimeoutMs: lockTimeout }) };
}

function each(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name];
}

/** What was applied is done, whomever it breaks. */
function exitCodeOf({ report }: CheckResult): ExitCode {
  if (report.applied) return EXIT.fine;
  if (report.overall_compatibility === 'breaking_changes') return EXIT.refused;
  return report.overall_compatibility === 'potentially_incompatible' || report.hazards_not_allowed?.length ? EXIT.no : EXIT.fine;
}

function rename(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [old, fresh, ...more] = text.split('=');
  if (!old || !fresh || more.length > 0) throw new InvalidArgumentError('Expected old=new, such as users.mail=users.email.');
  return { ...before, [old]: fresh };
}
