// node --import tsx scripts/check-rules-page.mjs: writes the tables of docs/check-api.md and docs/check-messages.md from the catalogues of rules.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { ROOT } from './steps.mjs';

const { checkRulesPage, messageRulesPage } = await tsImport('../test/support/check-rules-page.ts', import.meta.url);
for (const [name, written] of [['check-api.md', checkRulesPage], ['check-messages.md', messageRulesPage]]) {
  const page = join(ROOT, 'docs', name);
  writeFileSync(page, written(readFileSync(page, 'utf8')));
}
