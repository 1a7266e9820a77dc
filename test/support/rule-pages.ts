import { DATABASE_RULES } from '../../src/plan/check/database/catalogue/catalogue.ts';
import type { DatabaseRule } from '../../src/plan/check/database/catalogue/rule.ts';
import { DATABASE_EXAMPLES, type DatabaseExample } from '../plan/check/database-examples.ts';

const WORDS = { breaking: 'breaking', potentially_breaking: 'potentially breaking', non_breaking: 'not breaking', additive: 'additive' } as const;

/** The pages of docs/rules by their names, one for each rule of databases, and the list of them. */
export function rulePages(rules: readonly DatabaseRule[] = DATABASE_RULES, examples: readonly DatabaseExample[] = DATABASE_EXAMPLES): ReadonlyMap<string, string> {
  const byRule = new Map(examples.map((example) => [example.rule, example]));
  return new Map([['README.md', indexPage(rules)], ...rules.map((rule): [string, string] => [`${rule.id}.md`, page(rule, byRule.get(rule.id))])]);
}

function indexPage(rules: readonly DatabaseRule[]): string {
  const rows = rules.map(({ id, severity, hurts, impact }) => `| [${id}](${id}.md) | ${WORDS[severity]} | ${hurts.join(', ') || 'nobody'} | ${impact} |`);
  return `# Rules of databases\nWhat [\`banyan check --type database\`](../check.md) finds. Rules of APIs and of GraphQL are in [Checking APIs](../check-api.md).\n\n| rule | severity | hurts | what breaks |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function page({ id, type, severity, hurts, impact, remedy }: DatabaseRule, example: DatabaseExample | undefined): string {
  const sql = (text: string): string => `\`\`\`sql\n${text.trim().replaceAll(/; (?=[A-Z])/g, ';\n')}\n\`\`\``;
  const renames = Object.entries(example?.renames ?? {}).map(([old, fresh]) => `, with \`--rename ${old}=${fresh}\``).join('');
  return [
    `# ${id}`, `Severity: ${WORDS[severity]}. Type in reports: \`${type}\`. Hurts: ${hurts.join(', ') || 'nobody'}.`,
    '## What breaks', impact, '## How to do it without downtime', remedy,
    ...(example === undefined ? [] : ['## Found', 'Before:', sql(example.old), `After${renames}:`, sql(example.failing), '## Not found', ...(example.passingOld === undefined ? [] : ['Before:', sql(example.passingOld)]), 'After:', sql(example.passing)]),
    '[All rules](README.md)',
  ].join('\n\n').replaceAll(/(^#.*)\n\n/gm, '$1\n').concat('\n');
}
