// node scripts/errors-page.mjs: writes docs/errors.md from src/core/error-codes.ts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { ROOT } from './steps.mjs';

const { errorsPage } = await tsImport('../test/support/errors-page.ts', import.meta.url);
writeFileSync(join(ROOT, 'docs', 'errors.md'), errorsPage());
