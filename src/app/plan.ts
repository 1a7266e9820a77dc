import { MigrationPlanner } from '../plan/migration-planner.ts';
import { planDependencies, planGantt, planMarkdown, planText } from '../plan/render-plan.ts';
import { readSpecification, type Specification } from '../plan/specification.ts';
import type { ApplicationContext } from './application.ts';
import { writeDocument } from './document-output.ts';
import type { PlanOptions, PlanResult, SpecificationCheck } from './plan-types.ts';
import { surveyFor } from './plan-survey.ts';
import { readDocumentText } from './text-file.ts';

/** `banyan plan`: a plan from a specification's file, and of what a look at the database finds, where one is in reach. */
export async function plan(context: ApplicationContext, options: PlanOptions): Promise<PlanResult> {
  const { input, output, format } = options;
  const { specification, unknown } = await specificationOf(input);
  for (const { path, near } of unknown) if (near !== undefined) context.progress.note(`${input}: ${path} is not read. Did you mean "${near}"?`);
  const survey = await surveyFor(context, specification, options);
  const made = new MigrationPlanner({ clock: context.clock }).plan(specification, survey ? { survey } : {});
  const written = await writeDocument({
    format, ...(output === undefined ? {} : { output }),
    render: {
      json: () => `${JSON.stringify(made, null, 2)}\n`, text: () => planText(made), markdown: () => planMarkdown(made),
      mermaid: () => `${planGantt(made)}\n${planDependencies(made)}`,
    },
  });
  return { ...written, plan: made };
}

/** `banyan plan --validate`. */
export async function checkSpecification({ input }: { readonly input: string }): Promise<SpecificationCheck> {
  const { unknown } = await specificationOf(input);
  return { valid: true, file: input, unknown: unknown.map(({ path }) => path) };
}

async function specificationOf(file: string): Promise<{ readonly specification: Specification; readonly unknown: readonly { readonly path: string; readonly near?: string }[] }> {
  const { value, unknown } = readSpecification({ file, text: await readDocumentText(file) });
  return { specification: value, unknown };
}
