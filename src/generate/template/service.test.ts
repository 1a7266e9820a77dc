import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { Problem, toProblem } from './errors.ts';
import { loadExtensions } from './extensions.ts';
import { cursorCodec } from './lib/cursor.ts';
import { jsonWriter, keyParameter, keySegment, parameterOf } from './lib/kinds.ts';

describe('configuration', () => {
  it('has defaults for all but the database', () => {
    expect(readConfig({ DATABASE_URL: 'postgres://x/y', PORT: '' })).toMatchObject({ databaseUrl: 'postgres://x/y', port: 3000, poolSize: 10, host: '127.0.0.1' });
    expect(readConfig({ DATABASE_URL: 'x', PORT: '0', POOL_SIZE: '0' })).toMatchObject({ port: 0, poolSize: 1 });
  });

  it('names everything that is wrong at once', () => {
    expect(() => readConfig({ PORT: '70000', POOL_SIZE: 'many' })).toThrow(/PORT .*"70000".*POOL_SIZE .*"many".*DATABASE_URL|DATABASE_URL.*PORT.*POOL_SIZE/);
  });
});

describe('extensions', () => {
  it('are the modules of the folder, by name', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'extensions-'));
    const url = pathToFileURL(`${folder}/`);
    await writeFile(path.join(folder, 'b.js'), 'export default () => "b";');
    await writeFile(path.join(folder, 'a.js'), 'export default () => "a";');
    await writeFile(path.join(folder, 'a.d.ts'), '');
    await writeFile(path.join(folder, 'README.md'), '');
    await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
    const extensions = await loadExtensions(url);
    expect(extensions.map((extension) => Reflect.apply(extension, undefined, []) as unknown)).toEqual(['a', 'b']);
    await writeFile(path.join(folder, 'c.js'), 'export const nothing = 1;');
    await expect(loadExtensions(url)).rejects.toThrow('extensions/c.js must export a function by default');
    await rm(folder, { recursive: true });
  });
});

describe('errors', () => {
  const database = (code: string, extra: object = {}): Error => Object.assign(new Error('says the server'), { severity: 'ERROR', code, ...extra });
  const status = (error: unknown, deleting = false): number => toProblem(error, deleting, () => undefined).statusCode;

  it.each([
    ['23505', 409],
    ['23P01', 409],
    ['23503', 409],
    ['23001', 409],
    ['23514', 422],
    ['23502', 400],
    ['40001', 409],
    ['40P01', 409],
    ['42501', 403],
    ['57014', 503],
    ['55P03', 503],
    ['25006', 503],
    ['22P02', 400],
    ['42601', 400],
    ['54001', 422],
    ['44000', 422],
    ['P0001', 422],
    ['53300', 503],
    ['57P01', 503],
    ['08006', 503],
    ['42P01', 500],
  ])('SQLSTATE %s is answered with %i', (code, expected) => {
    expect(status(database(code))).toBe(expected);
  });

  it('a fault of the statement itself is no fault of the client', () => {
    expect(status(database('42601', { position: '10' }))).toBe(500);
  });

  it('a lost connection is 503, anything unknown 500 without a word about it', () => {
    expect(status(Object.assign(new Error('x'), { code: 'ECONNRESET' }))).toBe(503);
    expect(status(new Error('Connection terminated unexpectedly'))).toBe(503);
    expect(status(Object.assign(new Error('x'), { statusCode: 413 }))).toBe(413);
    expect(status('thrown')).toBe(500);
    expect(toProblem(new Error('secret'), false, () => undefined).message).toBe('Internal server error');
    expect(new Problem(418).message).toBe('Error');
  });
});

describe('cursors', () => {
  it('are read with the secret they were written with', () => {
    const position = { sort: '-a,id', values: ['x', null] };
    const text = cursorCodec('s').write(position);
    expect(cursorCodec('s').read(text, '-a,id', 2)).toEqual(position);
    expect(() => cursorCodec('other').read(text, '-a,id', 2)).toThrow(/next_cursor/);
    expect(() => cursorCodec('s').read(text, '-a,id', 3)).toThrow(/another sort/);
    expect(() => cursorCodec('s').read(text, 'a,id', 2)).toThrow(/another sort/);
  });
});

describe('kinds', () => {
  it.each([
    ['timestamptz', '2026-01-31 12:00:00.5+00', '"2026-01-31T12:00:00.5Z"'],
    ['timestamptz', 'infinity', '"infinity"'],
    ['timestamptz', '0044-03-15 12:00:00+00 BC', '"0044-03-15 12:00:00+00 BC"'],
    ['timestamptz', '12026-01-31 12:00:00+00', '"12026-01-31 12:00:00+00"'],
    ['timestamp', '2026-01-31 12:00:00', '"2026-01-31T12:00:00"'],
    ['float', '-1e-05', '-1e-05'],
    ['float', '-Infinity', '"-Infinity"'],
    ['boolean', 'f', 'false'],
    ['bytes', '\\x00ff', '"AP8="'],
    ['comparable', '192.0.2.1', '"192.0.2.1"'],
    ['opaque', '("a",1)', '"(\\"a\\",1)"'],
    ['uuid', 'u', '"u"'],
  ] as const)('%s %s is %s in JSON', (kind, text, json) => {
    expect(jsonWriter(kind, false)(text)).toBe(json);
  });

  it('take bytes from and to paths', () => {
    expect(keySegment('bytes', '\\xfbff')).toBe('-_8');
    expect(keyParameter('bytes', '-_8')).toEqual(Buffer.from([0xfb, 0xff]));
    expect(keySegment('text', 'a/b')).toBe('a%2Fb');
  });

  it('read arrays of arrays', () => {
    expect(parameterOf('integer', true, '[[1,2],[3.0,null]]')).toEqual([['1', '2'], ['3', null]]);
    expect(parameterOf('jsonb', true, '[[1.0],"x"]')).toEqual(['[1.0]', '"x"']);
  });
});
