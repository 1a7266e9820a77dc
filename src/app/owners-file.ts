import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { OwnersFile } from '../analyze/owners.ts';
import { readText } from './text-file.ts';

/** More files than this are not looked at: owners are told by folders and models, not by each file. */
const MOST_FILES = 100_000;
const SKIPPED = new Set(['node_modules', '.git', 'vendor', 'dist', 'build', 'target']);

/** The file of owners and, of CODEOWNERS, the names of the files in its repository. */
export async function readOwners(file: string): Promise<OwnersFile> {
  const text = await readText(file);
  if (basename(file) !== 'CODEOWNERS') return { text };
  const folder = dirname(file);
  const root = ['.github', '.gitlab', 'docs'].includes(basename(folder)) ? dirname(folder) : folder;
  return { text, paths: await filesUnder(root) };
}

async function filesUnder(root: string): Promise<string[]> {
  const found: string[] = [];
  const folders = [''];
  for (let next = folders.shift(); next !== undefined && found.length < MOST_FILES; next = folders.shift()) {
    const entries = await readdir(join(root, next), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = next === '' ? entry.name : `${next}/${entry.name}`;
      if (entry.isFile()) found.push(path);
      else if (entry.isDirectory() && !SKIPPED.has(entry.name)) folders.push(path);
    }
  }
  return found;
}
