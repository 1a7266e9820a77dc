import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSource } from './support/source-references.ts';
import { violations } from './support/rooms.ts';
import { sourceFiles } from './support/source-files.ts';

const ROOT = join(import.meta.dirname, '..');

describe('the source', () => {
  const files = sourceFiles(ROOT, 'src');

  it('keeps to the rooms and arrows of ARCHITECTURE 3, to its names and to injected time', () => {
    const broken: string[] = [];
    let read = 0;
    let references = 0;
    for (const file of files) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      references += readSource(file, text).references.length;
      broken.push(...violations(file, text));
      read += 1;
    }
    expect(broken).toEqual([]);
    // A reader that silently saw nothing would pass as well: count what was read in another way.
    const found = execFileSync('find', ['src', '-name', '*.ts', '-type', 'f'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
    expect(read).toBe(found.length);
    expect(read).toBeGreaterThan(100);
    const statements = execFileSync('grep', ['-rhcE', '^(import|export) .*from ', 'src'], { cwd: ROOT, encoding: 'utf8' });
    const counted = statements.trim().split('\n').reduce((sum, count) => sum + Number(count), 0);
    expect(references).toBeGreaterThanOrEqual(counted);
  });
});

describe('the architecture rules', () => {
  const forbidden = (file: string, text: string) => expect(violations(file, text), text).toHaveLength(1);
  const allowed = (file: string, text: string) => expect(violations(file, text), text).toEqual([]);

  it.each([
    ["import { a } from '../postgres/connect.ts';"],
    ["import type { A } from '../postgres/connect.ts';"],
    ["import { type A } from '../postgres/connect.ts';"],
    ["import '../postgres/connect.ts';"],
    ["export { a } from '../postgres/connect.ts';"],
    ["export type { A } from '../postgres/connect.ts';"],
    ["export * from '../postgres/connect.ts';"],
    ["export * as p from '../postgres/connect.ts';"],
    ["const a = await import('../postgres/connect.ts');"],
    ['const a = await import(`../postgres/connect.ts`);'],
    ["type A = import('../postgres/connect.ts').A;"],
    ["let a: typeof import('../postgres/connect.ts');"],
    ["import a = require('../postgres/connect.ts');"],
    ["const a = require('../postgres/connect.ts');"],
    ["declare module '../postgres/connect.ts' {}"],
    ["const a = import.meta.resolve('../postgres/connect.ts');"],
    ["const a = new URL('../postgres/connect.ts', import.meta.url);"],
    ['const a = await import(name);'],
    ["import { a } from 'banyan/postgres';"],
    ["import { a } from '../../test/support/postgres.ts';"],
    ["function f() { return { a: () => import('../app/start.ts') }; }"],
  ])('see a forbidden arrow in: %s', (text) => {
    forbidden('src/sync/planted.ts', text);
  });

  it.each([
    ['src/core/a.ts', '../model/names.ts'],
    ['src/core/a.ts', 'pg'],
    ['src/model/a.ts', '../ports/fence.ts'],
    ['src/model/a.ts', 'typebox'],
    ['src/ports/a.ts', '../config/config.ts'],
    ['src/config/a.ts', '../ports/fence.ts'],
    ['src/analyze/a.ts', '../ports/fence.ts'],
    ['src/plan/a.ts', '../analyze/a.ts'],
    ['src/generate/a.ts', '../config/config.ts'],
    ['src/generate/template/a.ts', '../names.ts'],
    ['src/sync/a.ts', '../validate/a.ts'],
    ['src/postgres/a.ts', '../mysql/a.ts'],
    ['src/postgres/sql/a.ts', '../../sync/a.ts'],
    ['src/route/a.test.ts', '../sync/a.ts'],
    ['src/embedded/a.ts', '../postgres/connect.ts'],
    ['src/embedded/a.test.ts', '../postgres/connect.ts'],
    ['src/sync/a.pg.test.ts', '../postgres/slot.ts'],
    ['src/migrate/a.ts', '../app/a.ts'],
    ['src/app/a.ts', '../cli/a.ts'],
    ['src/app/a.ts', '../index.ts'],
    ['src/cli/a.ts', '../sync/a.ts'],
    ['src/cli/a.ts', '../index.ts'],
    ['src/index.ts', './cli/a.ts'],
    ['src/sync/a.ts', '../index.ts'],
    ['src/unheard-of/a.ts', './b.ts'],
  ])('forbid %s to use %s', (file, to) => {
    forbidden(file, `import { a } from '${to}';`);
  });

  it.each([
    ['src/model/a.ts', '../core/errors.ts'],
    ['src/ports/a.ts', '../model/names.ts'],
    ['src/sync/a.ts', '../ports/fence.ts'],
    ['src/sync/a.ts', './b.ts'],
    ['src/postgres/sql/a.ts', '../wal/b.ts'],
    ['src/generate/a.ts', './template/app.ts'],
    ['src/app/demo/a.ts', '../../sync/a.ts'],
    ['src/cli/commands/a.ts', '../../app/a.ts'],
    ['src/index.ts', './app/a.ts'],
    ['src/sync/a.test.ts', '../../test/support/condition.ts'],
    ['src/sync/a.pg.test.ts', '../postgres/connect.ts'],
    ['src/sync/a.ts', 'node:http'],
    ['src/postgres/a.ts', 'pg'],
  ])('allow %s to use %s', (file, to) => {
    allowed(file, `import { a } from '${to}';`);
  });

  it('let only the composition root load a module whose name is computed', () => {
    allowed('src/app/planted.ts', 'const a = await import(name);');
  });

  it.each([
    ['Date.now();'],
    ['const clock = { now: Date.now };'],
    ['new Date();'],
    ['Math.random();'],
    ['performance.now();'],
    ['setTimeout(f, 1);'],
    ['globalThis.setTimeout(f, 1);'],
    ['setInterval(f, 1);'],
    ['process.hrtime.bigint();'],
    ["import { setTimeout } from 'node:timers/promises';"],
  ])('see the machine’s own time or chance in: %s', (text) => {
    forbidden('src/route/planted.ts', text);
    allowed('src/core/planted.ts', text);
    allowed('src/route/planted.test.ts', text);
  });

  it('leave dates from given numbers and timeouts of sockets alone', () => {
    allowed('src/route/planted.ts', 'new Date(now); socket.setTimeout(0); clock.now();');
  });

  it.each([['src/sync/CamelCase.ts'], ['src/sync/snake_case.ts'], ['src/sync/Upper/a.ts']])('want kebab-case: %s', (file) => {
    forbidden(file, 'export {};');
  });

  it('want a reason for a file above 600 lines in its first comment', () => {
    const long = 'export {};\n'.repeat(601);
    forbidden('src/sync/planted.ts', long);
    forbidden('src/sync/planted.ts', `/** About something else. */\n${long}`);
    allowed('src/sync/planted.ts', `/** This long because the table of states is one thing. */\n${long}`);
    allowed('src/sync/planted.ts', 'export {};\n'.repeat(600));
    allowed('src/sync/planted.test.ts', long);
  });

  it('do not pass a file that can not be read', () => {
    expect(() => violations('src/sync/planted.ts', 'import { from ;')).toThrow('planted.ts');
  });
});
