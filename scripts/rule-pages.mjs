// node --import tsx scripts/rule-pages.mjs: writes docs/rules from the catalogue of database rules and its examples.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { ROOT } from './steps.mjs';

const { rulePages } = await tsImport('../test/support/rule-pages.ts', import.meta.url);
const folder = join(ROOT, 'docs', 'rules');
const pages = rulePages();
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) if (!pages.has(file)) rmSync(join(folder, file));
for (const [file, text] of pages) writeFileSync(join(folder, file), text);
