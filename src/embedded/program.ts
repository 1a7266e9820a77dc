import { spawn } from 'node:child_process';
import { spawnAs, type Account } from './account.ts';

export interface ProgramResult {
  /** Exit code; null when the program could not be started or was ended by a signal. */
  readonly code: number | null;
  /** Everything it wrote to stdout and stderr, or why it could not be started. */
  readonly output: string;
}

/** Runs a program to its end as `account`, in a folder that every account can enter. Never rejects. */
export function runProgram(command: string, args: readonly string[], account: Account): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...spawnAs(account),
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output: output.trim() }));
  });
}
