import { MESSAGE_RULES } from '../../src/plan/check/api/message-rules.ts';
import { API_RULES } from '../../src/plan/check/api/rules.ts';
import { GRAPHQL_RULES } from '../../src/plan/check/graphql/graphql-rules.ts';

const BEGIN = '## Rules of APIs\n';
const BEGIN_MESSAGES = '## Rules\n';

/** docs/check-api.md with the tables of the two catalogues in place of those that it has. */
export function checkRulesPage(page: string, api = API_RULES, graphql = GRAPHQL_RULES): string {
  return `${page.slice(0, page.indexOf(BEGIN))}${BEGIN}${table(api)}\n\n## Rules of GraphQL\n${table(graphql)}\n`;
}

/** docs/check-messages.md with the table of its catalogue in place of the one that it has. */
export function messageRulesPage(page: string, rules = MESSAGE_RULES): string {
  return `${page.slice(0, page.indexOf(BEGIN_MESSAGES))}${BEGIN_MESSAGES}${table(rules)}\n`;
}

function table(rules: typeof API_RULES): string {
  return ['| rule | type | severity | what breaks | how |', '| --- | --- | --- | --- | --- |', ...rules.map(({ id, type, severity, impact, remedy }) => `| <a id="${id}"></a>\`${id}\` | \`${type}\` | ${severity.replace('_', ' ')} | ${impact} | ${remedy} |`)].join('\n');
}
