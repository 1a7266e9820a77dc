import * as fc from 'fast-check';
import { PLAIN_DECISION, type AudienceRule, type RouteDecision } from '../../src/model/route-decision.ts';
import { bucketOf } from '../../src/route/decide.ts';
import { CompiledDecision } from '../../src/route/decision/compiled-decision.ts';
import type { RequestFacts, Subject } from '../../src/route/decision/facts.ts';

/** A few users, so that lists, rules and percentages meet in the same ones. */
export const KEYS = Array.from({ length: 12 }, (_, n) => `user-${n}`);
export const TENANTS = ['acme', 'initech'];

export const anyPercent = fc.oneof(fc.constantFrom(0, 100), fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100));

const someKeys = fc.uniqueArray(fc.constantFrom(...KEYS), { maxLength: 3 });
const rule: fc.Arbitrary<AudienceRule> = fc.record({
  when: fc.oneof(
    fc.constantFrom(...TENANTS).map((tenant) => ({ tenant: [tenant] })),
    fc.constant({ methods: ['GET'] }),
    fc.constant({ headers: { 'x-beta': 'yes*' } }),
  ),
  percent: anyPercent,
});

export const anyDecision: fc.Arbitrary<RouteDecision> = fc.record({
  pinned: fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom('monolith' as const, 'service' as const) }),
  allow: someKeys,
  deny: someKeys,
  rules: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(rule, { maxLength: 2 }) }),
}).map((some) => ({ ...PLAIN_DECISION, ...some }));

export const anyCompiled: fc.Arbitrary<CompiledDecision> = fc.tuple(anyPercent, anyDecision).map(([percent, decision]) => new CompiledDecision(percent, decision));

/** What a request says besides its key. */
export interface FakeFacts {
  readonly method?: string;
  readonly tenant?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly region?: string;
  readonly host?: string;
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
}

export function fakeFacts(facts: FakeFacts = {}): RequestFacts {
  return {
    method: facts.method ?? 'GET',
    host: () => facts.host ?? '',
    path: () => (facts.path ?? '/').split('/').slice(1),
    header: (name) => facts.headers?.[name],
    query: (name) => facts.query?.[name],
    tenant: () => facts.tenant,
    region: () => facts.region,
  };
}

export const subject = (key: string, facts: FakeFacts | null = {}): Subject => ({ key, bucket: bucketOf(key), facts: facts && fakeFacts(facts) });

export const anySubject: fc.Arbitrary<Subject> = fc
  .tuple(
    fc.constantFrom(...KEYS),
    fc.option(
      fc.record({
        method: fc.constantFrom('GET', 'POST'),
        tenant: fc.constantFrom(...TENANTS, 'other'),
        headers: fc.constantFrom<Readonly<Record<string, string>>>({}, { 'x-beta': 'yes please' }),
      }),
    ),
  )
  .map(([key, facts]) => subject(key, facts));
