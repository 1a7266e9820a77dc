import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { analyzeSchema } from '../src/analyze/analyzer.ts';
import { infomap, labelPropagation, linkage, pottsByStability } from './analyze-methods.ts';
import { combine, type PairWeights } from '../src/analyze/graph.ts';
import { readInput, type AnalyzerInput } from '../src/analyze/input.ts';
import { leiden, type Partition } from '../src/analyze/leiden.ts';
import { seededRandom } from '../src/core/random.ts';
import { gatherEvidence } from '../src/analyze/signals.ts';
import { plant, printSchema, printWorkload, refer, USUAL } from '../test/analyze/cases/planted.ts';
import { SHAPES } from '../test/analyze/cases/shapes.ts';
import { readCase } from '../test/analyze/support/read-case.ts';
import { scoreAgainst } from '../test/analyze/support/score.ts';
import { sharedCase } from '../test/analyze/support/shared-cases.ts';
import { shopCase } from '../test/analyze/support/shop-case.ts';
import { VARIANTS } from '../test/analyze/support/variants.ts';

/**
 * Accuracy of the boundaries (ARI against the truth) beside simpler methods in the same run, then of
 * variants of the real cases, then speed. Folders with schema.sql, truth.json and, where there is
 * one, workload.sql are measured instead where they are given.
 *
 *     npx tsx bench/analyze.ts [--json] [--cases FOLDER]
 */

type Services = Record<string, string[]>;
type Truth = Readonly<Record<string, readonly string[]>>;

interface Case {
  readonly name: string;
  readonly input: AnalyzerInput;
  readonly truth: Truth;
  readonly unscored: readonly string[];
}

const SEEDS = [1, 2, 3, 4, 5] as const;

/** Cases of other systems, which are not kept with this one; a service of one table is not asked for. */
async function givenCases(folder: string): Promise<Case[]> {
  const found: Case[] = [];
  for (const name of readdirSync(folder).sort()) {
    const read = (file: string): string => readFileSync(join(folder, name, file), 'utf8');
    const workload = existsSync(join(folder, name, 'workload.sql')) ? { workload: read('workload.sql') } : {};
    const truth = JSON.parse(read('truth.json')) as { services: Truth; unscored?: string[] };
    const services = Object.fromEntries(Object.entries(truth.services).filter(([, tables]) => tables.length > 1));
    const input = await readCase({ schema: read('schema.sql'), ...workload });
    found.push({ name, input, truth: services, unscored: truth.unscored ?? [] });
  }
  return found;
}

async function realCases(): Promise<Case[]> {
  const found: Case[] = [];
  for (const name of ['adventureworks-public', 'oscar']) {
    const real = sharedCase(name);
    if (real) found.push({ name, input: await readCase(real), truth: real.truth.services, unscored: real.truth.unscored ?? [] });
  }
  const shop = shopCase();
  found.push({ name: 'examples/shop', input: await readCase(shop), truth: shop.truth.services, unscored: [] });
  return found;
}

async function plantedCases(): Promise<Case[]> {
  const found: Case[] = [];
  for (const [name, shape] of Object.entries(SHAPES)) {
    for (const seed of SEEDS) {
      const planted = shape(seed);
      found.push({ name, input: await readCase(planted), truth: planted.truth, unscored: [] });
    }
  }
  return found;
}

type Method = (pairs: PairWeights, size: number) => Partition;

/** Leiden at resolution 1, from one fixed start. */
const plainLeiden: Method = (pairs) => leiden(pairs.toGraph(), { resolution: 1, random: seededRandom(1) });

function communities(input: AnalyzerInput, pairsOf: (input: AnalyzerInput) => PairWeights, method = plainLeiden): Services {
  const monolith = readInput(input);
  const partition = method(pairsOf(input), monolith.tables.length);
  const services: Services = {};
  partition.forEach((service, table) => (services[`s${service}`] ??= []).push(monolith.tables[table]!.name));
  return services;
}

const allSignals = (input: AnalyzerInput): PairWeights => gatherEvidence(readInput(input)).pairs;

