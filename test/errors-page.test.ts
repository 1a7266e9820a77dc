import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../src/core/error-codes.ts';
import { errorsPage } from './support/errors-page.ts';
import { sourceFiles } from './support/source-files.ts';

const ROOT = join(import.meta.dirname, '..');
const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
const codes = Object.keys(ERROR_CODES).sort();

describe('docs/errors.md', () => {
  it('has every code of the table, and the table every code of the page', () => {
    const headings = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    expect(headings, 'run: node scripts/errors-page.mjs').toEqual(codes);
  });

  it('says what the table says', () => {
    expect(page, 'run: node scripts/errors-page.mjs').toBe(errorsPage());
  });

  it('would show a code that was added, removed or reworded', () => {
    const { BANYAN_TIMEOUT: changed, ...others } = ERROR_CODES;
    expect(errorsPage(others)).not.toBe(page);
    expect(errorsPage({ ...ERROR_CODES, BANYAN_PLANTED: changed })).not.toBe(page);
    expect(errorsPage({ ...ERROR_CODES, BANYAN_TIMEOUT: { ...changed, remedy: 'Wait.' } })).not.toBe(page);
  });
});

describe('the table of error codes', () => {
  it('says for each code what it means and what to do, in sentences', () => {
    const poor = Object.entries(ERROR_CODES).filter(
      ([code, { meaning, remedy }]) => !/^BANYAN_[A-Z]+(_[A-Z]+)*$/.test(code) || !meaning.endsWith('.') || remedy.length < 15,
    );
    expect(poor).toEqual([]);
  });

  it('has no code that nothing uses', () => {
    const source = sourceFiles(ROOT, 'src')
      .filter((file) => !file.endsWith('.test.ts') && file !== 'src/core/error-codes.ts')
      .map((file) => readFileSync(join(ROOT, file), 'utf8'))
      .join('\n');
    expect(codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(source))).toEqual([]);
  });
});
