import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import { canonical, isNode, member } from './form.ts';
import type { OpenApi } from './open-api.ts';

/** The security of an operation; absent: that of the whole API. */
export interface SecurityUse {
  readonly before: unknown;
  readonly after: unknown;
  readonly path: string;
  readonly operation: string;
}

export interface CompareSecurityOptions {
  readonly old: OpenApi;
  readonly fresh: OpenApi;
  readonly uses: readonly SecurityUse[];
}

/** Scopes by the schemes that an alternative asks for together. */
type Alternatives = ReadonlyMap<string, ReadonlySet<string>>;

/** Which ways to sign in operations accept. What all share from the API as a whole is told once. */
export function compareSecurity({ old, fresh, uses }: CompareSecurityOptions): Finding[] {
  const shared = uses.filter(({ before, after }) => before === undefined && after === undefined).map(({ operation }) => operation);
  const [general, generalNow] = [member(old.root, 'security'), member(fresh.root, 'security')];
  return [
    ...(shared.length === 0 ? [] : compareAlternatives({ before: alternatives(old, general, 'security'), after: alternatives(fresh, generalNow, 'security'), path: 'security', operations: shared })),
    ...uses
      .filter(({ before, after }) => before !== undefined || after !== undefined)
      .flatMap(({ before = general, after = generalNow, path, operation }) => compareAlternatives({ before: alternatives(old, before, path), after: alternatives(fresh, after, path), path, operations: [operation] })),
  ];
}

function alternatives({ form }: OpenApi, security: unknown, path: string): Alternatives {
  return new Map(
    form.list(security, path).map((value) => {
      const schemes = Object.entries(form.object(value, path)).toSorted(([a], [b]) => (a < b ? -1 : 1));
      const scopes = schemes.flatMap(([scheme, list]) => form.list(list, `${path}.${scheme}`).map((scope) => `${scheme}: ${form.text(scope, `${path}.${scheme}`)}`));
      return [schemes.map(([scheme]) => scheme).join(' and '), new Set(scopes)];
    }),
  );
}

function compareAlternatives({ before, after, path, operations }: { readonly before: Alternatives; readonly after: Alternatives; readonly path: string; readonly operations: readonly string[] }): Finding[] {
  const told = (rule: string, description: string, values: { readonly old?: unknown; readonly fresh?: unknown }): Finding => finding({ rule, path, description, ...values }, operations);
  const [open, opens] = [isOpen(before), isOpen(after)];
  const [names, namesNow] = [[...before.keys()].filter((name) => name !== ''), [...after.keys()].filter((name) => name !== '')];
  if (open !== opens) {
    return [opens ? told('security-lifted', 'no credentials are needed any more', { old: names }) : told('security-introduced', `credentials are needed now: ${namesNow.join(', or ')}`, { fresh: namesNow })];
  }
  return [...new Set([...names, ...namesNow])].flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    if (!was || !is) return [is ? told('security-alternative-added', `${name} is accepted now`, { fresh: name }) : told('security-alternative-removed', `${name} is no longer accepted`, { old: name })];
    return [
      ...[...is].filter((scope) => !was.has(scope)).map((scope) => told('security-scope-added', `the scope ${scope} is needed now`, { fresh: scope })),
      ...[...was].filter((scope) => !is.has(scope)).map((scope) => told('security-scope-removed', `the scope ${scope} is no longer needed`, { old: scope })),
    ];
  });
}

function isOpen(alternatives: Alternatives): boolean {
  return alternatives.size === 0 || alternatives.has('');
}

/** What credentials look like. */
export function compareSecuritySchemes(old: OpenApi, fresh: OpenApi): Finding[] {
  const [before, after] = [schemes(old), schemes(fresh)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) return [];
    const what = was === undefined ? 'added' : is === undefined ? 'removed' : 'changed';
    return [finding({ rule: `security-scheme-${what}`, path: `components.securitySchemes.${name}`, description: `the security scheme was ${what}`, old: was, fresh: is }, [])];
  });
}

/** Each scheme by what clients have to know of it. */
function schemes({ form, root, resolve }: OpenApi): Map<string, string> {
  const path = 'components.securitySchemes';
  const all = form.optionalObject(member(form.optionalObject(member(root, 'components'), 'components'), 'securitySchemes'), path);
  return new Map(
    Object.entries(all).map(([name, value]) => {
      const scheme = resolve(value, `${path}.${name}`);
      const flows = Object.entries(form.optionalObject(member(scheme, 'flows'), `${path}.${name}.flows`)).map(([flow, each]) => [flow, isNode(each) ? ['authorizationUrl', 'tokenUrl'].map((key) => member(each, key) ?? null) : []]);
      return [name, canonical([...['type', 'scheme', 'in', 'name', 'openIdConnectUrl'].map((key) => member(scheme, key) ?? null), Object.fromEntries(flows)])];
    }),
  );
}
