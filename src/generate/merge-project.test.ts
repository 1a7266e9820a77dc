import { describe, expect, it } from 'vitest';
import { MANIFEST, mergeProject } from './merge-project.ts';
import { emptyRegion } from './regions.ts';
import type { ProjectFile } from './project-file.ts';

const file = (path: string, ...lines: string[]): ProjectFile => ({ path, content: `${lines.join('\n')}\n` });
const routes = (version: string): ProjectFile => file('routes.ts', `// ${version}`, ...emptyRegion('routes', '  '), 'end');

/** A folder after `generated` was written over it. */
function write(generated: readonly ProjectFile[], before: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const { writes, removes } = mergeProject(generated, before);
  const after = new Map(before);
  for (const { path, content } of writes) after.set(path, content);
  for (const path of removes) after.delete(path);
  return after;
}

function edit(folder: ReadonlyMap<string, string>, path: string, from: string, to: string): Map<string, string> {
  const edited = new Map(folder);
  expect(folder.get(path)).toContain(from);
  edited.set(path, folder.get(path)!.replace(from, to));
  return edited;
}

const mine = '  // #endregion yours: routes';

describe('mergeProject', () => {
  it('writes everything the first time and nothing the second', () => {
    const generated = [routes('1'), file('a.ts', 'a')];
    const folder = write(generated);
    expect([...folder.keys()]).toEqual(['routes.ts', 'a.ts', MANIFEST]);
    expect(mergeProject(generated, folder)).toMatchObject({ writes: [], created: [], changed: [], kept: [], unchanged: ['routes.ts', 'a.ts'] });
  });

  it('keeps what stands in a region when the rest changes', () => {
    const folder = edit(write([routes('1')]), 'routes.ts', mine, `  app.get('/mine');\n\n${mine}`);
    expect(mergeProject([routes('1')], folder)).toMatchObject({ writes: [], unchanged: ['routes.ts'] });
    const merged = mergeProject([routes('2')], folder);
    expect(merged.changed).toEqual(['routes.ts']);
    expect(merged.writes[0]?.content).toContain("// 2\n");
    expect(merged.writes[0]?.content).toContain("  app.get('/mine');\n\n  // #endregion");
    expect(mergeProject([routes('2')], write([routes('2')], folder))).toMatchObject({ writes: [], kept: [] });
  });

  it('keeps a file that was changed elsewhere, again and again, and says so', () => {
    let folder = edit(write([routes('1')]), 'routes.ts', 'end', 'my end');
    for (const version of ['2', '3', '1']) {
      const merged = mergeProject([routes(version)], folder);
      expect(merged).toMatchObject({ kept: ['routes.ts'], changed: [] });
      folder = write([routes(version)], folder);
      expect(folder.get('routes.ts')).toContain('my end');
    }
  });

  it('keeps what was there before it came', () => {
    const folder = new Map([['README.md', 'mine'], ['src/extensions/x.ts', 'mine']]);
    const after = write([file('README.md', 'generated')], folder);
    expect(after.get('README.md')).toBe('mine');
    expect(after.get('src/extensions/x.ts')).toBe('mine');
    expect(mergeProject([file('README.md', 'newer')], after).kept).toEqual(['README.md']);
  });

  it('removes what is no longer generated, unless it was changed', () => {
    const files = ['gone', 'edited', 'region', 'deleted'].map((name) => file(`${name}.ts`, name, ...emptyRegion('routes', '  ')));
    let folder = write(files);
    folder = edit(folder, 'edited.ts', 'edited', 'changed');
    folder = edit(folder, 'region.ts', mine, `mine\n${mine}`);
    folder.delete('deleted.ts');
    expect(mergeProject([], folder)).toMatchObject({ removed: ['gone.ts'], removes: ['gone.ts'], kept: ['edited.ts', 'region.ts'] });
    expect([...write([], folder).keys()]).toEqual(['edited.ts', 'region.ts', MANIFEST]);
  });

  it('takes a broken manifest for none', () => {
    const folder = write([routes('1')]).set(MANIFEST, '{"broken');
    expect(mergeProject([routes('2')], folder)).toMatchObject({ kept: ['routes.ts'], changed: [] });
  });
});
