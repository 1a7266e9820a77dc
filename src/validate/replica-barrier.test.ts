import { expect, it } from 'vitest';
import { ReplicaBarrier } from './replica-barrier.ts';

it('awaits the replicas after the primaries, each time', async () => {
  const order: string[] = [];
  const primaries = { moment: () => 1, after: async () => void order.push('primaries') };
  const replica = (name: string) => ({ name, caughtUp: async () => order.push(name) > 0 });
  const barrier = new ReplicaBarrier(primaries, { replicas: [replica('a'), replica('b')] });
  await barrier.after(barrier.moment());
  // The primaries may know of a moment that they have passed it; the replicas do not.
  await barrier.after(1);
  expect(order).toEqual(['primaries', 'a', 'b', 'primaries', 'a', 'b']);
});

it('fails by the name of the replica that is not there in time', async () => {
  const primaries = { moment: () => 1, after: () => Promise.resolve() };
  const replicas = [{ name: 'The replica of shop', caughtUp: () => Promise.resolve(false) }];
  await expect(new ReplicaBarrier(primaries, { replicas, timeoutMs: 5 }).after(1)).rejects.toMatchObject({
    code: 'BANYAN_VALIDATE_FENCE', message: expect.stringMatching(/^The replica of shop did not show after 5 ms/), details: { replica: 'The replica of shop' },
  });
});