const METHODS: Readonly<Record<string, (input: AnalyzerInput) => Services>> = {
  'keys only, all alike': (input) =>
    communities(input, () => {
      const monolith = readInput(input);
      const { pairs } = gatherEvidence(monolith);
      const plain = combine(monolith.tables.length, [{ pairs, factor: 0 }]);
      for (const { child, parent } of monolith.references) plain.add(child, parent, 1);
      return plain;
    }),
  'keys only, weighed': (input) =>
    communities(input, () => {
      const monolith = readInput(input);
      const evidence = gatherEvidence(monolith);
      return combine(monolith.tables.length, evidence.signals.filter((signal) => signal.id === 'keys'));
    }),
  'all signals, Leiden': (input) => communities(input, allSignals),
  'CPM by stability': (input) => communities(input, allSignals, pottsByStability),
  infomap: (input) => communities(input, allSignals, infomap),
  'label propagation': (input) => communities(input, allSignals, labelPropagation),
  'average linkage': (input) => communities(input, allSignals, linkage),
  banyan: (input) => {
    const { services } = analyzeSchema(input).document;
    return Object.fromEntries(Object.entries(services).map(([name, tables]) => [name, [...tables]]));
  },
};

async function accuracy(cases: readonly Case[]): Promise<Record<string, Record<string, number>>> {
  const scores: Record<string, Record<string, number[]>> = {};
  for (const item of cases) {
    for (const [method, run] of Object.entries(METHODS)) {
      const ari = scoreAgainst(item.truth, run(item.input), item.unscored);
      ((scores[item.name] ??= {})[method] ??= []).push(ari);
    }
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return Object.fromEntries(
    Object.entries(scores).map(([name, row]) => [
      name,
      Object.fromEntries(Object.entries(row).map(([method, values]) => [method, Math.round(1000 * mean(values)) / 1000])),
    ]),
  );
}

/** How much hangs on names and keys: the same schemas with less of them. */
function variants(cases: readonly Case[]): Record<string, Record<string, number>> {
  return Object.fromEntries(
    cases.map((item) => [
      item.name,
      Object.fromEntries(
        Object.entries(VARIANTS).map(([name, vary]) => {
          const { input, nameOf } = vary(item.input);
          const truth = Object.fromEntries(Object.entries(item.truth).map(([service, tables]) => [service, tables.map(nameOf)]));
          const ari = scoreAgainst(truth, analyzeSchema(input).document.services, item.unscored.map(nameOf));
          return [name, Math.round(1000 * ari) / 1000];
        }),
      ),
    ]),
  );
}

async function speed(tables: number, keys: number): Promise<Record<string, number>> {
  const random = seededRandom(1);
  const domains = plant({ ...USUAL, domains: tables / 20, sizes: [20, 20], hub: 0.1 });
  domains.forEach((list, d) => list.forEach((table, t) => (table.name = `t${t}x${d}`)));
  const all = domains.flat();
  for (let tries = 0; all.reduce((sum, table) => sum + table.references.length, 0) < keys && tries < keys * 20; tries += 1) {
    const d = Math.floor(random() * domains.length);
    const other = random() < 0.7 ? d : Math.floor(random() * domains.length);
    refer(domains[d]![Math.floor(random() * 20)]!, domains[other]![Math.floor(random() * 20)]!, random);
  }
  const schema = printSchema(domains);
  const workload = printWorkload(domains, { seed: 1, transactions: tables, crossing: 0.1 });
  const started = performance.now();
  const input = await readCase({ schema, workload });
  const parsed = performance.now();
  analyzeSchema(input);
  return {
    tables,
    keys: all.reduce((sum, table) => sum + table.references.length, 0),
    parseSeconds: Math.round(parsed - started) / 1000,
    analyzeSeconds: Math.round(performance.now() - parsed) / 1000,
  };
}

const at = process.argv.indexOf('--cases');
const real = at === -1 ? await realCases() : await givenCases(process.argv[at + 1] ?? '.');
const result = {
  ari: await accuracy(at === -1 ? [...real, ...(await plantedCases())] : real),
  variants: variants(real),
  speed: [await speed(100, 250), await speed(1000, 5000)],
};
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(result, null, 2));
} else {
  const table = (rows: Record<string, Record<string, number>>): void => {
    const columns = Object.keys(Object.values(rows)[0] ?? {});
    console.log(`\n| case | ${columns.join(' | ')} |\n| --- | ${columns.map(() => '---').join(' | ')} |`);
    for (const [name, row] of Object.entries(rows)) {
      console.log(`| ${name} | ${columns.map((column) => (row[column] ?? 0).toFixed(2)).join(' | ')} |`);
    }
  };
  table(result.ari);
  table(result.variants);
  console.log(`\n| tables | keys | parse, s | analyze, s |\n| --- | --- | --- | --- |`);
  for (const row of result.speed) console.log(`| ${Object.values(row).join(' | ')} |`);
}
