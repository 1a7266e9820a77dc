import { DEEPEST, isDeeper } from '../../nesting.ts';
import { formOf, isNode, member, type Form, type Node } from './form.ts';

/** An OpenAPI document whose references can be followed. */
export interface OpenApi {
  readonly form: Form;
  readonly root: Node;
  /** 3.1 allows keywords beside `$ref`; 3.0 ignores them. */
  readonly siblings: boolean;
  /** What a schema without `type` allows: what it has words for (authors of APIs leave the type out), or any. */
  readonly untyped: 'by content' | 'any';
  /**
   * The object that `value` is or refers to, through any number of references. A reference that leads back to itself
   * says nothing: an empty object.
   * @throws BANYAN_DOCUMENT where a reference leads out of the document or nowhere.
   */
  readonly resolve: (value: unknown, path: string) => Node;
}

/**
 * An OpenAPI document, 3.0 or 3.1.
 * @param name what it is called in messages: a file's path.
 * @throws BANYAN_DOCUMENT if it is none.
 */
export function openApi(name: string, document: unknown): OpenApi {
  const form = formOf(name);
  const root = form.object(document, '');
  const swagger = member(root, 'swagger');
  if (swagger !== undefined) form.refuse('swagger', JSON.stringify(swagger), 'openapi 3.0 or 3.1; convert the document first');
  const version = form.text(member(root, 'openapi'), 'openapi');
  if (!/^3\.[01](\.|$)/.test(version)) form.refuse('openapi', JSON.stringify(version), 'version 3.0 or 3.1');
  refuseDeeper(form, root, 'an OpenAPI document');
  return withReferences({ form, root, siblings: version.startsWith('3.1'), untyped: 'by content' });
}

/** A document with a way to follow its references. */
export function withReferences(document: Omit<OpenApi, 'resolve'>): OpenApi {
  const { form, root } = document;
  const resolved = new Map<string, Node>();
  return {
    ...document,
    resolve(value, path) {
      let node = form.object(value, path);
      const seen = new Set<string>();
      for (let ref = referenceOf(node); ref !== undefined; ref = referenceOf(node)) {
        if (seen.has(ref)) return {};
        seen.add(ref);
        const known = resolved.get(ref);
        node = known ?? lookUp({ form, root, ref, path });
        resolved.set(ref, node);
      }
      return node;
    },
  };
}

/** The reference that a node is, if it is one. */
export function referenceOf(node: Node): string | undefined {
  const ref = member(node, '$ref');
  return typeof ref === 'string' ? ref : undefined;
}

function lookUp({ form, root, ref, path }: { readonly form: Form; readonly root: Node; readonly ref: string; readonly path: string }): Node {
  const quoted = JSON.stringify(ref.slice(0, 200));
  if (ref !== '#' && !ref.startsWith('#/')) form.refuse(path, `the reference ${quoted}`, 'a reference into the same document, such as "#/components/schemas/User"; bundle the documents first');
  let value: unknown = root;
  for (const part of ref.split('/').slice(1)) {
    const name = unescaped(part);
    value = Array.isArray(value) ? value[Number(name)] : isNode(value) ? member(value, name) : undefined;
  }
  if (typeof value === 'boolean') return value ? {} : { not: {} };
  return isNode(value) ? value : form.refuse(path, `the reference ${quoted}, which leads nowhere`, 'a reference to something in the document');
}

function unescaped(part: string): string {
  let text = part;
  try {
    text = decodeURIComponent(part);
  } catch {
    // A stray % stands for itself.
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** @throws BANYAN_DOCUMENT */
export function refuseDeeper(form: Form, root: unknown, expected: string): void {
  if (isDeeper(root)) form.refuse('', `more than ${DEEPEST} levels of nesting`, expected);
}
