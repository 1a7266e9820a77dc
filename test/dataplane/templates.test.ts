import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { adaptedPath, templateRegex } from '../../src/dataplane/path-regex.ts';
import { adaptPath, compileAdapter } from '../../src/route/adapt.ts';
import { fits, parseTemplate, splitPath } from '../../src/route/path-template.ts';

/** Characters that mean something to some proxy, some expression or some URL. */
const character = fc.constantFrom(...('ab0~.-_\'"$;{}()[]^|\\`*+!@,:=&<>#%?').split(''), 'é', '日', ' ');
const literal = fc.string({ unit: character, minLength: 1, maxLength: 4 }).map((text) => encodeURIComponent(text));
const segment = fc.oneof({ weight: 3, arbitrary: literal }, fc.constantFrom('*', '{id}', '{b}'));
const template = fc.tuple(fc.array(segment, { maxLength: 3 }), fc.boolean()).map(([segments, below]) => `/${[...segments, ...(below ? ['**'] : [])].join('/')}`);

/** One of the spellings that a client may give a path of a template. */
function spelling(path: string, dice: readonly number[]): string {
  let n = 0;
  const next = (): number => dice[n++ % dice.length] ?? 0;
  return path
    .split('/')
    .map((part) => (part === '**' ? ['', 'x', 'x/y%2Fz', '%41'][next() % 4] : /^(\*|\{.*\})$/.test(part) ? ['7', 'a%20b', ''][next() % 3] : part))
    .join('/')
    .replaceAll(/%[0-9A-F]{2}|[A-Za-z0-9]/g, (text) => {
      if (text.length === 1) return next() % 4 === 0 ? `%${text.charCodeAt(0).toString(16)}` : text;
      return next() % 2 === 0 ? text : text.toLowerCase();
    });
}

const dice = fc.array(fc.nat(11), { minLength: 5, maxLength: 12 });

it('an expression fits the paths that the template fits, in every spelling', () => {
  let fitted = 0;
  fc.assert(
    fc.property(template, template, dice, (own, other, throws) => {
      const parsed = parseTemplate(own);
      const regex = new RegExp(`${templateRegex(parsed)}$`);
      for (const from of [own, other]) {
        const path = spelling(from, throws);
        const wanted = fits(parsed, splitPath(path));
        if (wanted) fitted++;
        expect(regex.test(path), `${own} ${path} ${regex.source}`).toBe(wanted);
      }
    }),
    { numRuns: 800 },
  );
  expect(fitted).toBeGreaterThan(200);
});

it('what an expression is made of means nothing in any configuration', () => {
  fc.assert(
    fc.property(template, (own) => {
      // No quote, no variable, no end of a statement, no space.
      expect(templateRegex(parseTemplate(own))).toMatch(/^[A-Za-z0-9_%/?:|()[\]\\^+*]*$/);
    }),
    { numRuns: 1000 },
  );
});

it.each([
  ['/api/users/{id}', '/v2/accounts/{id}', '/api/users/7%2F8'],
  ['/a/{x}/{y}', '/b/{y}/c/{x}', '/a/1/2'],
  ['/a/**', '/b/c/**', '/a/1/2'],
  ['/a/**', '/b/**', '/a'],
  ['/a/*/c', '/x/*', '/a/7/c'],
])('a path adapted from %s to %s is the one of the router: %s', (from, to, path) => {
  const adapter = compileAdapter({ from, to });
  const raw = path.split('/').slice(1);
  const made = adaptedPath(adapter.from, adapter.to).map((part) => {
    if (part === null) return raw.slice(adapter.from.segments.length).map((each) => `/${each}`).join('');
    return typeof part === 'string' ? part : raw[part];
  });
  expect(made.join('')).toBe(adaptPath([adapter], path));
});
