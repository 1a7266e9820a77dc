import { createHash } from 'node:crypto';
import type { ProjectFile } from './project-file.ts';
import { regionsOf, withRegions } from './regions.ts';

/** Where a project remembers what was generated, so that people's changes are recognised. */
export const MANIFEST = '.generated.json';

/** What to write and what became of each file. All paths are relative to the project's folder. */
export interface MergedProject {
  readonly writes: readonly ProjectFile[];
  readonly removes: readonly string[];
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly unchanged: readonly string[];
  /** Left alone because people changed them outside the regions that are theirs, though a newer form was generated. */
  readonly kept: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Lays a newly generated project over what is in its folder. People's files and regions stay; a
 * file that they changed elsewhere stays as a whole; a generated file that is no longer needed goes,
 * unless they changed it.
 */
export function mergeProject(generated: readonly ProjectFile[], existing: ReadonlyMap<string, string>): MergedProject {
  const before = readManifest(existing.get(MANIFEST));
  const writes: ProjectFile[] = [];
  const created: string[] = [];
  const changed: string[] = [];
  const unchanged: string[] = [];
  const kept: string[] = [];
  const manifest = new Map<string, string>();

  for (const { path, content } of generated) {
    const current = existing.get(path);
    const digest = digestOf(content);
    manifest.set(path, digest);
    if (current === undefined) {
      created.push(path);
      writes.push({ path, content });
      continue;
    }
    const merged = withRegions(content, regionsOf(current));
    if (merged === current) {
      unchanged.push(path);
    } else if (before.get(path) === digestOf(current)) {
      changed.push(path);
      writes.push({ path, content: merged });
    } else {
      // Not ours as it stands. Remember what it came from, so that it stays recognised as changed.
      kept.push(path);
      const original = before.get(path);
      if (original === undefined) manifest.delete(path);
      else manifest.set(path, original);
    }
  }

  const wanted = new Set(generated.map((file) => file.path));
  const stale = [...before].filter(([path]) => !wanted.has(path) && existing.has(path));
  const isUntouched = ([path, digest]: readonly [string, string]): boolean => {
    const current = existing.get(path) ?? '';
    return digestOf(current) === digest && [...regionsOf(current).values()].every((text) => text.trim() === '');
  };
  const removes = stale.filter(isUntouched).map(([path]) => path);
  kept.push(...stale.filter((entry) => !isUntouched(entry)).map(([path]) => path));

  const text = `${JSON.stringify(Object.fromEntries([...manifest].sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`;
  if (existing.get(MANIFEST) !== text) writes.push({ path: MANIFEST, content: text });
  return { writes, removes, created, changed, unchanged, kept: kept.sort(), removed: removes };
}

/** What counts as changed by people: everything but their regions. */
function digestOf(content: string): string {
  return createHash('sha256').update(withRegions(content, new Map())).digest('hex').slice(0, 32);
}

/** A manifest that can't be read counts as absent: then every file that differs is kept. */
function readManifest(text: string | undefined): Map<string, string> {
  const found = new Map<string, string>();
  for (const match of (text ?? '').matchAll(/^ {2}("(?:[^"\\]|\\.)+"): "([0-9a-f]{32})",?$/gm)) {
    found.set(String(JSON.parse(match[1] ?? '""')), match[2] ?? '');
  }
  return found;
}
