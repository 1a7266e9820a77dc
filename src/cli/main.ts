#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import type { ApplicationContext } from '../app/application.ts';
import { redactUrls } from '../app/logging.ts';
import { systemClock } from '../core/clock.ts';
import { EXIT } from './exit-codes.ts';
import { runCli } from './program.ts';

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string };

// Whoever reads our output may stop reading (`| head`): that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.fine : EXIT.failed));

// Node would end with 1, which here means "no".
process.on('uncaughtException', (error) => {
  process.stderr.write(`BANYAN_INTERNAL: ${redactUrls(error.stack ?? error.message)}\n`, () => process.exit(EXIT.failed));
});

async function ask(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // In raw mode the terminal gives Ctrl-C to readline instead of raising the signal.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await terminal.question(question, { signal });
  } finally {
    terminal.close();
  }
}

const exitCode = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  signals: process,
  exit: (code) => process.exit(code),
  clock: systemClock,
  version,
  loadApplication: async (context: ApplicationContext) => {
    const { createApplication } = await import('../app/create-application.ts');
    return createApplication(context);
  },
});

// Pipes are written asynchronously; leave when they are empty, whatever else is still open.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
