import { describe, expect, test } from 'vitest';
import type { Schema } from '../../model/schema.ts';
import { parseSchema } from './parse-schema.ts';

const schemaOf = async (sql: string): Promise<Schema> => {
  const { schema, unread } = await parseSchema(sql);
  expect(unread).toEqual([]);
  return schema;
};

test.each<[string, readonly string[]]>([
  ["add value 'd'", ['a', 'b', 'c', 'd']],
  ["add value 'd' before 'b'", ['a', 'd', 'b', 'c']],
  ["add value 'd' after 'a'", ['a', 'd', 'b', 'c']],
  ["add value 'd' before 'a'", ['d', 'a', 'b', 'c']],
  ["add value 'd' after 'c'", ['a', 'b', 'c', 'd']],
  ["add value if not exists 'b' before 'a'", ['a', 'b', 'c']],
  ["add value if not exists 'd' before 'a'", ['d', 'a', 'b', 'c']],
  ["rename value 'b' to 'B'", ['a', 'B', 'c']],
])('an enum after ALTER TYPE %s', async (change, labels) => {
  expect((await schemaOf(`create type e as enum ('a', 'b', 'c'); alter type e ${change}`)).enums[0]?.labels).toEqual(labels);
});

describe('CREATE DOMAIN', () => {
  test('keeps each check apart, and names those without a name as the server does', async () => {
    const { domains } = await schemaOf(`create domain shop.d as varchar(9) default 'a, b' check (value <> ',') not null constraint "odd name" check (value <> 'x') check (length(value) > 1)`);
    expect(domains).toEqual([{
      schema: 'shop', name: 'd', baseType: 'character varying(9)', nullable: false, default: "'a, b'",
      checks: [{ name: 'd_check', definition: "CHECK (value <> ',')" }, { name: 'odd name', definition: "CHECK (value <> 'x')" }, { name: 'd_check1', definition: 'CHECK (length(value) > 1)' }],
    }]);
  });
});

describe('CREATE TYPE', () => {
  test('of fields, with their collations where they are', async () => {
    const { structuredTypes } = await schemaOf('create type shop.pair as (a varchar(3), "B b" text collate "C", c text collate shop.german, d int[], e text collate pg_catalog."de_DE"); create type empty as ()');
    expect(structuredTypes).toEqual([
      { schema: 'shop', name: 'pair', kind: 'composite', definition: 'AS (a character varying(3), "B b" text COLLATE pg_catalog."C", c text COLLATE shop.german, d integer[], e text COLLATE pg_catalog."de_DE")', parts: ['character varying', 'text', 'text', 'integer[]', 'text'] },
      { schema: 'public', name: 'empty', kind: 'composite', definition: 'AS ()', parts: [] },
    ]);
  });

  test('of a range over another type', async () => {
    const { structuredTypes } = await schemaOf('create type span as range (subtype = shop.mood, multirange_type_name = spans)');
    expect(structuredTypes).toEqual([{ schema: 'public', name: 'span', kind: 'range', definition: 'AS RANGE (SUBTYPE = shop.mood, MULTIRANGE_TYPE_NAME = spans)', parts: ['shop.mood'] }]);
  });
});
