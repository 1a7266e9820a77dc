import { describe, expect, it } from 'vitest';
import { seededRandom, type Random } from '../../core/random.ts';
import type { RecordedProfile } from '../../ports/profile-store.ts';
import type { NumericSample } from '../../ports/profiler.ts';
import { isolationScores } from './isolation-forest.ts';
import { unlikePast } from './past-hints.ts';
import { unlikeRows } from './row-hints.ts';

const DAY = 86_400_000;
/** ANOMALY_ROUNDS=400 measures the rates of false hints that docs/validate.md tells. */
const ROUNDS = Number(process.env['ANOMALY_ROUNDS'] ?? 12);

/** Box and Muller's way from two even numbers to one that is normal. */
const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe('the isolation forest', () => {
  const cloud = (random: Random, count: number) => Array.from({ length: count }, () => [normal(random), normal(random)]);

  it('tells what is far from everything, and what is between two clouds', () => {
    const random = seededRandom(1);
    const points = [...cloud(random, 500), [12, 12], ...cloud(random, 500).map(([x = 0, y = 0]) => [x + 30, y + 30])];
    const scores = isolationScores(points, { random });
    expect(scores.indexOf(Math.max(...scores))).toBe(500);
    expect(scores[500]).toBeGreaterThan(0.6);
    expect(scores.reduce((sum, score) => sum + score, 0) / scores.length).toBeLessThan(0.55);
  });

  it('gives the same for the same seed, half for points that are all the same, and nothing for one', () => {
    const scores = () => isolationScores(cloud(seededRandom(2), 300), { random: seededRandom(3) });
    expect(scores()).toEqual(scores());
    for (const score of isolationScores([[1, 1], [1, 1], [1, 1]], { random: seededRandom(1) })) expect(score).toBeCloseTo(0.5);
    expect([isolationScores([[1]], { random: seededRandom(1) }), isolationScores([], { random: seededRandom(1) })]).toEqual([[0], []]);
  });

  it('reaches the depth that chance gives: the mean score of even noise is about a half', () => {
    const random = seededRandom(5);
    const even = Array.from({ length: 256 }, () => [random(), random(), random()]);
    const mean = isolationScores(even, { random }).reduce((sum, score) => sum + score, 0) / 256;
    expect(mean).toBeGreaterThan(0.42);
    expect(mean).toBeLessThan(0.52);
  });
});

/** A clean sample of a table as tables are: an even, a normal, a skewed, a rare, a constant and a half empty column. */
function cleanSample(random: Random, count = 1000): NumericSample {
  const rows = Array.from({ length: count }, (_, index) => ({
    key: [String(index)],
    numbers: [
      Math.floor(random() * 100_000), 50 + 10 * normal(random), Math.exp(3 + normal(random)), random() < 0.03 ? 1 + Math.floor(random() * 3) : 0, 7,
      random() < 0.5 ? null : 1.7e9 + random() * 3e7,
    ],
  }));
  return { columns: ['even', 'normal', 'skewed', 'rare', 'constant', 'seldom'], rows };
}

describe('rows that are unlike the others', () => {
  const hints = (sample: NumericSample, seed = 1) => unlikeRows(sample, { random: seededRandom(seed), most: 5 });

  it.each([
    ['normal', 1, 5000], ['skewed', 2, 1e6], ['seldom', 5, 4.1e9], ['even', 0, -9_000_000], ['rare', 3, 10_000],
  ] as const)('are found by a planted %s value', (column, index, value) => {
    const sample = cleanSample(seededRandom(11));
    const numbers = sample.rows[321]!.numbers.map((number, at) => (at === index ? value : number));
    const found = hints({ ...sample, rows: sample.rows.map((row, at) => (at === 321 ? { ...row, numbers } : row)) });
    expect(found.map(({ key, column: named }) => [key, named])).toEqual([[['321'], column]]);
  });

  it('are none in clean samples, but for one row in tens of thousands', () => {
    const random = seededRandom(23);
    let rows = 0;
    let told = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const sample = cleanSample(random);
      rows += sample.rows.length;
      told += hints(sample, round).length;
    }
    if (ROUNDS > 100) console.log(`rows: ${told} hints of ${rows}`);
    expect(told / rows).toBeLessThan(1.5 / 10_000);
  });

  it('are bounded, and none where there is little to compare', () => {
    const sample = cleanSample(seededRandom(3));
    const wild = sample.rows.map((row, at) => (at < 8 ? { ...row, numbers: row.numbers.map((number) => (number === null ? null : number * 1e5 + 1e9)) } : row));
    expect(hints({ ...sample, rows: wild })).toHaveLength(5);
    expect(hints({ ...sample, rows: wild.slice(0, 99) })).toEqual([]);
    expect(hints({ columns: [], rows: sample.rows.map(({ key }) => ({ key, numbers: [] })) })).toEqual([]);
  });

  it('are the same beside a column in which there is no number at all', () => {
    const sample = cleanSample(seededRandom(11));
    const planted = sample.rows.map((row, at) => ({ ...row, numbers: [null, ...(at === 321 ? row.numbers.map((number, column) => (column === 1 ? 5000 : number)) : row.numbers)] }));
    expect(hints({ columns: ['empty', ...sample.columns], rows: planted }).map(({ key, column }) => [key, column])).toEqual([[['321'], 'normal']]);
  });
});

