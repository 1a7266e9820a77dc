import { expect, it } from 'vitest';
import type { Barrier, Moment } from '../barrier.ts';
import { JointBarrier } from './joint-barrier.ts';

/** Tells what it was asked, and lets go when it is told to. */
class Gate implements Barrier {
  readonly asked: Moment[] = [];
  open = (): void => {};
  #moment: number;

  constructor(first: number) {
    this.#moment = first;
  }

  moment(): Moment {
    return this.#moment++;
  }

  after(moment: Moment): Promise<void> {
    this.asked.push(moment);
    return new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

it('asks each barrier for its own moment, and waits for all of them', async () => {
  const gates = [new Gate(10), new Gate(700)] as const;
  const joint = new JointBarrier(gates);
  const [early, late] = [joint.moment(), joint.moment()];
  expect(late).toBeGreaterThan(early);
  let passed = false;
  const passing = joint.after(late).then(() => (passed = true));
  expect(gates.map(({ asked }) => asked)).toEqual([[11], [701]]);
  gates[0].open();
  await new Promise((resolve) => setImmediate(resolve));
  expect(passed).toBe(false);
  gates[1].open();
  await passing;
  expect(passed).toBe(true);
});
