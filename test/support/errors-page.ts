import { ERROR_CODES } from '../../src/core/error-codes.ts';

const INTRODUCTION = `# Errors

Every error of Banyan has a code which never changes its name or meaning. This page lists them all, what
each means and what to do. It is written from \`src/core/error-codes.ts\` by \`node scripts/errors-page.mjs\`;
a test keeps the two the same.

On the command line an error is printed with its code, what happened in this case, and the remedy; with
\`--json\` as one document. In the library it is a \`BanyanError\` with \`code\`, \`message\`, \`remedy\`, \`details\` and
\`cause\`; ask \`isBanyanError(error, 'BANYAN_…')\` rather than \`instanceof\`.
`;

/** The content of docs/errors.md: one section for each code, in alphabetical order, to be linked to. */
export function errorsPage(codes: Readonly<Record<string, { meaning: string; remedy: string }>> = ERROR_CODES): string {
  const sections = Object.entries(codes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { meaning, remedy }]) => `## ${code}\n\n${meaning}\n\n**What to do:** ${remedy}\n`);
  return [INTRODUCTION, ...sections].join('\n');
}
