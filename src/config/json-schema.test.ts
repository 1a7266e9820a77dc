import { Check } from 'typebox/schema';
import { expect, test } from 'vitest';
import { configJsonSchema } from './json-schema.ts';

const monolith = { url: 'postgres://h/d' };

test.each<[string, unknown]>([
  ['the least file', { monolith }],
  ['empty sections', { monolith, sync: null, services: null, log: {} }],
  ['a variable for a number and for a choice', { monolith, sync: { heartbeatMs: '${MS}', mode: '${MODE:-bidirectional}' } }],
  ['tables as names and objects', { monolith, services: { a: { url: 'x', tables: ['t', { table: 'v' }] } } }],
  ['a file of rules', { monolith, check: { rules: './check-rules.yaml' } }],
  ['contacts', { monolith, runbook: { contacts: [{ role: 'lead', name: 'Ada', phone: '1' }] } }],
  ['keys', { monolith, route: { monolith: 'http://h', key: ['ip', { cookie: 'uid' }] } }],
])('an editor accepts %s', (_name, value) => {
  expect(Check(configJsonSchema(), value)).toBe(true);
});

test.each<[string, unknown]>([
  ['no monolith', {}],
  ['an unknown key', { monolith, sevices: {} }],
  ['an unknown choice', { monolith, log: { level: 'loud' } }],
  ['a text for a number', { monolith, sync: { heartbeatMs: 'fast' } }],
  ['a service without tables', { monolith, services: { a: { url: 'x', tables: [] } } }],
  ['a contact without a name', { monolith, runbook: { contacts: [{ role: 'lead', phone: '1' }] } }],
  ['two keys in one', { monolith, route: { monolith: 'http://h', key: [{ cookie: 'a', jwt: 'b' }] } }],
])('an editor refuses %s', (_name, value) => {
  expect(Check(configJsonSchema(), value)).toBe(false);
});

test("nothing of Banyan's own is left in it, and every key is described", () => {
  const text = JSON.stringify(configJsonSchema());
  expect(text).not.toContain('"format":"database-url"');
  expect(text).not.toContain('~');
  const undescribed: string[] = [];
  const visit = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const { properties, additionalProperties, items, anyOf } = schema as Record<string, unknown>;
    for (const [name, property] of Object.entries(properties ?? {})) {
      if (typeof property.description !== 'string') undescribed.push(`${path}.${name}`);
      visit(property, `${path}.${name}`);
    }
    visit(additionalProperties, `${path}.*`);
    visit(items, `${path}[]`);
    if (Array.isArray(anyOf)) for (const variant of anyOf) visit(variant, path);
  };
  visit(configJsonSchema(), '');
  expect(undescribed).toEqual([]);
});