/** A table that grows by a tenth of a percent to two percent a day, as its columns are then. */
function cleanPast(random: Random, days: number): RecordedProfile[] {
  const growth = 1 + 0.02 * random();
  const nulls = random() * 0.3;
  let rows = 10_000 * (1 + 10 * random());
  let highest = 5000;
  return Array.from({ length: days }, (_, day) => {
    rows = rows * growth + Math.sqrt(rows) * normal(random);
    const error = 1 / Math.sqrt(rows);
    highest = Math.max(highest, Math.exp(Math.log(2000) + 0.6 * Math.abs(normal(random))));
    return {
      atMs: day * DAY, rows: Math.round(rows),
      columns: [
        { column: 'id', nullShare: 0, distinctShare: 1, range: { min: 1, max: rows * 1.1, mean: rows * 0.55 } },
        { column: 'price', nullShare: nulls + 0.5 * error * normal(random), distinctShare: 0.3 + 0.004 * normal(random), range: { min: 0, max: highest, mean: 40 * (1 + error * normal(random)) } },
        { column: 'at', nullShare: 0, distinctShare: 0.98 + 0.002 * normal(random), range: { min: 1.6e9, max: 1.7e9 + day * 86_400, mean: 1.65e9 + day * 40_000 } },
        { column: 'name', nullShare: 0.01 + 0.001 * random(), distinctShare: 0.8 + 0.004 * normal(random) },
      ],
    };
  });
}

describe('what is unlike the past', () => {
  const past = cleanPast(seededRandom(31), 31);
  const before = past.slice(0, 30);
  const now = past[30]!;
  const planted = (column: string, change: object): RecordedProfile => ({ ...now, columns: now.columns.map((each) => (each.column === column ? { ...each, ...change } : each)) });
  const told = (profile: RecordedProfile) => unlikePast(before, profile).map(({ measure, column, deviation }) => `${column ?? ''} ${measure} ${deviation > 0 ? 'up' : 'down'}`);

  it.each([
    ['half of the rows gone', { ...now, rows: now.rows / 2 }, ' rows down'],
    ['twice the rows', { ...now, rows: now.rows * 2 }, ' rows up'],
    ['names that are suddenly missing', planted('name', { nullShare: 0.2 }), 'name null_share up'],
    ['one name for all', planted('name', { distinctShare: 0.1 }), 'name distinct_share down'],
    ['a price with the wrong sign', planted('price', { range: { ...now.columns[1]!.range, min: -900 } }), 'price min down'],
    ['a price in cents', planted('price', { range: { ...now.columns[1]!.range, max: 500_000 } }), 'price max up'],
    ['prices that have doubled', planted('price', { range: { ...now.columns[1]!.range, mean: 80 * 3 } }), 'price mean up'],
    ['a time in milliseconds', planted('at', { range: { ...now.columns[2]!.range, max: 1.7e12 } }), 'at max up'],
    ['a time before time', planted('at', { range: { ...now.columns[2]!.range, min: 0 } }), 'at min down'],
  ])('is told: %s', (_name, profile, hint) => {
    expect(told(profile)).toEqual([hint]);
  });

  it('is not growth, and not told without a past', () => {
    expect(told(now)).toEqual([]);
    expect(unlikePast(before.slice(0, 9), { ...now, rows: 0 })).toEqual([]);
    const [hint] = unlikePast(before, { ...now, rows: now.rows * 2 });
    expect(hint!.expected / now.rows).toBeCloseTo(1, 1);
  });

  it('is told although one profile of the past was strange as well', () => {
    const strange = before.map((profile, day) => (day === 20 ? { ...profile, rows: 5 } : profile));
    expect(unlikePast(strange, { ...now, rows: now.rows / 3 }).map(({ measure }) => measure)).toEqual(['rows']);
  });

  it('is hardly ever told of a clean past', () => {
    const random = seededRandom(47);
    let measures = 0;
    let hints = 0;
    for (let table = 0; table < 10 * ROUNDS; table += 1) {
      const days = cleanPast(random, 10 + Math.floor(random() * 40));
      measures += 18;
      hints += unlikePast(days.slice(0, -1).slice(-30), days.at(-1)!).length;
    }
    if (ROUNDS > 100) console.log(`past: ${hints} hints of ${measures} measures`);
    expect(hints / measures).toBeLessThan(1 / 1000);
  });
});
