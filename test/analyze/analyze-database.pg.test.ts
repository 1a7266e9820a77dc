import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { BoundaryDocument } from '../../src/analyze/document.ts';
import { createApplication } from '../../src/app/create-application.ts';
import type { AnalyzeOptions } from '../../src/app/analyze-types.ts';
import { testApplication } from '../support/application.ts';
import { describePostgres } from '../support/postgres.ts';

describePostgres('banyan analyze, with a database in reach', () => {
  it('says how long each copy takes, asks what the configuration asks, and compares with who owns what', async () => {
    const { monolith, folder, context } = await testApplication();
    const analyze = async (options: AnalyzeOptions): Promise<BoundaryDocument['details'] & { readonly names: readonly string[] }> => {
      const document: BoundaryDocument = JSON.parse(JSON.stringify(await createApplication(context).analyze(options)));
      return { ...document.details, names: document.order };
    };
    const first = await analyze({});
    for (const service of Object.values(first.services)) {
      expect(service.extraction).toMatchObject({ basis: expect.stringMatching(/measured|stated/), arithmetic: expect.stringMatching(/^the sum of \d+ tables, \d+ of them by rows read just now/) });
      expect(service.extraction!.low).toBeLessThanOrEqual(service.extraction!.high);
    }
    await appendFile(context.configFile, '\nanalyze:\n  minTables: 1\n  apart: [[users, orders, sessions]]\n');
    const apart = await analyze({});
    expect(apart.names.length).toBeGreaterThanOrEqual(3);
    const owners = join(folder, 'OWNERS');
    await writeFile(owners, 'users: a\nsessions: a\norders: b\norder_lines: b\n');
    const against = await analyze({ againstFile: owners, db: monolith.url });
    // A database named on the command line is not the monolith that the file speaks of.
    expect(against.names.length).toBeLessThan(3);
    expect(against.against).toMatchObject({ file: owners, tables: 4 });
    await expect(analyze({ keep: [['users', 'sessions']] })).rejects.toMatchObject({ code: 'BANYAN_ANALYZE_PINS' });
    await expect(analyze({ keep: [['usrs', 'orders']] })).rejects.toMatchObject({ code: 'BANYAN_TABLE_UNKNOWN', message: expect.stringContaining('Did you mean public.users?') });
  });
});
