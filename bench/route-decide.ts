import { loadavg } from 'node:os';
import { PLAIN_DECISION, type RouteDecision } from '../src/model/route-decision.ts';
import { bucketOf } from '../src/route/decide.ts';
import { CompiledDecision } from '../src/route/decision/compiled-decision.ts';
import { CompiledVariants } from '../src/route/decision/compiled-variants.ts';
import type { RequestFacts } from '../src/route/decision/facts.ts';
import { shareOut } from '../src/route/decision/variants.ts';

/**
 * Decisions a second on one core, from a user's key to a side (or a variant), per strategy; and what each allocates.
 * The goal is 5 million. Seconds are of processor
 * time. Seven rounds after warming up; the median, the least and the most are told.
 *
 *     npm run bench:decide [-- --json]
 */

const USERS = 4096;
const EACH = 2_000_000;
const ROUNDS = 7;

/** As keys are in practice: session ids of 32 hexadecimal digits. */
const keys = Array.from({ length: USERS }, (_, n) => `${n.toString(16).padStart(8, '0')}c5d60718293a4b5c6d7e8f90`);
const tenants = ['acme', 'initech', 'globex', 'umbrella', 'hooli'];
const facts = Array.from({ length: USERS }, (_, n): RequestFacts => {
  const tenant = tenants[n % tenants.length];
  return { method: 'GET', host: () => 'shop.example', path: () => ['api', 'users', '1'], header: () => undefined, query: () => undefined, tenant: () => tenant, region: () => 'eu' };
});

const decision = (some: Partial<RouteDecision>): RouteDecision => ({ ...PLAIN_DECISION, ...some });
const listed = Array.from({ length: 10_000 }, (_, n) => `listed-${n}`);

/** Answers whether the service serves user `n`; reads what it decides by itself, the bucket too. */
function cases(): Readonly<Record<string, (n: number) => boolean>> {
  // One object for all, as a router has one for each request anyway: what is measured is the decision.
  const user = { key: '', bucket: 0, facts: null as RequestFacts | null };
  const decides = (compiled: CompiledDecision, withFacts = false) => (n: number): boolean => {
    const key = keys[n] ?? '';
    user.key = key;
    user.bucket = bucketOf(key);
    user.facts = withFacts ? (facts[n] ?? null) : null;
    return compiled.side(user) === 'service';
  };
  const variants = new CompiledVariants({ experiment: 'prices', variants: shareOut([{ name: 'a', weight: 1 }, { name: 'b', weight: 2 }, { name: 'c', weight: 3 }]) });
  const rules = tenants.slice(1).map((tenant, n) => ({ when: { tenant: [tenant], methods: ['GET'] }, percent: n * 25 }));
  return {
    percentage: decides(new CompiledDecision(33)),
    'blue-green': decides(new CompiledDecision(100, decision({ strategy: 'blue-green' }))),
    'allow and deny, 10,000 keys each': decides(new CompiledDecision(33, decision({ allow: listed, deny: listed.map((key) => `not-${key}`) }))),
    '4 rules by tenant and method': decides(new CompiledDecision(33, decision({ rules })), true),
    'variants (3)': (n) => variants.of(keys[n] ?? '') === 'a',
  };
}

interface Result {
  readonly name: string;
  readonly perSecond: number;
  readonly least: number;
  readonly most: number;
  readonly bytesEach: number;
}

function measure(name: string, decide: (n: number) => boolean): Result {
  let served = 0;
  const round = (times: number): number => {
    // The processor's time of this process: others on the machine take their share of the clock's.
    const started = process.cpuUsage();
    for (let n = 0; n < times; n++) if (decide(n & (USERS - 1))) served++;
    const { user, system } = process.cpuUsage(started);
    return (times / (user + system)) * 1e6;
  };
  round(EACH);
  const before = process.memoryUsage().heapUsed;
  round(20_000);
  const bytesEach = Math.max(0, process.memoryUsage().heapUsed - before) / 20_000;
  const rates = Array.from({ length: ROUNDS }, () => round(EACH)).sort((a, b) => a - b);
  if (served === 0) throw new Error(`${name} serves nobody`);
  return { name, perSecond: rates[Math.floor(ROUNDS / 2)] ?? 0, least: rates[0] ?? 0, most: rates.at(-1) ?? 0, bytesEach };
}

const results = Object.entries(cases()).map(([name, decide]) => measure(name, decide));
const load = loadavg()[0]?.toFixed(2);
if (process.argv.includes('--json')) console.log(JSON.stringify({ load, results }));
else {
  const millions = (rate: number): string => (rate / 1e6).toFixed(2);
  console.log(`| strategy | million decisions a second (least to most of ${ROUNDS}) | bytes allocated each |\n| --- | --- | --- |`);
  for (const { name, perSecond, least, most, bytesEach } of results) console.log(`| ${name} | ${millions(perSecond)} (${millions(least)} to ${millions(most)}) | ${bytesEach.toFixed(1)} |`);
  console.log(`\nNode ${process.version}, load ${load}`);
}
