import type { Command } from 'commander';
import { examples, refuseOptionsOfParent } from '../command.ts';
import type { Frame } from '../frame.ts';
import { filled, nameList } from '../values.ts';

export function addValidateWatch(validate: Command, frame: Frame): void {
  const watch = validate
    .command('watch')
    .description('Compare by the schedules of banyan.yaml until stopped: record each run, alert, serve metrics.')
    .option('--services <names>', 'only these services, separated by commas (default: all)', nameList)
    .option('--metrics <address>', 'serve /metrics, /healthz and /readyz at this host:port (default: metrics.listen of the file)', filled)
    .action((_flags: unknown, command: Command) =>
      frame.run(command, async (application) => {
        refuseOptionsOfParent(command);
        const { services, metrics } = command.opts<{ readonly services?: readonly string[]; readonly metrics?: string }>();
        const result = await application.validateWatch({ ...(services === undefined ? {} : { services }), ...(metrics === undefined ? {} : { metrics }) });
        return { json: result, text: () => 'Stopped on request.\n' };
      }),
    );
  examples(watch, 'banyan validate watch', 'banyan validate watch --services accounts --metrics 127.0.0.1:9465');
}
