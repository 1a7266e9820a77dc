import { Option, type Command } from 'commander';
import type { Hint, ValidateAnomaliesResult } from '../../app/application.ts';
import { examples, refuseOptionsOfParent } from '../command.ts';
import type { Frame } from '../frame.ts';
import { plural, rowText } from '../style.ts';
import { nameList } from '../values.ts';

export function addValidateAnomalies(validate: Command, frame: Frame): void {
  const anomalies = validate
    .command('anomalies')
    .description("Look at one side alone: what in its tables is unlike their past, and which rows are unlike the others. Hints; the exit code is 0 whatever is found.")
    .option('--tables <names>', 'only these, separated by commas (default: all)', nameList)
    .addOption(new Option('--side <side>', 'whose tables').choices(['monolith', 'service']).default('monolith'))
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        refuseOptionsOfParent(command, ['tables']);
        const { tables, side } = command.optsWithGlobals<{ readonly tables?: readonly string[]; readonly side: 'monolith' | 'service' }>();
        const result = await application.validateAnomalies({ ...(tables === undefined ? {} : { tables }), side });
        return { json: result, text: () => anomaliesText(result) };
      }),
    );
  examples(anomalies, 'banyan validate anomalies', 'banyan validate anomalies --side service --tables users --json');
}

/** As `FEWEST_PROFILES` of the hints. */
const FEWEST_PROFILES = 10;

function anomaliesText({ hints, tables }: ValidateAnomaliesResult): string {
  const young = tables.filter(({ profiles }) => profiles < FEWEST_PROFILES).length;
  const past = young === 0 ? '' : ` ${plural(young, 'table')} with fewer than ${FEWEST_PROFILES} earlier looks, too few to compare with.`;
  return `${hints.map((hint) => `${hintText(hint)}\n`).join('')}${plural(hints.length, 'hint')} in ${plural(tables.length, 'table')}.${past}\n`;
}

function hintText(hint: Hint): string {
  const off = `${Math.abs(hint.deviation).toFixed(0)} usual distances ${hint.deviation < 0 ? 'below' : 'above'}`;
  if (hint.kind === 'row') return `${hint.table}: the row ${rowText(hint.key)} is unlike the others (score ${hint.score.toFixed(2)}); ${hint.column} is ${off} the middle`;
  const what = hint.column === undefined ? hint.measure : `${hint.measure} of ${hint.column}`;
  return `${hint.table}: ${what} is ${Number(hint.found.toPrecision(6))}, expected about ${Number(hint.expected.toPrecision(6))}: ${off} its past`;
}
