/**
 * As Promise.all, but waits for every one of them, and throws what failed first in their order and not in
 * time: what was asked of one session later fails because of what failed before it, and may say so sooner.
 */
export async function allInOrder<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}
