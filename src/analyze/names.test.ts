import { describe, expect, test } from 'vitest';
import { findConvention } from './convention.ts';
import { PairWeights } from './graph.ts';
import { namePairs } from './name-signal.ts';
import { learnVocabulary, visibleWords } from './words.ts';

describe('words', () => {
  test('are what separators and capitals show, singular', () => {
    expect(visibleWords('OrderItems_2')).toEqual(['order', 'item', '2']);
    expect(visibleWords('HTTPStatus-addresses')).toEqual(['http', 'status', 'address']);
    expect(visibleWords('bus_sms')).toEqual(['bus', 'sms']);
  });

  test('compounds are split into words that the schema shows', () => {
    const tables = ['salesorderheader', 'salesorderdetail', 'salesperson', 'person', 'personphone', 'product', 'productreview', 'currency'];
    const vocabulary = learnVocabulary(tables, ['salesorderid', 'phone', 'orderdate', 'reviewid']);
    expect(vocabulary.words('salesorderheader')).toEqual(['sale', 'order', 'header']);
    expect(vocabulary.words('salesperson')).toEqual(['sale', 'person']);
    expect(vocabulary.words('personphone')).toEqual(['person', 'phone']);
    expect(vocabulary.words('productreview')).toEqual(['product', 'review']);
    expect(vocabulary.words('currency')).toEqual(['currency']);
  });
});

describe('namePairs', () => {
  test('rare words bind more than common ones, and one that all have binds nothing', () => {
    const pairs = namePairs([['app', 'alpha', 'log'], ['app', 'alpha'], ['app', 'log'], ['app', 'beta', 'log'], ['app', 'gamma', 'log']]);
    expect(pairs.get(0, 1)).toBeGreaterThan(pairs.get(0, 2));
    expect(pairs.get(1, 2)).toBe(0);
  });
});

describe('findConvention', () => {
  const modules = ['a', 'b', 'c'].flatMap((module) => ['one', 'two', 'three', 'four'].map((name) => `public.${module}x_${name}`));
  const inside = (): PairWeights => {
    const pairs = new PairWeights(12);
    for (let i = 0; i < 12; i += 1) if (i % 4 !== 0) pairs.add(i, i - (i % 4), 1);
    return pairs;
  };

  test('prefixes that the structure confirms are followed, also behind a prefix that all share', () => {
    expect(findConvention(modules, inside())).toMatchObject({ source: 'prefixes', followed: true, coverage: 1 });
    const shop = modules.map((name) => name.replace('public.', 'public.shop_'));
    expect(findConvention(shop, inside())).toMatchObject({ followed: true, labels: expect.arrayContaining(['ax', 'bx']) });
  });

  test('prefixes that the structure contradicts are not', () => {
    const across = new PairWeights(12);
    for (let i = 0; i < 8; i += 1) across.add(i, i + 4, 1);
    expect(findConvention(modules, across)).toMatchObject({ followed: false, agreement: 0 });
  });

  test('without any structure the names are all there is', () => {
    expect(findConvention(modules, new PairWeights(12)).followed).toBe(true);
  });

  test('entities are not modules', () => {
    const entities = ['order', 'user', 'cart'].flatMap((name) => [`public.${name}s`, `public.${name}_items`, `public.${name}_notes`, `public.${name}_tags`]);
    expect(findConvention(entities, inside()).followed).toBe(false);
  });

  test('several database schemas are a convention of their own', () => {
    const schemas = modules.map((name) => name.replace('public.', '').replace('_', '.'));
    expect(findConvention(schemas, inside())).toMatchObject({ source: 'schemas', followed: true });
  });
});
