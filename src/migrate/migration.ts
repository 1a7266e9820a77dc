import { BanyanError } from '../core/errors.ts';
import { STAGES, type Stage } from '../model/stage.ts';
import type { GateResult, MigrationSteps, MigrationStore, RecordedChange } from '../ports/migration.ts';
import { FLAG, isStage, pathTo, RULES } from './journey.ts';

export interface MigrationOptions {
  readonly service: string;
  readonly store: MigrationStore;
  readonly steps: MigrationSteps;
}

export interface MigrationReport {
  readonly service: string;
  readonly stage: Stage;
  /** Of the last stage that was tried. */
  readonly gates: readonly GateResult[];
  readonly history: readonly RecordedChange[];
}

/** Where a rollback leads: everybody is served by the monolith, and both databases go on being kept equal. */
const BACK: Stage = 'validated';

/**
 * The whole journey of one service, stage by stage. A stage counts as reached only when its gates have
 * passed and its deed is done; killed in between, it is tried again.
 */
export class Migration {
  readonly #options: MigrationOptions;

  constructor(options: MigrationOptions) {
    this.#options = options;
  }

  async status(): Promise<MigrationReport> {
    const history = await this.#history();
    const last = history.at(-1);
    return { service: this.#options.service, stage: last?.to ?? 'planned', gates: last?.gates ?? [], history };
  }

  /**
   * Goes on to the next stage, or to `to`. Stops before the first stage whose gates say no; the report
   * tells which. With `dryRun` only the gates are asked.
   * @throws BANYAN_MIGRATE_STAGE if `to` is no stage, or lies behind.
   */
  async advance(options: { readonly to?: string; readonly dryRun?: boolean } = {}): Promise<MigrationReport> {
    const { service, steps, store } = this.#options;
    let { stage, gates } = await this.status();
    const goal = this.#goal(stage, options.to);
    for (const next of pathTo(stage, goal)) {
      if (next === 'planned') continue;
      const rule = RULES[next];
      gates = [];
      for (const gate of rule.gates) gates = [...gates, await gate(steps)];
      if (gates.some((gate) => !gate.passed) || options.dryRun === true) break;
      await rule.enter(steps);
      await store.record({ service, from: stage, to: next, gates, why: 'migrate' });
      stage = next;
    }
    return { service, stage, gates, history: await this.#history() };
  }

  /** Brings everybody, and the migration's flag, back. The streams go on, so the way forward stays open too. */
  async rollback(options: { readonly dryRun?: boolean } = {}): Promise<MigrationReport> {
    const { service, steps, store } = this.#options;
    const { stage } = await this.status();
    if (options.dryRun === true) return this.status();
    const leavesIt = STAGES.indexOf(stage) > STAGES.indexOf(BACK);
    await steps.bringHome(FLAG[leavesIt ? BACK : stage]);
    if (leavesIt) await store.record({ service, from: stage, to: BACK, gates: [], why: 'rollback' });
    return this.status();
  }

  #goal(stage: Stage, to: string | undefined): Stage {
    if (to === undefined) return STAGES[STAGES.indexOf(stage) + 1] ?? stage;
    if (!isStage(to)) {
      throw new BanyanError('BANYAN_MIGRATE_STAGE', { message: `"${to}" is no stage; expected one of ${STAGES.join(', ')}.` });
    }
    if (STAGES.indexOf(to) < STAGES.indexOf(stage)) {
      throw new BanyanError('BANYAN_MIGRATE_STAGE', { message: `${this.#options.service} is at ${stage} already, beyond ${to}.` });
    }
    return to;
  }

  async #history(): Promise<readonly RecordedChange[]> {
    await this.#options.store.install();
    return this.#options.store.history(this.#options.service);
  }
}
