import { expect, it } from 'vitest';
import { RULES } from '../../src/migrate/journey.ts';
import { STAGES } from '../../src/model/stage.ts';
import { GATE_WORDS, STAGE_WORDS } from '../../src/plan/progress/stage-words.ts';
import type { GateResult, MigrationSteps } from '../../src/ports/migration.ts';

it('what a report says the next stage needs is what the journey asks', async () => {
  const gate = (name: string) => (): Promise<GateResult> => Promise.resolve({ name, passed: true, evidence: '' });
  const nothing = (): Promise<void> => Promise.resolve();
  const steps: MigrationSteps = {
    prerequisites: gate('prerequisites'), following: gate('following'), equal: gate('equal'), served: gate('served'),
    provision: nothing, flag: nothing, shift: nothing, bringHome: nothing,
  };
  for (const stage of STAGES) {
    const asked = stage === 'planned' ? [] : await Promise.all(RULES[stage].gates.map(async (each) => (await each(steps)).name));
    expect(STAGE_WORDS[stage].gates, stage).toEqual(asked);
    for (const name of asked) expect(GATE_WORDS[name], name).toBeDefined();
  }
});
