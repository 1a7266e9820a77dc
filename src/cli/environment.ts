import type { Application, ApplicationContext } from '../app/application.ts';
import type { Clock } from '../core/clock.ts';

/** A place to write text, such as process.stdout. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Everything of the process that the command line touches, so that tests can be the process. */
export interface CliEnvironment {
  /** What was typed after `banyan`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Asks a person and resolves with the answer; absent when nobody can be asked. */
  readonly ask?: (question: string, signal: AbortSignal) => Promise<string>;
  readonly signals: SignalSource;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  readonly clock: Clock;
  readonly version: string;
  readonly loadApplication: (context: ApplicationContext) => Promise<Application>;
}

/** The part of `process` that tells of signals. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}
