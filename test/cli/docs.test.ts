import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isBanyanError } from '../../src/core/errors.ts';
import { parseConfig } from '../../src/config/load.ts';
import { EXIT_CODES_HELP } from '../../src/cli/exit-codes.ts';
import { commandLines, fences } from '../support/markdown.ts';
import { configReference } from './config-reference.ts';
import { run } from './harness.ts';

const docs = join(import.meta.dirname, '../../docs');

/** The fenced blocks of a page. */
const blocks = async (page: string) => fences(await readFile(join(docs, page), 'utf8'));

const env = { MONOLITH_URL: 'postgres://shop@127.0.0.1/shop', ACCOUNTS_URL: 'postgres://shop@127.0.0.1/accounts', DB_PASSWORD: 'x' };

describe('docs/configuration.md', () => {
  test('every example is accepted', async () => {
    const examples = (await blocks('configuration.md')).filter(({ language, note }) => language === 'yaml' && note !== 'refused');
    expect(examples.length).toBeGreaterThan(3);
    for (const { text } of examples) {
      // A fragment stands in a file that has what it leaves out.
      const rest = text.includes('monolith:\n') ? '' : 'monolith: { url: "postgres://127.0.0.1/shop" }\n';
      expect(() => parseConfig({ file: 'banyan.yaml', env, text: rest + text }), text).not.toThrow();
    }
  });

  test('every refusal is refused with the message beside it', async () => {
    const all = await blocks('configuration.md');
    const refused = all.flatMap(({ note, text }, index) => (note === 'refused' ? [{ text, message: all[index + 1]!.text }] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const { text, message } of refused) {
      try {
        parseConfig({ file: 'banyan.yaml', env: {}, text });
        expect.unreachable();
      } catch (error) {
        if (!isBanyanError(error, 'BANYAN_CONFIG')) throw error;
        expect(`${error.message}\n`).toBe(message);
      }
    }
  });

  test('the reference is the schema', async () => {
    const page = join(docs, 'configuration.md');
    const text = await readFile(page, 'utf8');
    const [before, old, after] = text.split(/<!-- reference -->\n|\n<!-- \/reference -->/);
    if (process.env['UPDATE_DOCS'] === '1') {
      await writeFile(page, `${before}<!-- reference -->\n${configReference()}\n<!-- /reference -->${after}`);
      return;
    }
    expect(old).toBe(configReference());
  });
});

describe('docs/cli.md', () => {
  test('every example is a command line that is accepted', async () => {
    const lines = commandLines(await readFile(join(docs, 'cli.md'), 'utf8'));
    expect(lines.length).toBeGreaterThan(25);
    for (const { line, argv, exit } of lines) expect(String((await run(argv)).code), line).toBe(exit);
  });

  test('every command is on the page', async () => {
    const page = await readFile(join(docs, 'cli.md'), 'utf8');
    const visit = async (words: readonly string[]): Promise<void> => {
      const { stdout } = await run([...words, '--help']);
      const commands = [...(stdout.split('\nCommands:\n')[1] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map((match) => match[1]!);
      for (const name of commands) {
        expect(page).toContain(`banyan ${[...words, name].join(' ')}`);
        await visit([...words, name]);
      }
    };
    await visit([]);
  });

  test('the exit codes are those of the help', async () => {
    const page = await readFile(join(docs, 'cli.md'), 'utf8');
    for (const [, code, meaning] of EXIT_CODES_HELP.matchAll(/^ {2}(\d+) +(.*)$/gm)) expect(page).toContain(`| ${code} | ${meaning} |`);
  });
});
