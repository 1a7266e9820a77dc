import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import type { SchemaComparison } from './compare-schemas.ts';
import { canonical, member, type Node } from './form.ts';
import { mediaType, precision, takesIn, type MediaType } from './media-type.ts';
import type { OpenApi } from './open-api.ts';

export interface ContentOptions {
  readonly old: OpenApi;
  readonly fresh: OpenApi;
  readonly schemas: SchemaComparison;
  /** The `content` of a body. */
  readonly before: unknown;
  readonly after: unknown;
  readonly place: 'request' | 'response';
  /** Sent to readers that did not say what they accept. */
  readonly unasked?: boolean;
  readonly path: string;
  readonly operation: string;
}

/** A type that a body may have, and what is said of it. */
interface Content extends MediaType {
  readonly said: Node;
}

/** A body by its content types. Which there are is compared only where both sides have a body. */
export function compareContent(options: ContentOptions): Finding[] {
  const { old, fresh, before, after, path } = options;
  const [from, to] = [contents(old, before, path), contents(fresh, after, path)];
  if (from.length === 0 || to.length === 0) return [];
  const exact = (one: Content, among: readonly Content[]): Content | undefined => among.find(({ text }) => text === one.text);
  const single = from.length === 1 && to.length === 1;
  return [
    ...from.flatMap((was) => {
      const is = exact(was, to);
      return is ? compareBoth(options, was, is, single) : goneType(options, was, { from, to });
    }),
    ...to.filter((is) => !exact(is, from)).flatMap((is) => newType(options, is, { from, to })),
  ];
}

interface Both {
  readonly from: readonly Content[];
  readonly to: readonly Content[];
}

/** A type that is not named any more. */
function goneType(options: ContentOptions, was: Content, { to }: Both): Finding[] {
  const general = mostPrecise(to, (is) => takesIn(is, was));
  if (general) return [typeFinding(options, 'generalised', { was, is: general }), ...compareBoth(options, was, general, false)];
  // A range of which some types are still answered has promised none of the others.
  if (options.place === 'response' && to.some((is) => takesIn(was, is))) return [];
  return [typeFinding(options, 'removed', { was })];
}

/** A type that was not named before. */
function newType(options: ContentOptions, is: Content, { from, to }: Both): Finding[] {
  const general = mostPrecise(from, (was) => takesIn(was, is));
  if (general) {
    // Of a request's range that is gone, the loss is told already.
    const told = options.place === 'request' && !to.some(({ text }) => text === general.text);
    return [...(told ? [] : [typeFinding(options, 'specified', { was: general, is })]), ...compareBoth(options, general, is, false)];
  }
  if (from.some((was) => takesIn(is, was))) return [];
  return [typeFinding(options, 'added', { is })];
}

function mostPrecise(among: readonly Content[], fits: (one: Content) => boolean): Content | undefined {
  return among.filter(fits).toSorted((a, b) => precision(b) - precision(a))[0];
}

function typeFinding({ place, unasked = false, path, operation }: ContentOptions, what: 'added' | 'removed' | 'generalised' | 'specified', { was, is }: { readonly was?: Content; readonly is?: Content }): Finding {
  const one = (what === 'added' || what === 'specified' ? is : was)?.text ?? '';
  const description = what === 'generalised' ? `the content type ${one} has become ${is?.text ?? ''}` : what === 'specified' ? `the content type ${one} is described by itself now, as one of ${was?.text ?? ''}` : `the content type was ${what}`;
  const owner = unasked && (what === 'added' || what === 'generalised') ? 'delivery' : place;
  return finding({ rule: `${owner}-content-type-${what}`, path: `${path}.content.${one}`, description, ...(was ? { old: was.text } : {}), ...(is ? { fresh: is.text } : {}) }, [operation]);
}

function compareBoth({ schemas, place, path, operation }: ContentOptions, was: Content, is: Content, single: boolean): Finding[] {
  const at = single || (was.text === is.text && /[/+]json$/.test(is.text)) ? path : `${path}.content.${is.text}`;
  schemas.add({ before: member(was.said, 'schema'), after: member(is.said, 'schema'), place, path: at, operation });
  if (place === 'response' || canonical(member(was.said, 'encoding') ?? {}) === canonical(member(is.said, 'encoding') ?? {})) return [];
  return [finding({ rule: 'request-encoding-changed', path: `${at}.encoding`, description: 'the encoding of its parts has changed' }, [operation])];
}

/** How many content types a body has. */
export function hasContent(content: unknown): boolean {
  return typeof content === 'object' && content !== null && Object.keys(content).length > 0;
}

function contents({ form }: OpenApi, content: unknown, path: string): Content[] {
  const byText = new Map<string, Content>();
  for (const [key, value] of Object.entries(form.optionalObject(content, `${path}.content`))) {
    const type = mediaType(key);
    byText.set(type.text, { ...type, said: form.optionalObject(value, `${path}.content.${key}`) });
  }
  return [...byText.values()];
}
