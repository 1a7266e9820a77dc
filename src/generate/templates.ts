import { readdir, readFile } from 'node:fs/promises';
import type { ProjectFile } from './project-file.ts';

/** The part of every generated service that does not depend on its tables: real, tested TypeScript. */
const FOLDER = new URL('./template/', import.meta.url);

/** Reads the templates, as files of the project. */
export async function readTemplates(folder: URL = FOLDER): Promise<ProjectFile[]> {
  const names = await readdir(folder, { recursive: true });
  const sources = names
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.endsWith('.test.ts'));
  return Promise.all(
    sources.toSorted().map(async (name) => ({ path: `src/${name}`, content: await readFile(new URL(name, folder), 'utf8') })),
  );
}
