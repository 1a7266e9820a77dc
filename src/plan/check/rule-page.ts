import { MESSAGE_RULES } from './api/message-rules.ts';
import { API_RULES } from './api/rules.ts';
import { DATABASE_RULES } from './database/catalogue/catalogue.ts';
import { GRAPHQL_RULES } from './graphql/graphql-rules.ts';

/** What `--type` may be. */
export type CheckType = 'database' | 'api' | 'graphql' | 'schema';

/** A rule of any catalogue, as far as pages and files of rules need it. */
export interface KnownRule {
  readonly id: string;
  readonly type: string;
  readonly impact: string;
  readonly remedy: string;
  readonly of: CheckType;
}

const known = (of: CheckType, rules: readonly Omit<KnownRule, 'of'>[]): (readonly [string, KnownRule])[] => rules.map((rule) => [rule.id, { ...rule, of }]);

/** Every rule of `banyan check` by its name, which is one in all catalogues. */
export const KNOWN_RULES: ReadonlyMap<string, KnownRule> = new Map([...known('database', DATABASE_RULES), ...known('api', API_RULES), ...known('graphql', GRAPHQL_RULES), ...known('schema', MESSAGE_RULES)]);

/** The page of a rule, in the package's folder; of a page that many rules share, the place on it. */
export function rulePage(id: string): string {
  const of = KNOWN_RULES.get(id)?.of;
  return of === 'database' ? `docs/rules/${id}.md` : `${of === 'schema' ? 'docs/check-messages.md' : 'docs/check-api.md'}#${id}`;
}
