// npm start: installs and builds what is missing, then runs `banyan demo` with the given options.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIfNeeded, installIfNeeded, requireNode, ROOT } from './steps.mjs';

requireNode();
if (!installIfNeeded() || !buildIfNeeded()) process.exit(3);

// In this process rather than below it: signals reach the command line itself, and its exit code is ours.
const main = join(ROOT, 'dist', 'cli', 'main.js');
process.argv = [process.execPath, main, 'demo', ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
