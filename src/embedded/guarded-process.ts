import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { invariant } from '../core/errors.ts';
import { spawnAs, type Account } from './account.ts';

/**
 * The shell becomes the server (`exec`), after leaving a guard behind that reads a pipe only this
 * process writes to. However this process ends, SIGKILL included, the system closes the pipe, the
 * guard sees its end, and stops the server. A line in the pipe tells the guard that it is not needed.
 * `$1` is the folder to delete afterwards, or empty.
 */
const GUARDED = `
temporary=$1; shift
(
  trap '' INT TERM HUP
  if ! read -r _ <&3; then
    kill -QUIT $$
    tries=0
    while kill -0 $$ 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    if [ -n "$temporary" ]; then rm -rf "$temporary"; fi
  fi
) &
exec "$@" 3<&-
`;

export interface GuardedProcess {
  readonly processId: number;
  /** Resolves when the process has ended, with its exit code or signal. */
  readonly exited: Promise<string>;
  readonly running: () => boolean;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Whether this process waits for it before it can end by itself. Not at first. */
  readonly await: (wait: boolean) => void;
  /** Sends the guard away: the process goes on when this one ends. */
  readonly release: () => void;
}

/**
 * Starts a server that ends, at the latest, with this process. It has a session of its own: Ctrl-C on
 * the terminal reaches this process only, which then stops its servers in the right order.
 */
export function startGuarded(options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly account: Account;
  /** An open file for its output. */
  readonly output: number;
  /** Deleted after this process has died without stopping the server. */
  readonly temporaryFolder?: string | undefined;
}): Promise<GuardedProcess> {
  const child = spawn(
    '/bin/sh',
    ['-c', GUARDED, 'banyan-postgres', options.temporaryFolder ?? '', options.command, ...options.args],
    {
      ...spawnAs(options.account),
      cwd: '/',
      detached: true,
      stdio: ['ignore', options.output, options.output, 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    },
  );
  // Not stdin: Node closes that one before it tells of the exit, and the guard would take it for our end.
  const pipe = guardPipe(child.stdio[3]);
  let running = true;
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      pipe.end('ended\n');
      resolve(signal ?? String(code));
    });
  });
  // The guard may be gone first (somebody killed the whole session); there is nobody left to tell.
  pipe.on('error', () => {});
  const wait = (on: boolean) => (on ? child.ref() : child.unref());
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      pipe.unref();
      wait(false);
      resolve({
        processId: child.pid ?? 0,
        exited,
        running: () => running,
        signal: (signal) => {
          if (running) child.kill(signal);
        },
        await: wait,
        release: () => void pipe.end('released\n'),
      });
    });
  });
}

function guardPipe(stream: unknown): Socket {
  invariant(stream instanceof Socket, 'The pipe to the guard is not a socket.');
  return stream;
}
