import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SharedCase } from './shared-cases.ts';

const FOLDER = join(import.meta.dirname, '../../../examples/shop');

/** The sample shop; its schema file's headings are the truth. */
export function shopCase(): SharedCase {
  const schema = readFileSync(join(FOLDER, 'schema.sql'), 'utf8');
  const services: Record<string, string[]> = {};
  let heading = '';
  for (const line of schema.split('\n')) {
    heading = /^-- (\w.*?) -{10}/.exec(line)?.[1] ?? heading;
    const table = /^create table (\w+) \(/.exec(line)?.[1];
    if (table !== undefined) (services[heading] ??= []).push(table);
  }
  return { schema, workload: readFileSync(join(FOLDER, 'workload.sql'), 'utf8'), truth: { services } };
}
