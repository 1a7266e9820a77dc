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

/** Schemes that are asked for together, each with its scopes. Empty: no credentials. */
type Alternative = ReadonlyMap<string, ReadonlySet<string>>;

/** Which ways to sign in operations accept. What all share from the API as a whole is told once. */
export function compareSecurity({ old, fresh, uses }: CompareSecurityOptions): Finding[] {
  const shared = uses.filter(({ before, after }) => before === undefined && after === undefined).map(({ operation }) => operation);
  const [general, generalNow] = [member(old.root, 'security'), member(fresh.root, 'security')];
  const names = otherNames(old, fresh);
  const both = (before: unknown, after: unknown, path: string, operations: readonly string[]): Finding[] =>
    compareAlternatives({ before: alternatives(old, before, path), after: alternatives(fresh, after, path, names), path, operations });
  return [
    ...(shared.length === 0 ? [] : both(general, generalNow, 'security', shared)),
    ...uses.filter(({ before, after }) => before !== undefined || after !== undefined).flatMap(({ before = general, after = generalNow, path, operation }) => both(before, after, path, [operation])),
  ];
}

/** What the API proves itself with where it calls: receivers must know one of the new ways from before. */
export function compareDeliverySecurity({ old, fresh, before, after, path, operation }: Pick<CompareSecurityOptions, 'old' | 'fresh'> & SecurityUse): Finding[] {
  const [from, to] = [alternatives(old, before, path), alternatives(fresh, after, path, otherNames(old, fresh))];
  if (from.every((was) => to.some((is) => isSame(was, is))) && to.every((is) => from.some((was) => isSame(was, is)))) return [];
  const known = to.every((is) => from.some((was) => isEnough(is, was)));
  return [finding({ rule: known ? 'delivery-security-added' : 'delivery-security-changed', path, description: `it comes with ${to.map(textOf).join(', or ') || 'nothing'} instead of ${from.map(textOf).join(', or ') || 'nothing'}`, old: from.map(textOf), fresh: to.map(textOf) }, [operation])];
}

/** The schemes that operations ask for, by their names. */
export function schemesInUse(api: OpenApi, requirements: readonly unknown[]): Set<string> {
  return new Set(requirements.flatMap((security) => alternatives(api, security, 'security').flatMap((alternative) => [...alternative.keys()])));
}

/** The alternatives of which none is already met by who meets another one; no alternatives ask for nothing. */
function alternatives({ form }: OpenApi, security: unknown, path: string, names: ReadonlyMap<string, string> = new Map()): Alternative[] {
  const all = form.list(security, path).map((value): Alternative => new Map(
    Object.entries(form.object(value, path)).map(([scheme, list]) => [names.get(scheme) ?? scheme, new Set(form.list(list, `${path}.${scheme}`).map((scope) => form.text(scope, `${path}.${scheme}`)))]),
  ));
  const needed = all.filter((one, index) => !all.some((other, at) => at !== index && isEnough(one, other) && (!isSame(one, other) || at < index)));
  return needed.length === 0 ? [new Map()] : needed;
}

/** Whether who has `held` is let in by `asked`. */
function isEnough(held: Alternative, asked: Alternative): boolean {
  return [...asked].every(([scheme, scopes]) => {
    const has = held.get(scheme);
    return has !== undefined && [...scopes].every((scope) => has.has(scope));
  });
}

function isSame(one: Alternative, other: Alternative): boolean {
  return isEnough(one, other) && isEnough(other, one);
}

/** Whether the schemes of `one` are among those of `other`. */
function isWithin(one: Alternative, other: Alternative): boolean {
  return [...one.keys()].every((scheme) => other.has(scheme));
}

function textOf(alternative: Alternative): string {
  return [...alternative.keys()].toSorted().join(' and ');
}

