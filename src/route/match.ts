import { compileAudience, type FitsAudience } from './decision/audience.ts';
import type { RequestFacts } from './decision/facts.ts';
import { fits, parseTemplate, type PathTemplate } from './path-template.ts';

/** Which requests belong to a service. */
export interface MatchRule {
  /**
   * A path template. `{name}` and `*` stand for one segment; a last `/**` for the path itself and
   * everything below it. Compared segment by segment, case-sensitive, percent-encoding resolved.
   */
  readonly path: string;
  /** Methods, upper case. Default: all. */
  readonly methods?: readonly string[];
  /** `shop.example`, or `*.shop.example` for every name below it. Default: all. */
  readonly hosts?: readonly string[];
  /** Headers that must be there, with this text; `*` in it stands for any text. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Parameters of the URL, likewise. */
  readonly query?: Readonly<Record<string, string>>;
}

export interface CompiledRule {
  readonly template: PathTemplate;
  readonly methods: ReadonlySet<string> | null;
  /** What else the request must be like; null: nothing. */
  readonly more: FitsAudience | null;
}

export function compileRule(rule: MatchRule): CompiledRule {
  const { hosts, headers, query } = rule;
  const named = hosts ?? headers ?? query;
  return {
    template: parseTemplate(rule.path),
    methods: rule.methods && rule.methods.length > 0 ? new Set(rule.methods) : null,
    more: named ? compileAudience({ ...(hosts ? { hosts } : {}), ...(headers ? { headers } : {}), ...(query ? { query } : {}) }) : null,
  };
}

/**
 * The first of `candidates` one of whose rules fits. HEAD is matched as GET is, because it asks for
 * the same resource.
 */
export function findMatch<T extends { readonly rules: readonly CompiledRule[] }>(candidates: readonly T[], facts: RequestFacts): T | undefined {
  const { method } = facts;
  const segments = facts.path();
  for (const candidate of candidates) {
    for (const { template, methods, more } of candidate.rules) {
      if (methods && !methods.has(method) && !(method === 'HEAD' && methods.has('GET'))) continue;
      if (fits(template, segments) && (more === null || more(facts))) return candidate;
    }
  }
  return undefined;
}
