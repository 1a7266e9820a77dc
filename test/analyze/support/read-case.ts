import type { AnalyzerInput } from '../../../src/analyze/input.ts';
import { parseSchema } from '../../../src/postgres/sql/parse-schema.ts';
import { parseWorkload } from '../../../src/postgres/sql/parse-workload.ts';

/** What the analyzer gets from a schema file and a workload file. */
export async function readCase(files: { readonly schema: string; readonly workload?: string }): Promise<AnalyzerInput> {
  const { schema, routines } = await parseSchema(files.schema);
  const workload = files.workload === undefined ? undefined : (await parseWorkload(files.workload)).workload;
  return { schema, routines, ...(workload ? { workload } : {}) };
}
