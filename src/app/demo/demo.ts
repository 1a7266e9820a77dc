import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isBanyanError, messageOf } from '../../core/errors.ts';
import type { Application, ApplicationContext, DemoOptions, DemoResult } from '../application.ts';
import { Journey, type JourneyOptions } from './journey.ts';

export interface RunDemoOptions extends DemoOptions {
  readonly context: ApplicationContext;
  readonly createApplication: (context: ApplicationContext) => Application;
  /** Default: the real one. */
  readonly createJourney?: (options: JourneyOptions) => Pick<Journey, 'steps' | 'counts' | 'close' | 'leaveRunning'>;
}

/** What the demo counted; the journal's own verdict, not Banyan's bookkeeping. */
export type DemoCounts = Omit<DemoResult, 'ok' | 'steps'>;

/**
 * `banyan demo`: takes the accounts out of the sample shop while people use it, with the same commands
 * and the same configuration file that a production user has.
 */
export async function runDemo(options: RunDemoOptions): Promise<DemoResult> {
  const { context, createJourney = (parts) => new Journey(parts) } = options;
  const folder = await mkdtemp(join(tmpdir(), 'banyan-demo-'));
  const journey = createJourney({ context, folder, createApplication: options.createApplication });
  const steps: { name: string; ok: boolean; seconds: number }[] = [];
  let counts: DemoCounts = NOTHING_COUNTED;
  try {
    for (const [name, step] of journey.steps()) {
      context.signal.throwIfAborted();
      const start = context.clock.monotonic();
      const seconds = (): number => Math.round(context.clock.monotonic() - start) / 1000;
      const task = context.progress.begin({ name });
      try {
        const said = await step();
        steps.push({ name, ok: true, seconds: seconds() });
        task.done(said);
      } catch (error) {
        steps.push({ name, ok: false, seconds: seconds() });
        task.failed(isBanyanError(error) ? `${error.code}: ${error.message}` : messageOf(error));
        if (context.signal.aborted) throw error;
        break;
      }
    }
    counts = journey.counts ?? NOTHING_COUNTED;
  } finally {
    if (options.keep && !context.signal.aborted) context.progress.note(journey.leaveRunning());
    else await journey.close();
    if (context.signal.aborted || (!options.keep && isFine(counts))) await rm(folder, { recursive: true, force: true });
    else if (!options.keep) context.progress.note(`The logs are in ${folder}`);
  }
  return { ok: steps.every((step) => step.ok) && isFine(counts), steps, ...counts };
}

const NOTHING_COUNTED: DemoCounts = {
  writesAcknowledged: 0, writesLost: 0, requests: 0, requestsFailed: 0, requestsFailedOutsideFault: 0, movedBack: 0, staleReads: 0,
  syncLatencyMs: { p50: 0, p95: 0, p99: 0 }, conflicts: 0, rowsCompared: 0, differences: 0,
};

/** The promises, as far as a demo can show them. */
export function isFine(counts: DemoCounts): boolean {
  return (
    counts.writesAcknowledged > 0 && counts.rowsCompared > 0 && counts.writesLost === 0 && counts.requestsFailedOutsideFault === 0 &&
    counts.movedBack === 0 && counts.staleReads === 0 && counts.differences === 0 && counts.syncLatencyMs.p95 < 100
  );
}
