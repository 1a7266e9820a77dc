import {
  isEnumType, isInputObjectType, isInterfaceType, isIntrospectionType, isObjectType, isRequiredArgument, isSpecifiedDirective, isSpecifiedScalarType, print, astFromValue,
  type GraphQLArgument, type GraphQLDirective, type GraphQLField, type GraphQLInputField, type GraphQLNamedType, type GraphQLSchema,
} from 'graphql';

/** A change of a GraphQL schema, before its rule is looked up by `type`. */
export interface GraphqlChange {
  readonly type: string;
  /** `User.email`, `Query.users.args.limit`, `@auth`. */
  readonly path: string;
  readonly description: string;
  readonly old?: unknown;
  readonly fresh?: unknown;
}

/**
 * What graphql-js does not tell: what was added, deprecated, or made wider for clients.
 * @param unsafe the fields and arguments whose change of type graphql-js has told.
 */
export function ownChanges(old: GraphQLSchema, fresh: GraphQLSchema, unsafe: ReadonlySet<string>): GraphqlChange[] {
  const [types, typesNow] = [typesOf(old), typesOf(fresh)];
  return [
    ...rootChanges(old, fresh),
    ...[...typesNow.values()].filter(({ name }) => !types.has(name)).map(({ name }) => ({ type: 'type_added', path: name, description: `${name} was added.`, fresh: name })),
    ...[...types.values()].flatMap((was) => {
      const is = typesNow.get(was.name);
      return is ? typeChanges(was, is, unsafe) : [];
    }),
    ...directiveChanges(old, fresh),
  ];
}

function typesOf(schema: GraphQLSchema): Map<string, GraphQLNamedType> {
  return new Map(Object.entries(schema.getTypeMap()).filter(([, type]) => !isIntrospectionType(type) && !isSpecifiedScalarType(type)));
}

function rootChanges(old: GraphQLSchema, fresh: GraphQLSchema): GraphqlChange[] {
  const roots = [['query', old.getQueryType(), fresh.getQueryType()], ['mutation', old.getMutationType(), fresh.getMutationType()], ['subscription', old.getSubscriptionType(), fresh.getSubscriptionType()]] as const;
  return roots.flatMap(([kind, was, is]) => {
    // What is not there yet hurts nobody, and tells itself as a type that was added.
    if (!was || was.name === is?.name) return [];
    return [{ type: 'root_type_changed', path: `schema.${kind}`, description: `The root type of ${kind} changed from ${was.name} to ${is?.name ?? 'none'}.`, old: was.name, fresh: is?.name }];
  });
}

function typeChanges(was: GraphQLNamedType, is: GraphQLNamedType, unsafe: ReadonlySet<string>): GraphqlChange[] {
  if ((isObjectType(was) && isObjectType(is)) || (isInterfaceType(was) && isInterfaceType(is))) return fieldChanges({ type: was.name, before: was.getFields(), after: is.getFields(), unsafe });
  if (isInputObjectType(was) && isInputObjectType(is)) {
    const turned = was.isOneOf === is.isOneOf ? [] : [{ type: is.isOneOf ? 'input_made_one_of' : 'input_made_any_of', path: was.name, description: `${was.name} takes ${is.isOneOf ? 'exactly one of its fields' : 'any of its fields'} now.`, old: was.isOneOf, fresh: is.isOneOf }];
    return [...turned, ...both(was.getFields(), is.getFields()).flatMap(([before, after]) => inputChanges({ path: `${was.name}.${before.name}`, was: before, is: after, defaultChange: 'input_field_default_changed', unsafe }))];
  }
  if (isEnumType(was) && isEnumType(is)) {
    return was.getValues().flatMap((value) => {
      const now = is.getValue(value.name);
      return now ? deprecationChanges(`${was.name}.${value.name}`, value, now) : [];
    });
  }
  return [];
}

type Fields = Readonly<Record<string, GraphQLField<unknown, unknown>>>;

