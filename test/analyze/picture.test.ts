import { DOMParser, Element } from '@xmldom/xmldom';
import { beforeAll, describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../src/analyze/analyzer.ts';
import type { BoundaryDocument } from '../../src/analyze/document.ts';
import { reportFiles } from '../../src/analyze/report/files.ts';
import { parseConfig } from '../../src/config/load.ts';
import { SHAPES } from './cases/shapes.ts';
import { readCase } from './support/read-case.ts';
import { shopCase } from './support/shop-case.ts';

interface Rect {
  readonly what: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Wider than the letters of any usual font: what fits here fits everywhere. */
const EM = 0.6;

const ODD = `
create table "a<b>&""c"" 'd'" (id int primary key);
create table "x]]> --> %%{init}%% ;" (id int primary key references "a<b>&""c"" 'd'");
create table "two
lines | and \\ more" (id int primary key references "a<b>&""c"" 'd'");
create table "subgraph" (id int primary key);
create table "end" (id int primary key references "subgraph");
create table "表の名前 WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW" (id int primary key references "subgraph", other int references "a<b>&""c"" 'd'");
create table "Öl.&#35;<br/>" (id int primary key references "subgraph", "x y" int references "x]]> --> %%{init}%% ;");
`;

const cases: Record<string, BoundaryDocument> = {};
beforeAll(async () => {
  cases['shop'] = analyzeSchema(await readCase(shopCase())).document;
  cases['one hundred tables'] = analyzeSchema(await readCase(SHAPES['one hundred tables']!(1))).document;
  cases['odd names'] = analyzeSchema(await readCase({ schema: ODD }), { services: 3 }).document;
  cases['one service'] = analyzeSchema(await readCase({ schema: 'create table a (id int primary key); create table b (id int primary key references a);' })).document;
});

function elements(svg: string, name: string, of?: string): Element[] {
  const parser = new DOMParser({ onError: (level, message) => expect.unreachable(`${level}: ${message}`) });
  const kind = (node: unknown): string | null => (node instanceof Element ? node.getAttribute('class') : null);
  return [...parser.parseFromString(svg, 'image/svg+xml').getElementsByTagName(name)].filter((item) => of === undefined || kind(item) === of || kind(item.parentNode) === of);
}

const NUMBER = (element: Element, name: string): number => Number(element.getAttribute(name));

function rectOf(element: Element): Rect {
  return { what: element.parentNode?.textContent ?? '', x: NUMBER(element, 'x'), y: NUMBER(element, 'y'), width: NUMBER(element, 'width'), height: NUMBER(element, 'height') };
}

/** The box of a text, by its baseline. */
function labelOf(element: Element, size: number): Rect {
  const what = element.textContent ?? '';
  let ems = 0;
  for (const letter of what) ems += (letter.codePointAt(0) ?? 0) > 0x2e80 ? 1 : /[MWmw@%]/.test(letter) ? 1.03 : /[A-Z]/.test(letter) ? 0.78 : EM;
  return { what, x: NUMBER(element, 'x'), y: NUMBER(element, 'y') - size * 0.8, width: ems * size, height: size };
}

const meet = (a: Rect, b: Rect): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const inside = (a: Rect, b: Rect): boolean => a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width && a.y + a.height <= b.y + b.height;

/** The stretches of a line, corners taken as they were before they were rounded. */
function stretches(path: string): Rect[] {
  const corners = [...path.matchAll(/(?:^M|L(?=[^Q]*$)|Q)(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
  return corners.slice(1).map(([x, y], i) => {
    const [x0, y0] = corners[i]!;
    return { what: path, x: Math.min(x, x0), y: Math.min(y, y0), width: Math.abs(x - x0), height: Math.abs(y - y0) };
  });
}

describe.each(['shop', 'one hundred tables', 'odd names', 'one service'])('the picture of %s', (name) => {
  test('has every label inside its box, inside the picture, and clear of every other', () => {
    const svg = reportFiles(cases[name]!)['boundaries.svg']!;
    const [width = 0, height = 0] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.slice(1).map(Number);
    const whole: Rect = { what: '', x: 0, y: 0, width, height };
    const tables = elements(svg, 'rect', 'table').map(rectOf);
    const groups = elements(svg, 'rect', 'service').map(rectOf);
    const names = elements(svg, 'text', 'table').map((element) => labelOf(element, 12));
    const titles = elements(svg, 'text', 'service').map((element) => labelOf(element, 14));
    expect(tables).toHaveLength(Object.values(cases[name]!.services).flat().length);
    names.forEach((label, i) => expect(inside(label, tables[i]!), label.what).toBe(true));
    titles.forEach((label, i) => expect(inside(label, groups[i]!), label.what).toBe(true));
    for (const box of groups) expect(inside(box, whole)).toBe(true);
    for (const box of tables) expect(groups.filter((group) => inside(box, group))).toHaveLength(1);
    const labels = [...names, ...titles];
    labels.forEach((label, i) => expect(labels.slice(i + 1).find((other) => meet(label, other))?.what, label.what).toBeUndefined());
    groups.forEach((group, i) => expect(groups.slice(i + 1).some((other) => meet(group, other))).toBe(false));
  });

  test('has every cut drawn inside it, across no table and no group but the two it joins', () => {
    const document = cases[name]!;
    const svg = reportFiles(document)['boundaries.svg']!;
    const [width = 0, height = 0] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.slice(1).map(Number);
    const tables = elements(svg, 'rect', 'table').map(rectOf);
    const titles = elements(svg, 'text', 'service').map((element) => labelOf(element, 14));
    const groups = elements(svg, 'rect', 'service').map(rectOf);
    const cuts = elements(svg, 'path', 'cut');
    expect(cuts).toHaveLength(document.cuts.length);
    for (const cut of cuts) {
      const parts = stretches(cut.getAttribute('d') ?? '');
      expect(parts.length).toBeGreaterThanOrEqual(3);
      let crossed = 0;
      for (const part of parts) {
        expect(part.x >= 0 && part.y >= 0 && part.x + part.width <= width && part.y + part.height <= height).toBe(true);
        for (const table of tables) expect(meet(part, { ...table, x: table.x + 1, width: table.width - 2 }), table.what).toBe(false);
        for (const title of titles) expect(meet(part, title), title.what).toBe(false);
        crossed += groups.filter((group) => meet(part, group)).length;
      }
      // Out of one group and into another.
      expect(crossed).toBe(2);
    }
  });
});

test('the check of lines can fail: a straight line between two tables crosses what lies between', () => {
  const svg = reportFiles(cases['one hundred tables']!)['boundaries.svg']!;
  const tables = elements(svg, 'rect', 'table').map(rectOf);
  const [first, last] = [tables[0]!, tables.at(-1)!];
  const [straight] = stretches(`M${first.x} ${first.y} L${last.x + last.width} ${last.y}`);
  expect(tables.some((table) => meet({ ...straight!, height: straight!.height + 1 }, table))).toBe(true);
});

describe('names with odd characters', () => {
  test('are shown whole in the picture, and end no string of the other drawings', () => {
    const files = reportFiles(cases['odd names']!);
    const texts = elements(files['boundaries.svg']!, 'text', 'table').map((element) => element.textContent);
    for (const shown of [`"x]]> --> %%{init}%% ;"`, 'subgraph', 'end']) expect(texts).toContain(shown);
    for (const [file, text] of Object.entries(files).filter(([file]) => file.endsWith('.mmd'))) {
      for (const line of text.trimEnd().split('\n')) {
        expect(line, file).toMatch(/^(?:flowchart LR| *end| *subgraph n_\w+\["[^"<>]*(?:<br\/>[^"<>]*)?"\]| *n_\w+(?:\["[^"<>]*(?:<br\/>[^"<>]*)?"\])?(?: (?:-->|==>)(?:\|\d+\|)? n_\w+(?:\["[^"<>]*"\])?)?)$/);
      }
    }
    for (const line of files['boundaries.dot']!.trimEnd().split('\n')) {
      expect(line).toMatch(/^(?:digraph boundaries \{|\}| {2}\}| {2}\w+=\w+;| {2}node \[.*\];| {2}subgraph cluster_\d+ \{| {4}label="(?:[^"\\]|\\.)*";| {4}"(?:[^"\\]|\\.)*";| {2}"(?:[^"\\]|\\.)*" -> "(?:[^"\\]|\\.)*" \[.*\];)$/);
    }
    for (const line of files['report.md']!.split('\n').filter((text) => text.startsWith('|'))) expect(line).toMatch(/\|$/);
  });

  test.each(['shop', 'odd names', 'one hundred tables'])('services.yaml of %s is accepted by who reads the configuration', (name) => {
    const document = cases[name]!;
    const text = `version: 1\nmonolith: { url: "postgres://m@h/db" }\n${reportFiles(document)['services.yaml']!}`;
    const env = Object.fromEntries(document.order.map((service) => [`${service.toUpperCase().replaceAll('-', '_')}_URL`, `postgres://s@h/${service}`]));
    const config = parseConfig({ file: 'banyan.yaml', env, text });
    expect([...config.services].map(([service, { tables }]) => [service, tables.map(({ table }) => table)])).toEqual(Object.entries(document.services));
  });
});
