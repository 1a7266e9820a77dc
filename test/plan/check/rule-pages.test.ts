import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MESSAGE_RULES } from '../../../src/plan/check/api/message-rules.ts';
import { API_RULES } from '../../../src/plan/check/api/rules.ts';
import { DATABASE_RULES } from '../../../src/plan/check/database/catalogue/catalogue.ts';
import { GRAPHQL_RULES } from '../../../src/plan/check/graphql/graphql-rules.ts';
import { KNOWN_RULES, rulePage } from '../../../src/plan/check/rule-page.ts';
import { rulePages } from '../../support/rule-pages.ts';

const folder = join(import.meta.dirname, '../../../docs/rules');

it('docs/rules has a page for each rule as it is, and no other', async () => {
  const there = new Map(await Promise.all((await readdir(folder)).map(async (file): Promise<[string, string]> => [file, await readFile(join(folder, file), 'utf8')])));
  expect(Object.fromEntries(there), 'run: node --import tsx scripts/rule-pages.mjs').toEqual(Object.fromEntries(rulePages()));
  expect(rulePages(DATABASE_RULES.slice(1)).size).toBe(there.size - 1);
});

it('a rule has one name in all catalogues, and a page', () => {
  expect(KNOWN_RULES.size).toBe(DATABASE_RULES.length + API_RULES.length + GRAPHQL_RULES.length + MESSAGE_RULES.length);
  expect([rulePage('column-removed'), rulePage('endpoint-removed'), rulePage('graphql-field-removed'), rulePage('backward-property-removed')]).toEqual(['docs/rules/column-removed.md', 'docs/check-api.md#endpoint-removed', 'docs/check-api.md#graphql-field-removed', 'docs/check-messages.md#backward-property-removed']);
});

it('a page that many rules share has one place for each of them', async () => {
  const places = [...KNOWN_RULES.keys()].map((id) => rulePage(id).split('#')).filter(([, anchor]) => anchor !== undefined);
  const pages = new Map(await Promise.all([...new Set(places.map(([file = '']) => file))].map(async (file): Promise<[string, string]> => [file, await readFile(join(folder, '../..', file), 'utf8')])));
  expect(places.filter(([file = '', anchor = '']) => pages.get(file)?.split(`<a id="${anchor}"></a>`).length !== 2)).toEqual([]);
  expect(places.length).toBe(KNOWN_RULES.size - DATABASE_RULES.length);
});
