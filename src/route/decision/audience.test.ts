import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeFacts, type FakeFacts } from '../../../test/support/route-decisions.ts';
import type { Audience } from '../../model/route-decision.ts';
import { isNetwork, networkOf, networkTable } from '../../core/network.ts';
import { compileAudience } from './audience.ts';
import { compilePattern } from './text-pattern.ts';

describe('an audience', () => {
  it.each<[Audience, FakeFacts, boolean]>([
    [{ hosts: ['Shop.example'] }, { host: 'shop.example' }, true],
    [{ hosts: ['*.shop.example'] }, { host: 'eu.shop.example' }, true],
    [{ hosts: ['*.shop.example'] }, { host: 'shop.example' }, false],
    [{ hosts: ['*.shop.example'] }, { host: 'evilshop.example' }, false],
    [{ path: '/api/**' }, { path: '/api/x' }, true],
    [{ path: '/api/**' }, { path: '/app' }, false],
    [{ methods: ['GET'] }, { method: 'HEAD' }, true],
    [{ methods: ['GET'] }, { method: 'POST' }, false],
    [{ headers: { 'X-Client': 'ios/*' } }, { headers: { 'x-client': 'ios/17' } }, true],
    [{ headers: { 'X-Client': '*' } }, {}, false],
    [{ query: { beta: '*' } }, { query: { beta: '' } }, true],
    [{ query: { beta: '1' } }, { query: { beta: '2' } }, false],
    [{ tenant: ['acme', 'test-*'] }, { tenant: 'test-7' }, true],
    [{ tenant: ['acme'], region: ['eu'] }, { tenant: 'acme', region: 'us' }, false],
    [{ tenant: ['acme'] }, {}, false],
  ])('%j and %j: %s', (audience, facts, expected) => {
    expect(compileAudience(audience)(fakeFacts(facts))).toBe(expected);
  });
});

describe('a pattern', () => {
  it('finds what a regular expression with the same meaning finds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 12 });
    fc.assert(
      fc.property(text, text.map((each) => each.replaceAll('*', 'c')), (pattern, subject) => {
        expect(compilePattern(pattern)(subject)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(subject));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no longer for a text that was made to take long', () => {
    const many = compilePattern(`${'*a'.repeat(500)}*b`);
    expect(many('a'.repeat(16_000))).toBe(false);
  });
});

describe('networks', () => {
  it('are told from what is none', () => {
    for (const good of ['10.0.0.0/8', '192.0.2.7', '::1', '2001:db8::/32', '0.0.0.0/0']) expect(isNetwork(good)).toBe(true);
    for (const bad of ['', 'ten', '10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/x']) expect(isNetwork(bad)).toBe(false);
  });

  it('name the addresses in them, the first that has one', () => {
    const table = networkTable({ office: ['192.0.2.0/28', '2001:db8:1::/48'], all: ['0.0.0.0/0'] });
    expect(table('192.0.2.15')).toBe('office');
    expect(table('192.0.2.16')).toBe('all');
    expect(table('2001:db8:1:2::3')).toBe('office');
    expect(table('2001:db8:2::')).toBeUndefined();
    expect(table('unknown')).toBeUndefined();
  });

  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['255.255.255.255', '255.255.255.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:0:0:0:0/64'],
    ['2001:db8::1', '2001:db8:0:0:0:0:0:0/64'],
    ['::ffff:1.2.3.4', '0:0:0:0:0:0:0:0/64'],
    ['unknown', 'unknown'],
  ])('%s is of %s', (address, network) => {
    expect(networkOf(address, { v4: 24, v6: 64 })).toBe(network);
  });

  it('of one user stay one when his address changes within it', () => {
    expect(networkOf('10.1.2.3', { v4: 20, v6: 64 })).toBe(networkOf('10.1.15.200', { v4: 20, v6: 64 }));
    expect(networkOf('2001:db8:12:ff00::1', { v4: 20, v6: 56 })).toBe(networkOf('2001:db8:12:ff42::2', { v4: 20, v6: 56 }));
  });
});
