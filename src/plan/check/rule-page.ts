import { API_RULES } from './api/rules.ts';
import { DATABASE_RULES } from './database/catalogue/catalogue.ts';
import { GRAPHQL_RULES } from './graphql/graphql-rules.ts';

/** What `--type` may be. */
export type CheckType = 'database' | 'api' | 'graphql';

/** A rule of any catalogue, as far as pages and files of rules need it. */
export interface KnownRule {
  readonly id: string;
  readonly type: string;
  readonly impact: string;
  readonly remedy: string;
  readonly of: CheckType;
}

const known = (of: CheckType, rules: readonly Omit<KnownRule, 'of'>[]): (readonly [string, KnownRule])[] => rules.map((rule) => [rule.id, { ...rule, of }]);

/** Every rule of `banyan check` by its name, which is one in all three catalogues. */
export const KNOWN_RULES: ReadonlyMap<string, KnownRule> = new Map([...known('database', DATABASE_RULES), ...known('api', API_RULES), ...known('graphql', GRAPHQL_RULES)]);

/** Where the pages stand that the package brings along in its folder docs. */
const PAGES = 'https://unpkg.com/banyan/';

/** The page of a rule, in the package. */
export function rulePage(id: string): string {
  return KNOWN_RULES.get(id)?.of === 'database' ? `docs/rules/${id}.md` : 'docs/check-api.md';
}

export function rulePageUrl(id: string): string {
  return `${PAGES}${rulePage(id)}`;
}
