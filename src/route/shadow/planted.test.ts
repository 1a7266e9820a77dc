import { describe, expect, it, vi } from 'vitest';
import { seededRandom, type Random } from '../../core/random.ts';
import type { Side } from '../../model/side.ts';
import type { Answer } from './compare.ts';
import { Judge } from './judge.ts';
import { compileRules } from './rules.ts';

/*
 * The checker: answers with differences that were planted and noise that is known. Nothing planted may be missed, and
 * nothing noisy reported.
 */

/** A number by its text. */
class Num {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
type Value = string | boolean | null | Num | Value[] | { [name: string]: Value };
type Doc = { [name: string]: Value };

function json(value: Value): string {
  if (value instanceof Num) return value.text;
  if (Array.isArray(value)) return `[${value.map(json).join(',')}]`;
  if (typeof value === 'object' && value !== null) return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${json(each)}`).join()}}`;
  return JSON.stringify(value);
}

interface Draft {
  doc: Doc;
  status: number;
  headers: Record<string, string>;
}
type Change = (draft: Draft, random: Random) => void;

/** What one request is answered, the same by both sides and every time. */
function draft(id: number, random: Random): Draft {
  const items = Array.from({ length: 3 + Math.floor(random() * 6) }, (_, n) => ({
    id: new Num(String(100 + n)), label: `item ${n % 3}`, qty: new Num(String(1 + Math.floor(random() * 5))), parts: ['a', 'b', 'c'].slice(0, 1 + (n % 3)),
  }));
  return {
    status: 200,
    headers: { 'content-type': 'application/json', etag: `"${id}"` },
    doc: {
      id: new Num(String(id)), name: `user ${id}`, price: new Num('2.50'), big: new Num(`1234567890123456${String(1000 + (id % 9000))}`), active: true,
      owner: { name: 'Ada', mail: 'ada@example.org', roles: ['admin', 'buyer', 'seller'] }, tags: ['red', 'green', 'blue', 'grey'], items, next: null, none: [],
    },
  };
}

const text = (random: Random): string => Math.floor(random() * 1e9).toString(36);
const items = ({ doc }: Draft) => doc['items'] as Doc[];
const owner = ({ doc }: Draft) => doc['owner'] as Doc;
const shuffle = (list: Value[], random: Random): void => {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
};
let counter = 0;

/** Done to every answer of either side. */
const NOISE: Readonly<Record<string, Change>> = {
  timestamp: ({ doc }, random) => (doc['at'] = `2026-11-22T00:00:${text(random)}`),
  'generated ids': ({ doc }, random) => (doc['trace'] = { id: text(random), span: text(random) }),
  counter: ({ doc }) => (doc['hits'] = new Num(String(counter++))),
  'a field that comes and goes': ({ doc }, random) => void (random() < 0.5 && (doc['cached'] = true)),
  'a text or null': ({ doc }, random) => (doc['next'] = random() < 0.5 ? null : 'more'),
  'the order of tags': ({ doc }, random) => shuffle(doc['tags'] as Value[], random),
  'items in any order, each with its time': (all, random) => {
    for (const item of items(all)) {
      if (item['seen'] === null) delete item['seen'];
      else item['seen'] = text(random);
    }
    shuffle(items(all), random);
  },
  'items without a key in any order, with their time': (all, random) => {
    for (const item of items(all)) {
      delete item['id'];
      item['seen'] = text(random);
    }
    shuffle(items(all), random);
  },
  'a list of any length': ({ doc }, random) => (doc['recent'] = Array.from({ length: Math.floor(random() * 4) }, () => text(random))),
  'fields named by ids': ({ doc }, random) => (doc['byId'] = { [String(Math.floor(random() * 1e9))]: { n: new Num('1') } }),
  header: ({ headers }, random) => (headers['x-trace'] = text(random)),
};

/** Done to every answer of the service; what has to be found. */
const PLANTED: Readonly<Record<string, { readonly change: Change; readonly found: string; readonly beside?: string }>> = {
  value: { change: ({ doc }) => (doc['name'] = 'somebody'), found: '$.name value' },
  decimal: { change: ({ doc }) => (doc['price'] = new Num('2.49')), found: '$.price value' },
  'the last of 20 digits': { change: ({ doc }) => (doc['big'] = new Num(String(BigInt((doc['big'] as Num).text) + 1n))), found: '$.big value' },
  boolean: { change: ({ doc }) => (doc['active'] = false), found: '$.active value' },
  'missing field': { change: (all) => delete owner(all)['mail'], found: '$.owner.mail missing' },
  'extra field': { change: (all) => (owner(all)['more'] = null), found: '$.owner.more extra' },
  'a number as text': { change: ({ doc }) => (doc['price'] = '2.50'), found: '$.price type' },
  'null for a list': { change: ({ doc }) => (doc['none'] = null), found: '$.none type' },
  'order of roles': { change: (all) => (owner(all)['roles'] as Value[]).reverse(), found: '$.owner.roles order' },
  'a value in one item': { change: (all) => (items(all).find((item) => (item['label'] as string) === 'item 1')!['qty'] = new Num('99')), found: '$.items[*].qty value' },
  'a field of one item': { change: (all) => delete items(all).find((item) => (item['label'] as string) === 'item 2')!['label'], found: '$.items[*].label missing' },
  'an item less': { change: (all) => items(all).pop(), found: '$.items length' },
  'a part of one item': { change: (all) => (items(all)[1]!['parts'] as Value[]).push('z'), found: '$.items[*].parts length' },
  status: { change: (all) => (all.status = 404), found: 'status status' },
  'content type': { change: ({ headers }) => (headers['content-type'] = 'text/html'), found: 'header content-type value' },
  'no etag': { change: ({ headers }) => delete headers['etag'], found: 'header etag missing' },
  // Right beside noise of another kind.
  'a time that is missing': { change: ({ doc }) => delete doc['at'], found: '$.at missing', beside: 'timestamp' },
  'a time as a number': { change: ({ doc }) => (doc['at'] = new Num('17')), found: '$.at type', beside: 'timestamp' },
  'a time in a list': { change: ({ doc }) => (doc['at'] = ['x']), found: '$.at type', beside: 'timestamp' },
  'another tag': { change: ({ doc }) => ((doc['tags'] as Value[])[(doc['tags'] as Value[]).indexOf('blue')] = 'pink'), found: '$.tags[*] value', beside: 'the order of tags' },
  'a tag less': { change: ({ doc }) => (doc['tags'] as Value[]).splice(1, 1), found: '$.tags length', beside: 'the order of tags' },
  'a number where there is a text or null': { change: ({ doc }) => (doc['next'] = new Num('7')), found: '$.next type', beside: 'a text or null' },
  'a value in a shuffled item': { change: (all) => (items(all).find((item) => (item['label'] as string) === 'item 1')!['qty'] = new Num('99')), found: '$.items[*].qty value', beside: 'items in any order, each with its time' },
  'a value in a shuffled item without a key': { change: (all) => (items(all).find((item) => (item['label'] as string) === 'item 1')!['qty'] = new Num('99')), found: '$.items[*].qty value', beside: 'items without a key in any order, with their time' },
  'an item without its time': { change: (all) => (items(all)[1]!['seen'] = null), found: '$.items[*].seen missing', beside: 'items in any order, each with its time' },
};

interface Outcome {
  readonly missed: readonly string[];
  readonly noisy: readonly string[];
  /** Of requests to endpoints without anything planted, after the first 25. */
  readonly wrong: number;
}

interface Campaign {
  readonly seed: number;
  /** Default: all. */
  readonly plants?: readonly string[];
  readonly sabotage?: (judge: Judge) => void;
  /** What is seen of a body. */
  readonly view?: (body: string) => string;
}

/** Endpoints with noise of all kinds, some of them with one planted difference each. */
async function campaign({ seed, plants = Object.keys(PLANTED), sabotage = () => {}, view = (body) => body }: Campaign): Promise<Outcome> {
  const random = seededRandom(seed);
  const clock = { now: () => 1_700_000_000_000, monotonic: () => 0, sleep: async () => {} };
  const judge = new Judge({ rules: compileRules({ headers: ['etag', 'x-trace'] }), clock, sameSidePercent: 20 });
  sabotage(judge);
  const wanted = new Set<string>();
  let wrong = 0;
  for (const [n, name] of [...plants, 'nothing', 'nothing', 'nothing', 'nothing'].entries()) {
    const bug = PLANTED[name];
    const noises = noisesFor(bug, random);
    const path = `/${'abcd'[n % 4]}/${name.replaceAll(/[^a-z]+/g, '-')}-${'abcdefgh'[n % 8]}`;
    if (bug) wanted.add(`GET ${path}/{id} ${bug.found}`);
    for (let request = 0; request < 30; request++) {
      const id = 1 + Math.floor(random() * 5000);
      const primarySide: Side = random() < 0.5 ? 'monolith' : 'service';
      const documentSeed = Math.floor(random() * 1e9);
      const ask = async (side: Side): Promise<Answer> => {
        const answer = draft(id, seededRandom(documentSeed));
        // A bug in the items is one of the same item always, however they are shuffled then.
        const early = bug?.found.startsWith('$.items') === true;
        if (side === 'service' && early) bug?.change(answer, random);
        for (const noise of noises) NOISE[noise]!(answer, random);
        if (side === 'service' && !early) bug?.change(answer, random);
        return { status: answer.status, headers: answer.headers, body: Buffer.from(view(json(answer.doc))) };
      };
      const { result } = await judge.judge({ id: `${seed}-${n}-${request}`, method: 'GET', path: `${path}/${id}?q=${text(random)}`, primarySide }, { ask, settle: async () => {} });
      if (!bug && request >= 20 && result === 'different') wrong++;
    }
  }
  const found = judge.findings.groups((endpoint, key) => judge.noise.has(endpoint, key)).map(({ endpoint, path, kind }) => `${endpoint} ${path} ${kind}`);
  return { missed: [...wanted].filter((each) => !found.includes(each)), noisy: found.filter((each) => !wanted.has(each)), wrong };
}

/** What the difference needs beside it, and more by chance; items are shuffled in one way at most. */
function noisesFor(bug: (typeof PLANTED)[string] | undefined, random: Random): string[] {
  const chosen = Object.keys(NOISE).filter((each) => each === bug?.beside || random() < 0.4);
  const [shuffled] = [...chosen.filter((each) => each === bug?.beside), ...chosen].filter((each) => each.startsWith('items'));
  return chosen.filter((each) => !each.startsWith('items') || (each === shuffled && (bug?.found.startsWith('$.items') !== true || each === bug.beside)));
}

describe('planted differences among noise', () => {
  it.each([1, 2])('are all found, and nothing else (seed %d)', async (seed) => {
    expect(await campaign({ seed })).toEqual({ missed: [], noisy: [], wrong: 0 });
  });

  it('are missed by one that reads numbers', async () => {
    const { missed } = await campaign({ seed: 1, plants: ['value', 'the last of 20 digits'], view: (body) => JSON.stringify(JSON.parse(body)) });
    expect(missed).toEqual([expect.stringContaining('$.big value')]);
  });

  it('are missed by one that hides every kind behind noise, or a list behind its order', async () => {
    const hides = (wider: (known: { readonly path: string; readonly kind: string }, key: string) => boolean) => (judge: Judge) => {
      const has = judge.noise.has.bind(judge.noise);
      vi.spyOn(judge.noise, 'has').mockImplementation((name, key) => has(name, key) || judge.noise.status().some((known) => known.endpoint === name && wider(known, key)));
    };
    const anyKind = await campaign({ seed: 1, plants: ['value', 'a time that is missing'], sabotage: hides(({ path }, key) => key.startsWith(`${path} `)) });
    expect(anyKind.missed).toEqual([expect.stringContaining('$.at missing')]);
    const wholeList = await campaign({ seed: 1, plants: ['value', 'another tag'], sabotage: hides(({ path, kind }, key) => kind === 'order' && key.startsWith(path)) });
    expect(wholeList.missed).toEqual([expect.stringContaining('$.tags[*] value')]);
  });

  it('are not told from noise by one that never learns', async () => {
    const { missed, noisy, wrong } = await campaign({ seed: 1, plants: ['value'], sabotage: (judge) => void vi.spyOn(judge.noise, 'learn').mockImplementation(() => {}) });
    expect(missed).toEqual([]);
    expect(noisy.length).toBeGreaterThan(5);
    expect(wrong).toBeGreaterThan(10);
  });
});
