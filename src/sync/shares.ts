import type { LeaseRound, LeaseWorker } from '../ports/lease-store.ts';

export interface ShareOptions {
  readonly round: LeaseRound;
  readonly me: Pick<LeaseWorker, 'id' | 'greedy'>;
  /** What this worker can run, in the order in which it would like to take it. */
  readonly services: readonly string[];
  /** What it is busy with: taking, running or giving back. */
  readonly busy: ReadonlySet<string>;
}

export interface Shares {
  /** Free leases to take now. */
  readonly take: readonly string[];
  /** A lease to ask for, because its holder has at least two more than this worker. */
  readonly ask: { readonly service: string; readonly holder: string } | undefined;
  /** Whether leases are free that are for others to take. */
  readonly waiting: boolean;
}

/**
 * Which leases a worker should take or ask for, so that the workers' numbers of leases come to differ by
 * one at most. A worker takes what is free while nobody else who could take it has fewer.
 */
export function shares({ round, me, services, busy }: ShareOptions): Shares {
  const held = new Map(round.workers.map((worker) => [worker.id, 0]));
  const add = (id: string, n: number): void => void held.set(id, (held.get(id) ?? 0) + n);
  for (const lease of round.leases) {
    // One that is asked for belongs to him who asks: it is on its way.
    const owner = lease.wantedBy ?? lease.holder;
    if (owner !== undefined && !lease.paused) add(owner, 1);
  }
  const leases = new Map(round.leases.map((lease) => [lease.service, lease]));
  for (const service of busy) {
    const lease = leases.get(service);
    if ((lease?.wantedBy ?? lease?.holder) === undefined) add(me.id, 1);
  }
  const take: string[] = [];
  let waiting = false;
  for (const service of services) {
    const lease = leases.get(service);
    const promised = lease?.wantedBy !== undefined && lease.wantedBy !== me.id;
    if (busy.has(service) || lease?.paused === true || promised || (lease?.holder !== undefined && lease.holder !== me.id)) continue;
    const rivals = round.workers.filter((worker) => worker.id !== me.id && worker.services.includes(service));
    const mine = held.get(me.id) ?? 0;
    const due = me.greedy || lease?.wantedBy === me.id || lease?.holder === me.id || rivals.every((rival) => (held.get(rival.id) ?? 0) >= mine);
    if (!due) {
      waiting = true;
      continue;
    }
    take.push(service);
    if (lease?.wantedBy !== me.id && lease?.holder !== me.id) add(me.id, 1);
  }
  return { take, waiting, ask: me.greedy || take.length > 0 || waiting ? undefined : request({ round, me, services, held }) };
}

function request(options: Pick<ShareOptions, 'round' | 'me' | 'services'> & { readonly held: ReadonlyMap<string, number> }): Shares['ask'] {
  const { round, me, services, held } = options;
  const mine = held.get(me.id) ?? 0;
  const greedy = new Set(round.workers.filter((worker) => worker.greedy).map((worker) => worker.id));
  let best: Shares['ask'];
  let most = mine + 1;
  for (const { service, holder, wantedBy, paused } of round.leases) {
    if (holder === undefined || holder === me.id || wantedBy !== undefined || paused || greedy.has(holder) || !services.includes(service)) continue;
    const theirs = held.get(holder) ?? 0;
    if (theirs <= most) continue;
    most = theirs;
    best = { service, holder };
  }
  return best;
}