function compareAlternatives({ before, after, path, operations }: { readonly before: readonly Alternative[]; readonly after: readonly Alternative[]; readonly path: string; readonly operations: readonly string[] }): Finding[] {
  const told = (rule: string, description: string, values: { readonly old?: unknown; readonly fresh?: unknown }): Finding => finding({ rule, path, description, ...values }, operations);
  const [open, opens] = [isOpen(before), isOpen(after)];
  if (open !== opens) {
    const [names, namesNow] = [before.map(textOf), after.map(textOf)];
    return [opens ? told('security-lifted', 'no credentials are needed any more', { old: names }) : told('security-introduced', `credentials are needed now: ${namesNow.join(', or ')}`, { fresh: namesNow })];
  }
  // What is asked for in place of something else is told with it, not as an alternative of its own.
  const explained = new Set<Alternative>();
  const gone = before.filter((was) => !after.some((is) => isEnough(was, is))).flatMap((was) => {
    const stricter = after.find((is) => isWithin(was, is) && isWithin(is, was)) ?? after.find((is) => isWithin(was, is));
    if (!stricter) return [told('security-alternative-removed', `${textOf(was)} is no longer accepted`, { old: textOf(was) })];
    explained.add(stricter);
    const schemes = [...stricter.keys()].filter((scheme) => !was.has(scheme));
    return [
      ...(schemes.length === 0 ? [] : [told('security-scheme-demanded', `${schemes.join(' and ')} is needed beside ${textOf(was)} now`, { old: textOf(was), fresh: textOf(stricter) })]),
      ...scopesBeyond(stricter, was).map((scope) => told('security-scope-added', `the scope ${scope} is needed now`, { fresh: scope })),
    ];
  });
  const added = after.filter((is) => !explained.has(is) && !before.some((was) => isSame(was, is))).flatMap((is) => {
    const looser = before.find((was) => isEnough(was, is));
    if (!looser) return [told('security-alternative-added', `${textOf(is)} is accepted now`, { fresh: textOf(is) })];
    const schemes = [...looser.keys()].filter((scheme) => !is.has(scheme));
    return [
      ...(schemes.length === 0 ? [] : [told('security-scheme-not-demanded', `${schemes.join(' and ')} is no longer needed beside ${textOf(is)}`, { old: textOf(looser), fresh: textOf(is) })]),
      ...scopesBeyond(looser, is).map((scope) => told('security-scope-removed', `the scope ${scope} is no longer needed`, { old: scope })),
    ];
  });
  return [...gone, ...added];
}

/** The scopes that one alternative asks for beyond another, of the schemes of both. */
function scopesBeyond(one: Alternative, other: Alternative): string[] {
  return [...one].flatMap(([scheme, scopes]) => {
    const known = other.get(scheme);
    return known === undefined ? [] : [...scopes].filter((scope) => !known.has(scope)).map((scope) => `${scheme}: ${scope}`);
  });
}

function isOpen(alternatives: readonly Alternative[]): boolean {
  return alternatives.some(({ size }) => size === 0);
}

/** What credentials look like. */
export function compareSecuritySchemes(old: OpenApi, fresh: OpenApi, inUse: ReadonlySet<string>): Finding[] {
  const [before, after] = [schemes(old), schemes(fresh)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) return [];
    const what = was === undefined ? 'added' : is === undefined ? 'removed' : 'changed';
    return [finding({ rule: `${what === 'changed' && !inUse.has(name) ? 'unused-' : ''}security-scheme-${what}`, path: `components.securitySchemes.${name}`, description: `the security scheme was ${what}`, old: was, fresh: is }, [])];
  });
}

/** The old names of schemes that are called otherwise now: clients never see the name. */
function otherNames(old: OpenApi, fresh: OpenApi): Map<string, string> {
  const [before, after] = [schemes(old), schemes(fresh)];
  const gone = new Map([...before].filter(([name]) => !after.has(name)).map(([name, text]) => [text, name]));
  return new Map([...after].flatMap(([name, text]): [string, string][] => {
    const was = before.has(name) ? undefined : gone.get(text);
    return was === undefined ? [] : [[name, was]];
  }));
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
