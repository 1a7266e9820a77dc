import { BanyanError } from '../core/errors.ts';
import type { SignalSource } from './environment.ts';
import { EXIT } from './exit-codes.ts';

export interface Interrupts {
  /** Aborted by the first SIGINT or SIGTERM, with BANYAN_ABORTED as its reason. */
  readonly signal: AbortSignal;
  /** Listens no longer. */
  stop(): void;
}

export interface WatchInterruptsOptions {
  readonly signals: SignalSource;
  /** Ends the process at once; called by the second signal. */
  readonly exit: (code: number) => void;
  /** Told of the first signal. */
  readonly onFirst: () => void;
}

/** The first SIGINT or SIGTERM asks for a drain, the second ends the process at once with 130. */
export function watchInterrupts({ signals, exit, onFirst }: WatchInterruptsOptions): Interrupts {
  const controller = new AbortController();
  const listener = () => {
    if (controller.signal.aborted) {
      exit(EXIT.killed);
      return;
    }
    onFirst();
    controller.abort(new BanyanError('BANYAN_ABORTED', { message: 'Stopped on request.' }));
  };
  signals.on('SIGINT', listener);
  signals.on('SIGTERM', listener);
  return {
    signal: controller.signal,
    stop: () => {
      signals.off('SIGINT', listener);
      signals.off('SIGTERM', listener);
    },
  };
}
