import { buildASTSchema, GraphQLError, Kind, parse, visit, type DocumentNode, type GraphQLSchema } from 'graphql';
import { validateSDL } from 'graphql/validation/validate.js';
import { BanyanError, messageOf } from '../../../core/errors.ts';
import { documentError } from '../../document.ts';

const EXPECTED = "a GraphQL schema in GraphQL's schema definition language";

/**
 * A schema of GraphQL's schema definition language.
 * @param file what it is called in messages.
 * @throws BANYAN_DOCUMENT with the line if it is none.
 */
export function readGraphql(file: string, text: string): GraphQLSchema {
  try {
    const document = withoutForeignDirectives(parse(text));
    const issues = validateSDL(document).map((error) => issueOf(error));
    if (issues.length > 0) throw documentError(file, issues);
    return buildASTSchema(document, { assumeValidSDL: true });
  } catch (error) {
    if (error instanceof BanyanError) throw error;
    throw documentError(file, [error instanceof GraphQLError ? issueOf(error) : { path: '', found: error instanceof RangeError ? 'more levels of nesting than can be read' : messageOf(error), expected: EXPECTED }]);
  }
}

function issueOf({ message, locations }: GraphQLError) {
  const line = locations?.[0]?.line;
  return { path: '', ...(line === undefined ? {} : { line }), found: message.replace(/\.$/, ''), expected: EXPECTED };
}

/** Directives that a gateway or a tool brings (`@key`, `@auth`) are used without being defined; they say nothing to clients. */
function withoutForeignDirectives(document: DocumentNode): DocumentNode {
  const defined = new Set(['deprecated', 'specifiedBy', 'oneOf']);
  for (const definition of document.definitions) if (definition.kind === Kind.DIRECTIVE_DEFINITION) defined.add(definition.name.value);
  return visit(document, { Directive: { enter: (node) => (defined.has(node.name.value) ? undefined : null) } });
}
