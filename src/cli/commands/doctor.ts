import type { Command } from 'commander';
import type { DoctorResult } from '../../app/application.ts';
import { examples } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Frame } from '../frame.ts';
import { mark, plural, printable, table, type Style } from '../style.ts';

export function addDoctor(program: Command, frame: Frame): void {
  const doctor = program
    .command('doctor')
    .description('Check everything that must be true before anything starts: servers, settings, rights, tables.')
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        const result = await application.doctor();
        return { json: result, text: (style) => doctorText(result, style), exitCode: result.ok ? EXIT.fine : EXIT.no };
      }),
    );
  examples(doctor, 'banyan doctor', 'banyan doctor --json');
}

function doctorText({ ok, checks }: DoctorResult, style: Style): string {
  const list = table({
    head: ['', 'check', 'found', 'expected'],
    rows: checks.map((check) => [mark(check.ok, style), check.id, printable(check.found), printable(check.expected)]),
    style,
  });
  const failed = checks.filter((check) => !check.ok);
  const remedies = failed.map(({ id, remedy }) => `\n${style.bold(id)}\n  ${remedy}\n`).join('');
  return `${list}${remedies}\n${ok ? style.green('Ready.') : style.red(`${plural(failed.length, 'check')} failed.`)}\n`;
}
