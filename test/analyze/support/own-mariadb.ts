import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/condition.ts';

/** A MariaDB server in a folder of its own, without grants and without a network, that logs all it is told. */
export interface OwnMariadb extends AsyncDisposable {
  readonly generalLog: string;
  readonly slowLog: string;
  /** Sends a script, statement by statement, in one session of its own; goes on after errors. */
  run(script: string): Promise<void>;
}

/** Why no server can be started here; null if one can. */
export function mariadbAbsence(): string | null {
  try {
    return execFileSync('mariadbd', ['--version'], { encoding: 'utf8' }).includes('MariaDB') ? null : 'mariadbd is not MariaDB';
  } catch {
    return 'mariadbd is not installed';
  }
}

export async function startMariadb(): Promise<OwnMariadb> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-mdb-'));
  const [socket, generalLog, slowLog] = ['s', 'general.log', 'slow.log'].map((name) => join(folder, name)) as [string, string, string];
  const server = spawn('mariadbd', [
    '--no-defaults', `--datadir=${folder}`, `--socket=${socket}`, '--skip-networking', '--skip-grant-tables', ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    '--general-log', `--general-log-file=${generalLog}`, '--slow-query-log', `--slow-query-log-file=${slowLog}`, '--long-query-time=0', '--log-output=FILE',
    '--innodb-log-file-size=4M', '--innodb-buffer-pool-size=8M', '--innodb-flush-log-at-trx-commit=0',
  ], { stdio: 'ignore' });
  const client = (script: string, ...more: readonly string[]): ChildProcess => {
    const child = spawn('mariadb', ['--no-defaults', `--socket=${socket}`, '-uroot', '--force', ...more], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin?.end(script);
    return child;
  };
  const exit = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => void child.once('exit', resolve));
  await until(async () => (await exit(client('CREATE DATABASE IF NOT EXISTS shop;'))) === 0, { what: 'MariaDB accepts sessions', everyMs: 50 });
  return {
    generalLog, slowLog,
    run: async (script) => void (await exit(client(script, 'shop'))),
    [Symbol.asyncDispose]: async () => {
      const ended = exit(server);
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
