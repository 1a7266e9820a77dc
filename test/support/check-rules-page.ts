import { API_RULES } from '../../src/plan/check/api/rules.ts';
import { GRAPHQL_RULES } from '../../src/plan/check/graphql/graphql-rules.ts';

const BEGIN = '## Rules of APIs\n';

/** docs/check-api.md with the tables of the two catalogues in place of those that it has. */
export function checkRulesPage(page: string, api = API_RULES, graphql = GRAPHQL_RULES): string {
  const table = (rules: typeof API_RULES): string => ['| rule | type | severity | what breaks | how |', '| --- | --- | --- | --- | --- |', ...rules.map(({ id, type, severity, impact, remedy }) => `| \`${id}\` | \`${type}\` | ${severity.replace('_', ' ')} | ${impact} | ${remedy} |`)].join('\n');
  return `${page.slice(0, page.indexOf(BEGIN))}${BEGIN}${table(api)}\n\n## Rules of GraphQL\n${table(graphql)}\n`;
}
