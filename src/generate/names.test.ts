import { describe, expect, it } from 'vitest';
import { camel, pascal, pluralWords, singularWords, TypeNames, UniqueNames, words } from './names.ts';

describe('names', () => {
  it.each([
    ['OrderItems', 'order item', 'order items'],
    ['user_addresses', 'user address', 'user addresses'],
    ['order_status', 'order status', 'order statuses'],
    ['person', 'person', 'people'],
    ['categories', 'category', 'categories'],
    ['news', 'news', 'news'],
    ['Größe', 'große', 'großes'],
    ['a--b__c1', 'a b c1', 'a b c1s'],
  ])('%s is one %s of many %s', (name, singular, plural) => {
    const expected = (text: string): string => text.replaceAll('ß', ' ').replaceAll(/\s+/g, ' ');
    expect(singularWords(words(name)).join(' ')).toBe(expected(singular));
    expect(pluralWords(words(name)).join(' ')).toBe(expected(plural));
  });

  it('makes type and variable names', () => {
    expect(pascal(['order', 'item'])).toBe('OrderItem');
    expect(pascal(['2fa', 'code'])).toBe('T2faCode');
    expect(camel(['order', 'item'])).toBe('orderItem');
  });

  it('gives no type the name of another, or of what the language or a module has', () => {
    const names = new TypeNames();
    expect(['Date', 'User', 'User', 'User', 'UserCreate', 'Type'].map((name) => names.claim(name))).toEqual([
      'DateEntity',
      'User',
      'UserEntity',
      'UserEntity2',
      'UserCreateEntity',
      'TypeEntity',
    ]);
  });

  it('numbers what has no alternative left', () => {
    const names = new UniqueNames();
    expect([names.claim('a', 'x-a'), names.claim('a', 'x-a'), names.claim('a', 'x-a'), names.claim('a')]).toEqual(['a', 'x-a', 'a-3', 'a-2']);
  });
});
