import { formOf, isNode, member, type Form, type Node } from '../api/form.ts';
import { refuseDeeper, withReferences, type OpenApi } from '../api/open-api.ts';

const DRAFTS: Readonly<Record<string, { readonly siblings: boolean }>> = {
  'http://json-schema.org/draft-06/schema': { siblings: false }, 'http://json-schema.org/draft-07/schema': { siblings: false },
  'https://json-schema.org/draft/2019-09/schema': { siblings: true }, 'https://json-schema.org/draft/2020-12/schema': { siblings: true },
};
const NEWEST = 'https://json-schema.org/draft/2020-12/schema';

const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);
const LISTS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const SINGLE = new Set(['items', 'additionalProperties', 'unevaluatedProperties', 'unevaluatedItems', 'propertyNames', 'contains', 'not', 'if', 'then', 'else', 'contentSchema']);
/** Words for people, and OpenAPI's own, which mean nothing here. */
const SILENT = new Set(['description', '$comment', 'example', 'examples', 'nullable', 'discriminator', 'readOnly', 'writeOnly', 'xml', 'externalDocs']);

/**
 * A JSON Schema (draft 6, 7, 2019-09 or 2020-12; without `$schema` the newest), brought into one form: lists of `items`
 * are `prefixItems`, anchors and ids are pointers.
 * @throws BANYAN_DOCUMENT
 */
export function jsonSchema(name: string, document: unknown): OpenApi {
  const form = formOf(name);
  const root = document === true ? {} : document === false ? { not: {} } : form.object(document, '');
  refuseDeeper(form, root, 'a JSON Schema');
  const said = form.optionalText(member(root, '$schema'), '$schema') ?? NEWEST;
  const draft = DRAFTS[said.replace(/#$/, '')] ?? form.refuse('$schema', JSON.stringify(said), 'draft 6, 7, 2019-09 or 2020-12');
  for (const other of ['openapi', 'swagger', 'asyncapi']) if (member(root, other) !== undefined) form.refuse(other, JSON.stringify(member(root, other)), 'a JSON Schema; an API is compared by --type api');
  return withReferences({ form, root: new OneForm(form).of(root), siblings: draft.siblings, untyped: 'any' });
}

class OneForm {
  readonly #form: Form;
  /** Where what has an id or an anchor stands. */
  readonly #places = new Map<string, string>();
  readonly #references: { node: Record<string, unknown>; reference: string; base: string; path: string }[] = [];

  constructor(form: Form) {
    this.#form = form;
  }

  of(root: Node): Node {
    const made = this.#schema({ schema: root, pointer: '#', base: '', path: '' });
    for (const { node, reference, base, path } of this.#references) node['$ref'] = this.#pointerOf(reference, base, path);
    return isNode(made) ? made : {};
  }

  #schema({ schema, pointer, base, path }: { readonly schema: unknown; readonly pointer: string; readonly base: string; readonly path: string }): unknown {
    if (!isNode(schema)) return schema;
    const id = this.#form.optionalText(member(schema, '$id'), `${path}.$id`);
    const own = id === undefined || id.startsWith('#') ? base : absolute(id, base);
    if (id !== undefined) this.#places.set(id.startsWith('#') ? `${base}${id}` : own, pointer);
    for (const key of ['$anchor', '$dynamicAnchor']) {
      const anchor = member(schema, key);
      if (typeof anchor === 'string') this.#places.set(`${own}#${anchor}`, pointer);
    }
    const made: Record<string, unknown> = {};
    const listed = Array.isArray(member(schema, 'items'));
    for (const [key, value] of Object.entries(schema)) {
      if (SILENT.has(key)) continue;
      const to = key === 'items' && listed ? 'prefixItems' : key === 'additionalItems' && listed ? 'items' : key;
      if (key === 'additionalItems' && !listed) continue;
      const below = (part: string, child: unknown): unknown => this.#schema({ schema: child, pointer: `${pointer}/${to}${part === '' ? '' : `/${escaped(part)}`}`, base: own, path: `${path === '' ? '' : `${path}.`}${to}${part === '' ? '' : `.${part}`}` });
      if (/^\$(?:ref|recursiveRef|dynamicRef)$/.test(key)) this.#references.push({ node: made, reference: this.#form.text(value, `${path}.${key}`), base: own, path });
      else made[to] = MAPS.has(key) && isNode(value) ? mapped(value, below) : (LISTS.has(key) || to === 'prefixItems') && Array.isArray(value) ? value.map((each, i) => below(String(i), each)) : SINGLE.has(key) || key === 'additionalItems' ? below('', value) : value;
    }
    return made;
  }

  #pointerOf(reference: string, base: string, path: string): string {
    const [target = '', fragment = ''] = absolute(reference, base).split('#');
    const whole = fragment === '' ? target : `${target}#${fragment}`;
    const known = this.#places.get(whole);
    if (known !== undefined) return known;
    const document = target === '' ? '#' : this.#places.get(target);
    if (document !== undefined && (fragment === '' || fragment.startsWith('/'))) return `${document}${fragment}`;
    return this.#form.refuse(path, `the reference ${JSON.stringify(reference.slice(0, 200))}`, 'a reference into the same document; bundle the schemas first');
  }
}

function mapped(value: Node, below: (part: string, child: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, below(name, child)]));
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}

function absolute(reference: string, base: string): string {
  if (base === '' || reference.startsWith('#')) return reference.startsWith('#') ? `${base}${reference}` : reference;
  return URL.canParse(reference, base) ? new URL(reference, base).href : reference;
}
