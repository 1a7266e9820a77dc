import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPassword, readPasswordFile } from './password-file.ts';

const QUESTION = { host: 'db.example', port: '5432', database: 'shop', user: 'me' };

describe('findPassword', () => {
  it.each([
    ['db.example:5432:shop:me:secret', 'secret'],
    ['*:*:*:*:any', 'any'],
    ['# comment\n\nother:5432:shop:me:no\n*:5432:shop:me:first\n*:*:*:*:second', 'first'],
    ['db.example:5432:shop:me:with:colon', 'with:colon'],
    ['db.example:5432:shop:me:a\\\\b\\:c', 'a\\b:c'],
    ['db.example:5432:shop:you:secret', undefined],
    ['db.example:5433:shop:me:secret', undefined],
    ['db.example:5432:shop', undefined],
    ['db.example:5432:shop:me:windows\r\n', 'windows'],
  ])('%j: %s', (text, password) => {
    expect(findPassword(text, QUESTION)).toBe(password);
  });

  it('reads escaped parts, and takes a socket for localhost', () => {
    expect(findPassword('h\\:1:5432:d\\\\b:u:secret', { host: 'h:1', port: '5432', database: 'd\\b', user: 'u' })).toBe('secret');
    expect(findPassword('localhost:5432:shop:me:secret', { ...QUESTION, host: '/run/postgresql' })).toBe('secret');
    expect(findPassword('/run/postgresql:5432:shop:me:secret', { ...QUESTION, host: '/run/postgresql' })).toBe('secret');
  });
});

describe('readPasswordFile', () => {
  it('ignores a file that others may read, and says so; an absent one in silence', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-pass-'));
    const file = join(folder, 'pass');
    const warnings: string[] = [];
    const read = (): string | undefined =>
      readPasswordFile({ question: QUESTION, env: { PGPASSFILE: file }, warn: (reason) => warnings.push(reason) });
    try {
      expect(read()).toBeUndefined();
      await writeFile(file, '*:*:*:*:secret');
      await chmod(file, 0o644);
      expect(read()).toBeUndefined();
      expect(warnings).toEqual([expect.stringContaining('others may read it')]);
      await chmod(file, 0o600);
      expect(read()).toBe('secret');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
