import { getLocation, Kind, parse, type ASTNode } from 'graphql';
import type { Position } from './document-lines.ts';

/** Finds the lines of what paths such as `User.email`, `Query.users.args.limit` and `@auth` name; of what is not there, the line of what is around it. */
export function graphqlLines(text: string): (path: string) => Position | undefined {
  const { definitions } = parse(text);
  return (path) => {
    const [first = '', ...more] = path.split('.').filter((name, index) => name !== 'args' || index === 0);
    const owners = definitions.filter((node) => (first.startsWith('@') ? node.kind === Kind.DIRECTIVE_DEFINITION && node.name.value === first.slice(1) : node.kind !== Kind.DIRECTIVE_DEFINITION && nameOf(node) === first));
    const [owner] = owners;
    if (!owner) return undefined;
    let node: ASTNode = owner;
    let among: readonly ASTNode[] = owners;
    for (const name of more) {
      const next = among.flatMap(childrenOf).find((child) => nameOf(child) === name);
      if (!next) break;
      node = next;
      among = [next];
    }
    if (!node.loc) return undefined;
    const { line, column } = getLocation(node.loc.source, ('name' in node && node.name?.loc ? node.name.loc : node.loc).start);
    return { line, column };
  };
}

function nameOf(node: ASTNode): string | undefined {
  return 'name' in node ? node.name?.value : node.kind === Kind.SCHEMA_DEFINITION ? 'schema' : node.kind === Kind.OPERATION_TYPE_DEFINITION ? node.operation : undefined;
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  return [...('fields' in node ? (node.fields ?? []) : []), ...('arguments' in node ? (node.arguments ?? []) : []), ...('values' in node ? (node.values ?? []) : []), ...('types' in node ? (node.types ?? []) : []), ...('operationTypes' in node ? (node.operationTypes ?? []) : [])];
}
