import { samplesNeeded, type Difference } from './evidence/samples-needed.ts';
import type { TriggerEvidence } from './triggers.ts';

/** A sequential trigger as the status shows it. */
export interface EvidenceStatus {
  readonly metric: string;
  readonly action: string;
  /** Against the service: 1 is none. */
  readonly value: number;
  /** Where it fires. */
  readonly needed: number;
  readonly falseAlarmRate: number;
  /** The share of failures that is not worse yet, from what the monolith did before 100 %; null: it is the rule's own. */
  readonly edge: number | null;
  /** Requests of the last minute, about, and the share of them that failed, differed or was too slow. */
  readonly service: { readonly requests: number; readonly share: number };
  readonly monolith: { readonly requests: number; readonly share: number };
  /** A difference, and the number of the service's requests within which it is found with a probability of 0.9; null: nobody is served, or compared. */
  readonly finds: { readonly share: number; readonly within: number } | null;
}

/** What is bad enough to be asked about: 1 % of failed requests, or twice as many slow ones as there should be. */
export function evidenceStatus(evidence: readonly TriggerEvidence[], { percent }: { readonly percent: number }): readonly EvidenceStatus[] {
  return evidence.map(({ metric, action, value, needed, falseAlarmRate, service, monolith, reference, edge, relative }) => {
    const count = ({ n, k }: { readonly n: number; readonly k: number }) => ({ requests: Math.round(n), share: n === 0 ? 0 : round(k / n) });
    const compared = relative !== undefined && percent > 0 && percent < 100;
    // Failures that were not seen yet are taken to be as rare as the threshold allows.
    const base = Number((compared ? Math.max(1e-4, monolith.n === 0 ? reference : monolith.k / monolith.n) : reference).toPrecision(2));
    const share = metric === 'error_rate' ? Math.min(0.9, Math.max(0.01, 5 * base)) : Math.min(0.9, 2 * base);
    const difference = { service: share, reference: base, ...(compared ? { relative, traffic: Number((percent / 100).toPrecision(1)) } : {}) };
    const requests = percent === 0 ? Infinity : remembered(difference, 1 / (needed * (edge === null || compared ? 1 : 2)));
    return {
      metric, action, needed, falseAlarmRate,
      edge: edge === null ? null : round(edge),
      value: round(value),
      service: count(service),
      monolith: count(monolith),
      finds: Number.isFinite(requests) ? { share: round(share), within: requests } : null,
    };
  });
}

const MOST_REMEMBERED = 200;
const memory = new Map<string, number>();

/** It takes some milliseconds, and a status is asked for again and again. */
function remembered(difference: Difference, alpha: number): number {
  const key = JSON.stringify([difference, alpha]);
  let requests = memory.get(key);
  if (requests === undefined) {
    requests = samplesNeeded(difference, { alpha });
    if (memory.size >= MOST_REMEMBERED) memory.clear();
    memory.set(key, requests);
  }
  return requests;
}

const round = (value: number): number => Number(value.toPrecision(4));
