import { compileFields, type CompiledFields, type FieldNames } from './json-fields.ts';
import { fits, parseTemplate, splitPath, type PathTemplate } from './path-template.ts';

/** Rewrites a path for the service, so that old clients keep their URLs. */
export interface PathAdapter {
  /** A path template of the monolith's API: `/api/users/{id}`, or with a last `/**`. */
  readonly from: string;
  /** The service's path; may use the names of `from`, and end in `/**` if `from` does. */
  readonly to: string;
  /** Fields of JSON bodies that the service calls otherwise, by the monolith's paths. */
  readonly request?: FieldNames;
  /** Fields of the service's JSON that old clients know by other names, by the service's paths. */
  readonly response?: FieldNames;
}

export interface CompiledAdapter {
  readonly from: PathTemplate;
  readonly to: PathTemplate;
  readonly request: CompiledFields | null;
  readonly response: CompiledFields | null;
}

export function compileAdapter(adapter: PathAdapter): CompiledAdapter {
  const fields = (names: FieldNames | undefined): CompiledFields | null => (names && Object.keys(names).length > 0 ? compileFields(names) : null);
  return { from: parseTemplate(adapter.from), to: parseTemplate(adapter.to), request: fields(adapter.request), response: fields(adapter.response) };
}

/** The first adapter that fits. */
export function adapterOf(adapters: readonly CompiledAdapter[], url: string): CompiledAdapter | undefined {
  if (adapters.length === 0) return undefined;
  const mark = url.indexOf('?');
  const decoded = splitPath(mark < 0 ? url : url.slice(0, mark));
  return adapters.find(({ from }) => fits(from, decoded));
}

/** The path (query included, untouched) that the service gets: by the first adapter that fits. */
export function adaptPath(adapters: readonly CompiledAdapter[], url: string): string {
  const adapter = adapterOf(adapters, url);
  if (!adapter) return url;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  // Values go over as the client wrote them: decoding and encoding again could change them.
  const raw = path.split('/').slice(1);
  const { from, to } = adapter;
  const result = to.segments.map((literal, i) => {
    if (literal !== null) return encodeLiteral(literal);
    const name = to.names[i];
    const source = name === null ? i : from.names.indexOf(name ?? null);
    return raw[source] ?? '';
  });
  if (to.below) result.push(...raw.slice(from.segments.length));
  return `/${result.join('/')}${mark < 0 ? '' : url.slice(mark)}`;
}

const encodeLiteral = (literal: string): string => encodeURI(literal).replaceAll('?', '%3F').replaceAll('#', '%23');
