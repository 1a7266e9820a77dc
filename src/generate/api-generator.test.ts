import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Schema } from '../model/schema.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { ApiGenerator, type GeneratedApi } from './api-generator.ts';
import { generateProject } from './generate-project.ts';
import { directory } from './project-folder.ts';
import { accounts, accountTables, manyTables } from './schema.fixture.ts';
import { readTemplates } from './templates.ts';
import { DEPENDENCIES, DEV_DEPENDENCIES, OVERRIDES } from './versions.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'generate-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function generate(schema: Schema = accounts, tables = accountTables): Promise<GeneratedApi> {
  let now = 0;
  const clock = { now: () => 0, monotonic: () => (now += 250), sleep: async () => {} };
  const introspector = { readSchema: async () => schema };
  return new ApiGenerator({ introspector, clock }).generate({ service: 'Accounts', tables });
}

const contentOf = (api: GeneratedApi, name: string): string => api.files.find((file) => file.path === name)!.content;

describe('ApiGenerator', () => {
  it('generates a project', async () => {
    const api = await generate();
    expect(api).toMatchObject({ service: 'Accounts', tables: 2, endpoints: 13, seconds: 0.25 });
    const paths = api.files.map((file) => file.path);
    expect(paths).toEqual(paths.toSorted());
    for (const expected of [
      'package.json',
      'openapi.json',
      'Dockerfile',
      '.env.example',
      'src/app.ts',
      'src/server.ts',
      'src/resources/users/routes.ts',
      'src/resources/users/schema.ts',
      'src/resources/users/queries.ts',
      'src/extensions/README.md',
      'test/service.spec.ts',
    ]) {
      expect(paths).toContain(expected);
    }
    expect(contentOf(api, 'README.md')).toContain('`public.users.country_code` held a reference to `public.countries`');
    expect(contentOf(api, 'src/resources/users/schema.ts')).toContain('/** Shown to others. */');
    expect(JSON.parse(contentOf(api, 'package.json'))).toMatchObject({ name: 'accounts-service', private: true });
  });

  it('depends on nothing of ours, with the versions we are tested with', async () => {
    const ours: Record<string, string> = { ...packageJson.dependencies, ...packageJson.devDependencies };
    for (const [name, version] of Object.entries({ ...DEPENDENCIES, ...DEV_DEPENDENCIES })) expect(ours[name], name).toBe(version);
    expect(packageJson.overrides).toEqual(OVERRIDES);
    for (const { path: name, content } of (await generate()).files) expect(content, name).not.toMatch(/banyan/i);
  });

  it('gives the same bytes for the same schema, in whatever order it comes', async () => {
    const reversed = { ...accounts, tables: accounts.tables.toReversed() };
    expect((await generate(reversed, accountTables.toReversed())).files).toEqual((await generate()).files);
  });

  it('writes into a folder, keeps what people changed there, and follows the schema', async () => {
    const target = directory(path.join(folder, 'service'));
    const first = await (await generate()).writeTo(target);
    expect(first.created).toEqual(first.files);
    const extension = path.join(folder, 'service/src/extensions/mine.ts');
    await writeFile(extension, 'export default () => {};\n');
    const second = await (await generate()).writeTo(target);
    expect(second).toMatchObject({ created: [], changed: [], kept: [], removed: [], unchanged: first.files });

    const routes = path.join(folder, 'service/src/resources/users/routes.ts');
    await writeFile(routes, (await readFile(routes, 'utf8')).replace('    // #endregion yours: routes', '    mine();\n    // #endregion yours: routes'));
    const fewer = await (await generate(accounts, accountTables.slice(0, 1))).writeTo(target);
    expect(fewer.removed).toEqual(['queries.ts', 'routes.ts', 'schema.ts'].map((name) => `src/resources/sessions/${name}`));
    expect(fewer.changed).toContain('src/resources/users/routes.ts');
    expect(await readFile(routes, 'utf8')).toMatch(/ {4}mine\(\);\n/);
    expect(await readFile(routes, 'utf8')).not.toContain('sessions');
    expect(await readFile(extension, 'utf8')).toContain('export default');
    expect(await target.read('src/resources/sessions/routes.ts')).toBeUndefined();
  });

  it('fails where a folder cannot be read', async () => {
    await writeFile(path.join(folder, 'file'), '');
    await expect((await generate()).writeTo(directory(path.join(folder, 'file')))).rejects.toThrow();
  });

  it('generates fifty tables of one service, and the services may have odd names', async () => {
    const templates = await readTemplates();
    const project = generateProject(manyTables(50), { service: '!', basePath: '/api', templates });
    expect(project).toMatchObject({ tables: 50, endpoints: 50 * 6 + 49 });
    expect(project.files.find((file) => file.path === 'package.json')?.content).toContain('"service-service"');
    const document = JSON.parse(project.files.find((file) => file.path === 'openapi.json')!.content) as { paths: object };
    expect(Object.keys(document.paths)).toContain('/api/thing-0s/{id}');
  });
});
