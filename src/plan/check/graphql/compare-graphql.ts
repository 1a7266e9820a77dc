import { findBreakingChanges, findDangerousChanges, isSpecifiedDirective, type GraphQLSchema } from 'graphql';
import { invariant } from '../../../core/errors.ts';
import type { Comparison, Finding } from '../finding.ts';
import { ownChanges, type GraphqlChange } from './own-changes.ts';
import { GRAPHQL_RULES } from './graphql-rules.ts';
import { readGraphql } from './read-schema.ts';
import { rootFieldsByType } from './reach.ts';

export interface CompareGraphqlOptions {
  /** In GraphQL's schema definition language. */
  readonly before: string;
  readonly after: string;
  /** What they are called in messages. */
  readonly names?: { readonly before: string; readonly after: string };
}

const RULES = new Map(GRAPHQL_RULES.map((rule) => [rule.type, rule]));

/** So many operations are named; more would only be counted by anybody. */
const MOST_OPERATIONS = 200;

/**
 * What changed between two GraphQL schemas, and which queries it hurts: what graphql-js calls breaking and dangerous, and
 * what it leaves out (what was added, deprecated, or made wider for clients). Each finding stands at its type or field.
 * @throws BANYAN_DOCUMENT with the line if one of both is no schema.
 */
export function compareGraphql({ before, after, names = { before: 'before', after: 'after' } }: CompareGraphqlOptions): Comparison {
  const [old, fresh] = [readGraphql(names.before, before), readGraphql(names.after, after)];
  const told = library(old, fresh);
  const changes = [...told, ...ownChanges(old, fresh, new Set(told.filter(({ type }) => type.endsWith('_changed_kind')).map(({ path }) => path)))];
  if (changes.length === 0) return { findings: [], scripts: [] };
  const [reached, reachedNow] = [rootFieldsByType(old), rootFieldsByType(fresh)];
  return {
    scripts: [],
    findings: changes.map(({ type, path, description, old: was, fresh: is }): Finding => {
      const rule = RULES.get(type);
      invariant(rule !== undefined, `The rule ${type} is missing in the catalogue.`);
      const [owner = '', field = ''] = path.split('.');
      const direct = `${owner}.${field}`;
      const operations = reached.roots.has(direct) ? [direct] : [...(reached.byType.get(owner) ?? reachedNow.byType.get(owner) ?? [])];
      return {
        type, rule: rule.id, severity: rule.severity, description, field_path: path, old_value: was ?? null, new_value: is ?? null,
        impact: rule.impact, suggested_migration: rule.remedy, affected_operations: operations.slice(0, MOST_OPERATIONS),
      };
    }),
  };
}

