import { getNamedType, isInputObjectType, isInterfaceType, isObjectType, isUnionType, type GraphQLNamedType, type GraphQLSchema } from 'graphql';

/** Through which fields of the root types clients come to each type. */
export interface Reach {
  /** `Query.users`. */
  readonly roots: ReadonlySet<string>;
  readonly byType: ReadonlyMap<string, ReadonlySet<string>>;
}

export function rootFieldsByType(schema: GraphQLSchema): Reach {
  const byType = new Map<string, Set<string>>();
  const roots = new Set<string>();
  const next = new Map<string, readonly GraphQLNamedType[]>();
  const neighbours = (type: GraphQLNamedType): readonly GraphQLNamedType[] => {
    const known = next.get(type.name) ?? neighboursOf(schema, type);
    next.set(type.name, known);
    return known;
  };
  for (const root of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]) {
    for (const field of Object.values(root?.getFields() ?? {})) {
      const name = `${root?.name ?? ''}.${field.name}`;
      roots.add(name);
      const waiting: GraphQLNamedType[] = [getNamedType(field.type), ...field.args.map((arg) => getNamedType(arg.type))];
      const seen = new Set<string>();
      for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
        if (seen.has(type.name)) continue;
        seen.add(type.name);
        byType.set(type.name, (byType.get(type.name) ?? new Set()).add(name));
        waiting.push(...neighbours(type));
      }
    }
  }
  return { roots, byType };
}

function neighboursOf(schema: GraphQLSchema, type: GraphQLNamedType): GraphQLNamedType[] {
  if (isUnionType(type)) return [...type.getTypes()];
  if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => getNamedType(field.type));
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  const fields = Object.values(type.getFields()).flatMap((field) => [getNamedType(field.type), ...field.args.map((arg) => getNamedType(arg.type))]);
  return [...fields, ...type.getInterfaces(), ...(isInterfaceType(type) ? schema.getPossibleTypes(type) : [])];
}