function fieldChanges({ type, before, after, unsafe }: { readonly type: string; readonly before: Fields; readonly after: Fields; readonly unsafe: ReadonlySet<string> }): GraphqlChange[] {
  return [
    ...Object.keys(after).filter((name) => !Object.hasOwn(before, name)).map((name) => ({ type: 'field_added', path: `${type}.${name}`, description: `${type}.${name} was added.`, fresh: String(after[name]?.type) })),
    ...both(before, after).flatMap(([was, is]) => {
      const path = `${type}.${was.name}`;
      const args = new Map(is.args.map((arg) => [arg.name, arg]));
      return [
        ...(String(was.type) === String(is.type) || unsafe.has(path) ? [] : [{ type: 'field_type_narrowed', path, description: `${path} changed type from ${String(was.type)} to ${String(is.type)}.`, old: String(was.type), fresh: String(is.type) }]),
        ...deprecationChanges(path, was, is),
        ...was.args.flatMap((arg) => {
          const now = args.get(arg.name);
          return now ? inputChanges({ path: `${path}.args.${arg.name}`, was: arg, is: now, defaultChange: 'arg_default_value_added', unsafe }) : [];
        }),
      ];
    }),
  ];
}

interface InputPair {
  readonly path: string;
  readonly was: GraphQLArgument | GraphQLInputField;
  readonly is: GraphQLArgument | GraphQLInputField;
  readonly defaultChange: 'input_field_default_changed' | 'arg_default_value_added';
  readonly unsafe: ReadonlySet<string>;
}

function inputChanges({ path, was, is, defaultChange, unsafe }: InputPair): GraphqlChange[] {
  const [from, to] = [String(was.type), String(is.type)];
  const [value, valueNow] = [defaultText(was), defaultText(is)];
  const told = defaultChange === 'input_field_default_changed' || value === undefined;
  return [
    ...(from === to || unsafe.has(path) ? [] : [{ type: 'input_type_widened', path, description: `${path} changed type from ${from} to ${to}.`, old: from, fresh: to }]),
    ...(value === valueNow || !told ? [] : [{ type: defaultChange, path, description: `${path} changed its default from ${value ?? 'none'} to ${valueNow ?? 'none'}.`, old: value, fresh: valueNow }]),
    ...deprecationChanges(path, was, is),
  ];
}

function defaultText({ defaultValue, type }: GraphQLArgument | GraphQLInputField): string | undefined {
  const node = defaultValue === undefined ? undefined : astFromValue(defaultValue, type);
  return node ? print(node) : undefined;
}

function deprecationChanges(path: string, { deprecationReason: was }: { readonly deprecationReason?: string | null | undefined }, { deprecationReason: is }: { readonly deprecationReason?: string | null | undefined }): GraphqlChange[] {
  if ((was ?? undefined) === (is ?? undefined)) return [];
  const type = was === undefined || was === null ? 'deprecated' : is === undefined || is === null ? 'undeprecated' : 'deprecation_reason_changed';
  return [{ type, path, description: type === 'undeprecated' ? `${path} is no longer deprecated.` : `${path} is deprecated: ${is ?? ''}`, old: was, fresh: is }];
}

function directiveChanges(old: GraphQLSchema, fresh: GraphQLSchema): GraphqlChange[] {
  const before = new Map(old.getDirectives().map((directive) => [directive.name, directive]));
  return fresh.getDirectives().filter((directive) => !isSpecifiedDirective(directive)).flatMap((is) => {
    const was = before.get(is.name);
    return was ? directiveChange(was, is) : [{ type: 'directive_added', path: `@${is.name}`, description: `@${is.name} was added.`, fresh: is.name }];
  });
}

function directiveChange(was: GraphQLDirective, is: GraphQLDirective): GraphqlChange[] {
  const path = `@${is.name}`;
  const known = new Set(was.args.map(({ name }) => name));
  return [
    ...is.args.filter((arg) => !known.has(arg.name) && !isRequiredArgument(arg)).map((arg) => ({ type: 'directive_arg_added', path: `${path}.args.${arg.name}`, description: `An optional argument ${arg.name} of ${path} was added.`, fresh: arg.name })),
    ...is.locations.filter((location) => !was.locations.includes(location)).map((location) => ({ type: 'directive_location_added', path: `${path}.${location}`, description: `${path} may stand on ${location} now.`, fresh: location })),
    ...(is.isRepeatable && !was.isRepeatable ? [{ type: 'directive_repeatable_added', path, description: `${path} may be repeated now.`, old: false, fresh: true }] : []),
  ];
}

function both<T>(before: Readonly<Record<string, T>>, after: Readonly<Record<string, T>>): [T, T][] {
  return Object.entries(before).flatMap(([name, was]) => {
    const is = Object.hasOwn(after, name) ? after[name] : undefined;
    return is === undefined ? [] : [[was, is]];
  });
}
