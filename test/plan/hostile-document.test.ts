import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocumentText } from '../../src/app/text-file.ts';
import { isBanyanError } from '../../src/core/errors.ts';
import { LONGEST_DOCUMENT, parseText } from '../../src/plan/document.ts';

let folder = '';
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'banyan-hostile-')); });
afterAll(async () => { await rm(folder, { recursive: true }); });

function refusal(text: string): string {
  try {
    parseText('api.yaml', text);
    return 'accepted';
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_DOCUMENT')) throw error;
    return error.message;
  }
}

describe('a hostile document is refused in words', () => {
  const bomb = Array.from({ length: 20 }, (_, n) => `k${n}: &k${n} [${Array.from({ length: 9 }, () => (n === 0 ? 'x' : `*k${n - 1}`)).join()}]`).join('\n');
  const deepBlock = Array.from({ length: 1000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n');
  it.each([
    ['JSON of 100,000 levels', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /more than 500 levels/],
    ['JSON of 100,000 levels that never ends', '{"a":'.repeat(100_000), /more than 500 levels/],
    ['lists of YAML that never end', `a: ${'['.repeat(100_000)}`, /more than 500 levels/],
    ['dashes', `${'- '.repeat(100_000)}a\n`, /more than 500 levels/],
    ['YAML of 1,000 levels', deepBlock, /more than 500 levels/],
    ['a bomb of aliases', bomb, /alias/i],
    ['a circle of aliases', 'a: &a\n  b: *a\n', /more than 500 levels/],
    ['binary content', `PK\u0003\u0004\0\0${'\u0001'.repeat(1000)}`, /binary content/],
    ['a long document that is no JSON in one place', `{"a": [${'1,'.repeat(1_000_000)}\n}`, /^api\.yaml:2: found what is no JSON/],
    ['too long a document', `a: ${'x'.repeat(LONGEST_DOCUMENT)}`, /found more than 64 MiB; expected at most 64 MiB/],
    ['too much of what only the library reads', `a: &a 1\nb: *a\nc: ${'x'.repeat(17 * 1024 * 1024)}`, /more than 16 MiB; .*Without anchors/],
  ])('%s', (_, text, message) => {
    expect(refusal(text)).toMatch(message);
  });
});

it('takes no more of a file in than a document may be long', async () => {
  const huge = join(folder, 'huge.yaml');
  const file = await open(huge, 'w');
  await file.truncate(100 * 1024 * 1024 * 1024);
  await file.close();
  await expect(readDocumentText(huge)).rejects.toThrow(/huge\.yaml: found more than 64 MiB/);
  await expect(readDocumentText(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'BANYAN_FILE' });
  await writeFile(join(folder, 'fine.yaml'), 'a: ü\n');
  expect(await readDocumentText(join(folder, 'fine.yaml'))).toBe('a: ü\n');
});
