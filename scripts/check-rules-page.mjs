// node --import tsx scripts/check-rules-page.mjs: writes the tables of docs/check-api.md from the catalogues of rules.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { ROOT } from './steps.mjs';

const { checkRulesPage } = await tsImport('../test/support/check-rules-page.ts', import.meta.url);
const page = join(ROOT, 'docs', 'check-api.md');
writeFileSync(page, checkRulesPage(readFileSync(page, 'utf8')));
