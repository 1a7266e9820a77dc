import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

interface PackageFile {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
}

/** The first column of every table row, with what stands in the others. */
function namedIn(page: string): { name: string; reasons: string[] }[] {
  return [...page.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map((row) => ({
    name: row[1]!,
    reasons: row[2]!.split(' | ').map((cell) => cell.trim()),
  }));
}

describe('docs/dependencies.md', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as PackageFile;
  const versions = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  const rows = namedIn(readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8'));

  it('names every dependency of package.json once, and no other', () => {
    expect(rows.map((row) => row.name).sort()).toEqual(Object.keys(versions).sort());
  });

  it('says of each what it is for and why it', () => {
    const poor = rows.filter((row) => row.reasons.length !== 2 || row.reasons.some((reason) => reason.length < 4));
    expect(poor).toEqual([]);
  });

  it('is about exact versions', () => {
    const loose = Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    expect(loose).toEqual([]);
  });

  it('would show a row that is missing', () => {
    expect(namedIn('| `pg` | sessions | because it is |\n| `yaml` | files | because it is |').map((row) => row.name)).toEqual(['pg', 'yaml']);
  });
});
