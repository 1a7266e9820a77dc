import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../../src/core/errors.ts';
import { compareGraphql } from '../../../src/plan/check/graphql/compare-graphql.ts';
import { GRAPHQL_RULES } from '../../../src/plan/check/graphql/graphql-rules.ts';

const types = (before: string, after: string): string[] => compareGraphql({ before, after }).findings.map(({ type }) => type).toSorted();
const both = (type: string, mirror: string, before: string, after: string): [string, string, string][] => [[type, before, after], [mirror, after, before]];
const q = (rest: string): string => `type Query { ping: Int } ${rest}`;

/** The only change between both, by its type. */
const EXAMPLES: readonly (readonly [string, string, string])[] = [
  ...both('type_removed', 'type_added', q('scalar A'), q('')),
  ['type_changed_kind', q('scalar A'), q('enum A { x }')],
  ...both('type_removed_from_union', 'type_added_to_union', q('type A { x: Int } type B { x: Int } union U = A | B'), q('type A { x: Int } type B { x: Int } union U = A')),
  ...both('value_removed_from_enum', 'value_added_to_enum', q('enum E { a b }'), q('enum E { a }')),
  ['required_input_field_added', q('input I { a: Int }'), q('input I { a: Int b: Int! }')],
  ['optional_input_field_added', q('input I { a: Int }'), q('input I { a: Int b: Int }')],
  ...both('implemented_interface_removed', 'implemented_interface_added', q('interface N { x: Int } type A implements N { x: Int }'), q('interface N { x: Int } type A { x: Int }')),
  ...both('field_removed', 'field_added', q('type A { x: Int y: Int }'), q('type A { x: Int }')),
  ...both('field_changed_kind', 'field_type_narrowed', q('type A { x: Int! }'), q('type A { x: Int }')),
  ['required_arg_added', q('type A { x: Int }'), q('type A { x(a: Int!): Int }')],
  ...both('optional_arg_added', 'arg_removed', q('type A { x: Int }'), q('type A { x(a: Int): Int }')),
  ...both('arg_changed_kind', 'input_type_widened', q('type A { x(a: Int): Int }'), q('type A { x(a: Int!): Int }')),
  ...both('directive_removed', 'directive_added', q('directive @d on FIELD'), q('')),
  ...both('directive_arg_removed', 'directive_arg_added', q('directive @d(a: Int) on FIELD'), q('directive @d on FIELD')),
  ['required_directive_arg_added', q('directive @d on FIELD'), q('directive @d(a: Int!) on FIELD')],
  ...both('directive_repeatable_removed', 'directive_repeatable_added', q('directive @d repeatable on FIELD'), q('directive @d on FIELD')),
  ...both('directive_location_removed', 'directive_location_added', q('directive @d on FIELD | QUERY'), q('directive @d on FIELD')),
  ['arg_default_value_change', q('type A { x(a: Int = 1): Int }'), q('type A { x(a: Int = 2): Int }')],
  ...both('arg_default_value_change', 'arg_default_value_added', q('type A { x(a: Int = 1): Int }'), q('type A { x(a: Int): Int }')),
  ['input_field_default_changed', q('input I { a: Int = 1 }'), q('input I { a: Int = 2 }')],
  ...both('deprecated', 'undeprecated', q('type A { x: Int }'), q('type A { x: Int @deprecated }')),
  ['deprecated', q('enum E { a b }'), q('enum E { a b @deprecated }')],
  ['deprecation_reason_changed', q('type A { x: Int @deprecated(reason: "a") }'), q('type A { x: Int @deprecated(reason: "b") }')],
  ...both('input_made_one_of', 'input_made_any_of', q('input I { a: Int b: Int }'), q('input I @oneOf { a: Int b: Int }')),
  ['root_type_changed', 'schema { query: A } type A { x: Int } type B { x: Int }', 'schema { query: B } type A { x: Int } type B { x: Int }'],
];

describe('the catalogue of GraphQL rules', () => {
  it('has an example for each rule', () => {
    expect([...new Set(EXAMPLES.map(([type]) => type))].toSorted()).toEqual(GRAPHQL_RULES.map(({ type }) => type).toSorted());
  });

  it.each(EXAMPLES)('%s', (type, before, after) => {
    expect(types(before, after)).toEqual([type]);
    expect(types(before, before.replace('Query', '"other words" Query'.replace('"other words" ', '')))).toEqual([]);
  });
});

it('names place, values and the queries that come there', () => {
  const before = 'type Query { users(limit: Int): [User] ping: Int } type Mutation { add(user: NewUser): Int } type User { email: String boss: User } input NewUser { role: Role } enum Role { A B }';
  const after = before.replace('email: String', 'email: Int').replace('A B', 'A').replace('limit: Int', 'limit: String');
  expect(compareGraphql({ before, after }).findings.map(({ rule, field_path: path, old_value: was, new_value: is, affected_operations: operations }) => [rule, path, was, is, operations])).toEqual([
    ['graphql-arg-changed-kind', 'Query.users.args.limit', 'Int', 'String', ['Query.users']],
    ['graphql-field-changed-kind', 'User.email', 'String', 'Int', ['Query.users']],
    ['graphql-value-removed-from-enum', 'Role.B', 'B', null, ['Mutation.add']],
  ]);
});

it('takes directives of a gateway as they come', () => {
  const federated = 'type Query { user: User } type User @key(fields: "id") { id: ID! @shareable }';
  expect(types(federated, federated)).toEqual([]);
});

it.each([
  ['type Query { x: Int', 'new.graphql:1: found Syntax Error: Expected Name, found <EOF>'],
  ['type Query {\n  x: Nobody\n}', 'new.graphql:2: found Unknown type "Nobody"'],
  ['', 'found Syntax Error'],
  ['\0\0', 'found Syntax Error'],
  [`type Query { x: ${'['.repeat(200_000)}Int${']'.repeat(200_000)} }`, 'found more levels of nesting than can be read'],
])('refuses what is no schema, with its line: %.40j', (text, message) => {
  try {
    compareGraphql({ before: 'type Query { x: Int }', after: text, names: { before: 'old.graphql', after: 'new.graphql' } });
    expect.unreachable();
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_DOCUMENT')) throw error;
    expect(error.message).toContain(message);
  }
});
