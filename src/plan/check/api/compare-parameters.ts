import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import type { CompareOperationOptions, OperationOf } from './compare-operation.ts';
import type { SchemaComparison } from './compare-schemas.ts';
import { pathNames } from './endpoints.ts';
import { member, type Node } from './form.ts';
import { LOCATIONS, type Location } from './operation-rules.ts';
import type { OpenApi } from './open-api.ts';

export interface Parameter {
  readonly name: string;
  readonly in: Location;
  readonly required: boolean;
  readonly style: string;
  readonly explode: boolean;
  readonly allowReserved: boolean;
  readonly allowEmptyValue: boolean;
  readonly deprecated: boolean;
  /** Of a parameter that is described by `content`. */
  readonly contentType: string | undefined;
  readonly schema: unknown;
}

/** The parameters of an operation and of its path. Those of the path are matched by their position. */
export function compareParameters({ old, fresh, before, after, path, operation, schemas }: CompareOperationOptions): Finding[] {
  const [from, to] = [parametersOf(old, before, path), parametersOf(fresh, after, path)];
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((key) => {
    const [was, is] = [from.get(key), to.get(key)];
    const at = `${path}.parameters.${(was ?? is)?.name ?? ''}`;
    if (was && is) {
      schemas.add({ before: was.schema, after: is.schema, place: 'parameter', path: at, operation });
      return differences(was, is, () => isWrittenAlike({ schemas, was, is, at })).map(({ what, description, old: from, fresh: to }) => finding({ rule: `${is.in}-parameter-${what}`, path: at, description, old: from, fresh: to }, [operation]));
    }
    const one = was ?? is;
    // A parameter of the path that is not described is still there.
    if (!one || one.in === 'path') return [];
    return [finding({ rule: `${one.required ? 'required-' : ''}${one.in}-parameter-${is ? 'added' : 'removed'}`, path: at, description: `the ${one.required ? 'required' : 'optional'} ${one.in} parameter was ${is ? 'added' : 'removed'}`, ...(is ? { fresh: one.name } : { old: one.name }) }, [operation])];
  });
}

interface Difference {
  readonly what: string;
  readonly description: string;
  readonly old: unknown;
  readonly fresh: unknown;
}

function differences(was: Parameter, is: Parameter, writtenAlike: () => boolean): Difference[] {
  const changed = <T>(what: string, old: T, fresh: T): Difference[] => (old === fresh ? [] : [{ what: `${what}-changed`, description: `its ${what.replace('-', ' ')} ${String(old ?? 'none')} has become ${String(fresh ?? 'none')}`, old, fresh }]);
  const turned = (old: boolean, fresh: boolean, on: string, off: string): Difference[] => (old === fresh ? [] : [{ what: fresh ? on : off, description: `it is ${(fresh ? on : off).replace(/^made-/, '').replaceAll('-', ' ')} now`, old, fresh }]);
  return [
    ...(was.in === 'path' && was.name !== is.name ? [{ what: 'renamed', description: `it is called ${is.name} now`, old: was.name, fresh: is.name }] : []),
    ...(was.in === 'path' ? [] : turned(was.required, is.required, 'made-required', 'made-optional')),
    ...changed('style', was.style, is.style), ...(was.style === is.style && was.explode !== is.explode && !writtenAlike() ? changed('explode', was.explode, is.explode) : []), ...changed('content-type', was.contentType, is.contentType),
    ...(was.in === 'query' ? [...turned(was.allowEmptyValue, is.allowEmptyValue, 'empty-value-allowed', 'empty-value-forbidden'), ...turned(was.allowReserved, is.allowReserved, 'reserved-allowed', 'reserved-forbidden')] : []),
    ...turned(was.deprecated, is.deprecated, 'deprecated', 'undeprecated'),
  ];
}

/** Whether the values look the same whichever `explode` says: it is about objects, and about lists unless they are written with commas either way. */
function isWrittenAlike({ schemas, was, is, at }: { readonly schemas: SchemaComparison; readonly was: Parameter; readonly is: Parameter; readonly at: string }): boolean {
  const types = schemas.typesOf({ before: was.schema, after: is.schema, path: at });
  return !types.has('object') && (was.style === 'simple' || !types.has('array'));
}

/** OpenAPI ignores these, since other parts of a document describe them. */
const IGNORED_HEADERS = new Set(['accept', 'content-type', 'authorization']);

/** Those of an operation and of its path, by what tells them apart. */
export function parametersOf(api: OpenApi, { path: template, item, operation }: OperationOf, path: string): Map<string, Parameter> {
  const at = `${path}.parameters`;
  const positions = pathNames(template);
  const all = [item, operation].flatMap((owner) => api.form.list(member(owner, 'parameters'), at)).map((value, index) => parameter(api, api.resolve(value, `${at}.${index}`), at));
  return new Map(
    all
      .filter((each) => each.in !== 'header' || !IGNORED_HEADERS.has(each.name.toLowerCase()))
      .map((each) => [`${each.in} ${each.in === 'path' ? positions.indexOf(each.name) : each.in === 'header' ? each.name.toLowerCase() : each.name}`, each]),
  );
}

function parameter({ form }: OpenApi, value: Node, at: string): Parameter {
  const name = form.text(member(value, 'name'), `${at}.name`);
  const path = `${at}.${name}`;
  const where = form.text(member(value, 'in'), `${path}.in`);
  const location = LOCATIONS.find((each) => each === where) ?? form.refuse(`${path}.in`, JSON.stringify(where), `one of ${LOCATIONS.join(', ')}`);
  const style = form.optionalText(member(value, 'style'), `${path}.style`) ?? (location === 'query' || location === 'cookie' ? 'form' : 'simple');
  const [content] = Object.entries(form.optionalObject(member(value, 'content'), `${path}.content`));
  const on = (key: string): boolean => member(value, key) === true;
  return {
    name, in: location, required: location === 'path' || on('required'), style, explode: typeof member(value, 'explode') === 'boolean' ? on('explode') : style === 'form',
    allowReserved: on('allowReserved'), allowEmptyValue: on('allowEmptyValue'), deprecated: on('deprecated'), contentType: content?.[0],
    schema: content ? member(form.optionalObject(content[1], `${path}.content`), 'schema') : member(value, 'schema'),
  };
}
