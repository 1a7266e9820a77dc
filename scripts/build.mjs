// npm run build: compiles src into dist.
import { chmodSync, cpSync, existsSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD_STAMP, ROOT, run, tool } from './steps.mjs';

const dist = join(ROOT, 'dist');
rmSync(dist, { recursive: true, force: true });
// The stamp carries the time at which the sources were read, so that a change during the build is seen.
const began = new Date();
if (!run(tool('tsc'), ['-p', 'tsconfig.build.json'])) process.exit(1);

// `banyan generate` copies these as they were written; tsc only made JavaScript of them.
const templates = join(ROOT, 'src', 'generate', 'template');
if (existsSync(templates)) {
  cpSync(templates, join(dist, 'generate', 'template'), { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
}

chmodSync(join(dist, 'cli', 'main.js'), 0o755);
writeFileSync(BUILD_STAMP, `${began.toISOString()}\n`);
utimesSync(BUILD_STAMP, began, began);
