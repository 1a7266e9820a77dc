import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { readPlainYaml } from '../../src/plan/plain-yaml.ts';

/** What the library reads, or that it refuses. */
function byLibrary(text: string): { readonly value: unknown } | undefined {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'error' });
  if (document.errors.length > 0) return undefined;
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) as unknown };
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

const PIECES = ['a', 'b ', 'foo bar', '- x', '# no', 'a # b', 'x: y', "it's", '"q"', '\n', '\n\n', '  ', '123', '0x1F', '1.50', '-.5', '1e3', 'null', 'true', '~', '2024-01-01', '[a]', '{b}', '&a', '*a', '!t', '|', '>', '%', '@', '`', '?', ':', ': ', '---', '...', '\t', 'é😀', '\\', 'long '.repeat(20), '<<', '.inf', '0o17', '__proto__', '-0', '+1', '007', '\r'];
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 4 }).map((pieces) => pieces.join(''));
/** Descriptions as people write them. */
const prose = fc.array(fc.constantFrom('word', 'a sentence with some words in it.', "it's", '\n', '\n\n', '\n\n\n', '  deeper'), { maxLength: 8 }).map((pieces) => pieces.join(' ').replaceAll(' \n ', '\n'));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 }, text, prose, fc.integer(), fc.double(), fc.boolean(), fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.oneof(text, fc.constantFrom('a', 'paths', '/x/{id}', '200')), tie('value'), { maxKeys: 4 }),
  ),
}));
const form = fc.record({
  lineWidth: fc.constantFrom(0, 20, 80), indent: fc.constantFrom(1, 2, 4), indentSeq: fc.boolean(), collectionStyle: fc.constantFrom('any' as const, 'block' as const), minContentWidth: fc.constantFrom(0, 20),
  defaultStringType: fc.constantFrom('PLAIN' as const, 'QUOTE_SINGLE' as const, 'QUOTE_DOUBLE' as const, 'BLOCK_LITERAL' as const, 'BLOCK_FOLDED' as const), defaultKeyType: fc.constantFrom(null, 'PLAIN' as const, 'QUOTE_DOUBLE' as const),
});
const BREAKS = ['', '', ' ', '\n', '#', ' # c', '\n# c\n', '\n    # c\n', ':', ': ', '- ', '"', "'", '|', '>', '&a ', '*a', '!x ', '[', ']', '{', '}', ',', '\t', '\n\n', '|\n', '>-\n', '---\n', '...\n', '? ', '|+\n', 'key: v\n', '- i\n', '\n  \n', '\\'];
const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.constantFrom(0, 0, 1, 2, 5), put: fc.constantFrom(...BREAKS) });

describe('the fast reader of YAML', () => {
  it('says what the library says, or nothing: of what is written well, and of what somebody has damaged', () => {
    const count = { well: 0, wellRead: 0, refused: 0 };
    fc.assert(
      fc.property(value, form, fc.array(edit, { maxLength: 3 }), fc.constantFrom('', 'crlf', 'no last break', 'begin'), (content, options, edits, how) => {
        let yaml = stringify({ openapi: '3.1.0', content }, options);
        for (const { at, cut, put } of edits) {
          const position = Math.floor(at * yaml.length);
          yaml = yaml.slice(0, position) + put + yaml.slice(position + cut);
        }
        if (how === 'crlf') yaml = yaml.replaceAll('\n', '\r\n');
        if (how === 'no last break') yaml = yaml.replace(/\n$/, '');
        if (how === 'begin') yaml = `---\n${yaml}`;
        const read = readPlainYaml(yaml);
        if (edits.length === 0) count.well += 1;
        if (edits.length === 0 && read) count.wellRead += 1;
        const expected = byLibrary(yaml);
        if (!expected) count.refused += 1;
        if (read && !(expected && isDeepStrictEqual(read.value, expected.value))) throw new Error(`${JSON.stringify(yaml)}\nread: ${JSON.stringify(read.value)}\nlibrary: ${JSON.stringify(expected)}`);
      }),
      { numRuns: Number(process.env['YAML_ROUNDS'] ?? 1500), seed: Number(process.env['YAML_SEED'] ?? 20_261_122) },
    );
    // It would be of no use if it gave up often, and of no proof if nothing was damaged.
    expect(count.wellRead / count.well).toBeGreaterThan(0.95);
    expect(count.refused).toBeGreaterThan(100);
  });

  it.each([
    ['anchors and aliases', 'a: &x 1\nb: *x\n'], ['two documents', 'a: 1\n---\nb: 2\n'], ['a directive', '%YAML 1.1\n---\na: 1\n'], ['a key twice', 'a: 1\na: 2\n'],
    ['a wrong indent', 'a:\n    b: 1\n  c: 2\n'], ['a tab', 'a:\n\tb: 1\n'], ['a scalar alone', 'text\n'], ['nothing', ''], ['blanks behind the last break', 'a: |+\n \n\n\n  '],
  ])('leaves %s to the library', (_, yaml) => {
    expect(readPlainYaml(yaml)).toBeUndefined();
  });

  it.each([
    ['a tag', 'a: !x 1\nb: 2\n'], ['an anchor that nobody uses', 'a: &x 1\nb: 2\n'], ['a flow mapping over lines', 'a: {b: 1,\n  c: 2}\nd: [x, "y z"]\n'],
    ['comments', '# one\na: 1 # two\n  # three\nb: # four\n  - c # five\n'], ['a kept block', 'a: |+\n  x\n\nb: 1\n'], ['text under its key', 'a:\n  some text\n  over lines\nb: >-\n  folded\n    deeper\n'],
  ])('has the library read the one entry with %s', (_, yaml) => {
    expect(readPlainYaml(yaml)).toEqual(byLibrary(yaml));
    expect(readPlainYaml(yaml)).toBeDefined();
  });
});