/** Where in graphql-js's sentences the place stands, with the values, by the names of its changes. */
const SENTENCES: Readonly<Record<string, { readonly form: RegExp; readonly place: (...parts: string[]) => string; readonly was?: number; readonly is?: number }>> = {
  TYPE_REMOVED: { form: /^(\w+) was removed/, place: (type) => type ?? '', was: 1 },
  TYPE_CHANGED_KIND: { form: /^(\w+) changed from (.+) to (.+)\.$/, place: (type) => type ?? '', was: 2, is: 3 },
  TYPE_REMOVED_FROM_UNION: { form: /^(\w+) was removed from union type (\w+)/, place: (member, union) => `${union}.${member}`, was: 1 },
  TYPE_ADDED_TO_UNION: { form: /^(\w+) was added to union type (\w+)/, place: (member, union) => `${union}.${member}`, is: 1 },
  VALUE_REMOVED_FROM_ENUM: { form: /^(\w+) was removed from enum type (\w+)/, place: (value, type) => `${type}.${value}`, was: 1 },
  VALUE_ADDED_TO_ENUM: { form: /^(\w+) was added to enum type (\w+)/, place: (value, type) => `${type}.${value}`, is: 1 },
  REQUIRED_INPUT_FIELD_ADDED: { form: /field (\w+) on input type (\w+) was added/, place: (field, type) => `${type}.${field}`, is: 1 },
  OPTIONAL_INPUT_FIELD_ADDED: { form: /field (\w+) on input type (\w+) was added/, place: (field, type) => `${type}.${field}`, is: 1 },
  IMPLEMENTED_INTERFACE_REMOVED: { form: /^(\w+) no longer implements interface (\w+)/, place: (type) => type ?? '', was: 2 },
  IMPLEMENTED_INTERFACE_ADDED: { form: /^(\w+) added to interfaces implemented by (\w+)/, place: (_interface, type) => type ?? '', is: 1 },
  FIELD_REMOVED: { form: /^(\w+\.\w+) was removed/, place: (field) => field ?? '', was: 1 },
  FIELD_CHANGED_KIND: { form: /^(\w+\.\w+) changed type from (.+) to (.+)\.$/, place: (field) => field ?? '', was: 2, is: 3 },
  REQUIRED_ARG_ADDED: { form: /arg (\w+) on (\w+\.\w+) was added/, place: (arg, field) => `${field}.args.${arg}`, is: 1 },
  OPTIONAL_ARG_ADDED: { form: /arg (\w+) on (\w+\.\w+) was added/, place: (arg, field) => `${field}.args.${arg}`, is: 1 },
  ARG_REMOVED: { form: /^(\w+\.\w+) arg (\w+) was removed/, place: (field, arg) => `${field}.args.${arg}`, was: 2 },
  ARG_CHANGED_KIND: { form: /^(\w+\.\w+) arg (\w+) has changed type from (.+) to (.+)\.$/, place: (field, arg) => `${field}.args.${arg}`, was: 3, is: 4 },
  ARG_DEFAULT_VALUE_CHANGE: { form: /^(\w+\.\w+) arg (\w+) (?:defaultValue was removed|has changed defaultValue from ([^]+) to ([^]+))\.$/, place: (field, arg) => `${field}.args.${arg}`, was: 3, is: 4 },
  DIRECTIVE_REMOVED: { form: /^(\w+) was removed/, place: (name) => `@${name}`, was: 1 },
  DIRECTIVE_ARG_REMOVED: { form: /^(\w+) was removed from (\w+)/, place: (arg, name) => `@${name}.args.${arg}`, was: 1 },
  REQUIRED_DIRECTIVE_ARG_ADDED: { form: /arg (\w+) on directive (\w+) was added/, place: (arg, name) => `@${name}.args.${arg}`, is: 1 },
  DIRECTIVE_REPEATABLE_REMOVED: { form: /removed from (\w+)\.$/, place: (name) => `@${name}` },
  DIRECTIVE_LOCATION_REMOVED: { form: /^(\w+) was removed from (\w+)/, place: (location, name) => `@${name}.${location}`, was: 1 },
};

function library(old: GraphQLSchema, fresh: GraphQLSchema): GraphqlChange[] {
  return [...findBreakingChanges(old, fresh), ...findDangerousChanges(old, fresh)]
    // A standard scalar that nothing uses any more: clients can still name it.
    .filter(({ description }) => !description.startsWith('Standard scalar'))
    .map(({ type, description }) => {
      const sentence = SENTENCES[type];
      const parts = sentence?.form.exec(description);
      invariant(sentence !== undefined && parts, `graphql-js has a change that is not known here: ${type}: ${description}`);
      const [, ...words] = parts;
      const value = (index: number | undefined): { value?: string } => (index === undefined || parts[index] === undefined ? {} : { value: parts[index] });
      return { type: type.toLowerCase(), path: sentence.place(...words), description, old: value(sentence.was).value, fresh: value(sentence.is).value };
    })
    .filter(({ path }) => !isSpecified(path, old));
}

function isSpecified(path: string, schema: GraphQLSchema): boolean {
  const directive = path.startsWith('@') ? schema.getDirective(path.slice(1)) : undefined;
  return directive ? isSpecifiedDirective(directive) : false;
}
