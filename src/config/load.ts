import { readFile as readFileFromDisk } from 'node:fs/promises';
import { Value } from 'typebox/value';
import { LineCounter, parseDocument } from 'yaml';
import { BanyanError, invariant, messageOf } from '../core/errors.ts';
import type { Config } from './config.ts';
import { crossCheck } from './cross-checks.ts';
import { configError, type ConfigIssue } from './issue.ts';
import { maskText } from './mask.ts';
import { readNode, type Reading } from './read-node.ts';
import { resolveConfig } from './resolve.ts';
import { fileSchema } from './schema.ts';

export interface LoadConfigOptions {
  /** The file's path, as it shall appear in messages. */
  readonly file: string;
  /** Where `${NAME}` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file as UTF-8. Default: from disk. */
  readonly readFile?: (file: string) => Promise<string>;
}

/**
 * Reads, checks and completes a configuration file.
 * @throws BANYAN_CONFIG_NOT_FOUND if it cannot be read; BANYAN_CONFIG with every issue if anything in it is wrong.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  const { file, env, readFile = (path) => readFileFromDisk(path, 'utf8') } = options;
  let text: string;
  try {
    text = await readFile(file);
  } catch (cause) {
    throw new BanyanError('BANYAN_CONFIG_NOT_FOUND', { message: `${file} cannot be read: ${messageOf(cause)}`, cause });
  }
  return parseConfig({ file, env, text });
}

/**
 * As {@link loadConfig}, from the file's text.
 * @throws BANYAN_CONFIG with every issue if anything in it is wrong.
 */
export function parseConfig(options: { readonly file: string; readonly env: LoadConfigOptions['env']; readonly text: string }): Config {
  const lines = new LineCounter();
  // Pretty errors would quote the line, and with it a password.
  const document = parseDocument(options.text, { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings].map((error): ConfigIssue => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { line, column: col, path: '', ...syntaxIssue(error.code, error.message, options.text) };
  });
  if (syntax.length > 0) throw configError(options.file, syntax);
  const reading: Reading = { document, lines, env: options.env, issues: [], positions: new Map() };
  const content = readNode(reading, document.contents, fileSchema, []);
  if (reading.issues.length > 0) throw configError(options.file, reading.issues);
  invariant(Value.Check(fileSchema, content), 'What was read of the configuration does not fit its own schema.');
  const issues = crossCheck(content, reading.positions);
  if (issues.length > 0) throw configError(options.file, issues);
  return resolveConfig(options.file, content);
}

function syntaxIssue(code: string, message: string, text: string): Pick<ConfigIssue, 'found' | 'expected' | 'hint'> {
  if (code === 'DUPLICATE_KEY') return { found: 'a key that stands here twice', expected: 'each key once' };
  return {
    found: `text that is no YAML (${maskText(message)})`,
    expected: 'one YAML document',
    ...(/[{[][^\n]*\$\{/.test(text) ? { hint: 'Inside { } and [ ], ${NAME} needs quotes: "${NAME}".' } : {}),
  };
}
