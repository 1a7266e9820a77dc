import { readdirSync } from 'node:fs';

/** Every TypeScript file below `folder` of the repository at `root`, as `src/…/x.ts`, sorted. */
export function sourceFiles(root: string, folder: string): string[] {
  return readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort();
}
