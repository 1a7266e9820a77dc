import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config/load.ts';
import { run } from './cli/harness.ts';
import { commandLines, fences, relativeLinks } from './support/markdown.ts';

const root = join(import.meta.dirname, '..');
const pages = [
  'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md',
  ...(await readdir(join(root, 'docs'), { recursive: true })).filter((file) => file.endsWith('.md')).map((file) => join('docs', file)),
];
const read = (page: string): Promise<string> => readFile(join(root, page), 'utf8');

/** Which links of a page lead nowhere. */
function deadLinks(page: string, markdown: string, exists: (file: string) => boolean): string[] {
  return relativeLinks(markdown).filter((target) => !exists(join(dirname(page), target)));
}

/** `${NAME}` in an example stands for a URL of the reader's; the scheme is all that is checked of it. */
function environmentOf(text: string): Record<string, string> {
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  return Object.fromEntries(names.map((name) => [name, `postgres://someone:secret@127.0.0.1/${name.toLowerCase()}`]));
}

describe('the pages', () => {
  it('are found', () => {
    expect(pages.length).toBeGreaterThan(10);
  });

  it('with a dead link are noticed', () => {
    const markdown = 'See [a](a.md#part), [web](https://example.org/x.md), [b](../b.md "title"), [here](#here), `[c](c.md)`\n```md\n[d](d.md)\n```\n![e](e.svg)';
    expect(deadLinks('docs/page.md', markdown, (file) => file === 'b.md')).toEqual(['a.md', 'e.svg']);
  });

  it.each(pages)('%s leads to files that exist', async (page) => {
    const dead = deadLinks(page, await read(page), (file) => existsSync(join(root, file)));
    expect(dead, `dead links in ${page}`).toEqual([]);
  });

  // docs/configuration.md and docs/cli.md are looked at more closely in test/cli/docs.test.ts.
  it.each(pages.filter((page) => page !== join('docs', 'configuration.md')))('%s shows configuration files that are accepted', async (page) => {
    for (const { language, text } of fences(await read(page))) {
      if (!/^ya?ml$/.test(language) || !text.startsWith('version:')) continue;
      expect(() => parseConfig({ file: relative(root, page), env: environmentOf(text), text }), text).not.toThrow();
    }
  });

  it.each(pages.filter((page) => page !== join('docs', 'cli.md')))('%s shows commands that are accepted', async (page) => {
    for (const { line, argv, exit } of commandLines(await read(page))) {
      expect(String((await run(argv.map((word) => word.replace(/^\$\w+_URL$/, 'postgres://someone:secret@127.0.0.1/shop')))).code), line).toBe(exit);
    }
  });

  it('of the beginning show a configuration and commands', async () => {
    const readme = await read('README.md');
    expect(fences(readme).some(({ language, text }) => language === 'yaml' && text.startsWith('version:'))).toBe(true);
    expect(commandLines(readme).length).toBeGreaterThan(2);
    for (const command of ['npm start', 'npm test']) expect(readme).toContain(command);
  });
});
