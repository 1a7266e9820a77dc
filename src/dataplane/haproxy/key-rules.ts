import type { PlaneKey } from '../../ports/data-plane.ts';
import { unsupported } from '../check-plan.ts';

/** The cookie of a user without any other key; the router's own name for it. */
export const ANONYMOUS_COOKIE = 'banyan-key';

const KEYED = 'banyan_keyed';
const ROUTED = '{ var(txn.banyan_service) -m found }';

/**
 * The rules that find a user's key, in the order of the chain, as Banyan's router finds it: the first
 * source with a value wins. Only requests of a route are looked at.
 */
export function keyRules(chain: readonly PlaneKey[]): string[] {
  const rules = [`acl ${KEYED} var(txn.banyan_key) -m len ge 1`];
  [...chain, { cookie: ANONYMOUS_COOKIE }].forEach((source, index) => rules.push(...rulesOf(source, index)));
  return [
    ...rules,
    `http-request set-var(txn.banyan_anonymous) uuid() if ${ROUTED} !${KEYED}`,
    `http-request set-var(txn.banyan_key) var(txn.banyan_anonymous) if ${ROUTED} !${KEYED}`,
  ];
}

const take = (expression: string): string => `http-request set-var(txn.banyan_key) ${expression} if ${ROUTED} !${KEYED}`;

function rulesOf(source: PlaneKey, index: number): string[] {
  if (source === 'ip') return [`http-request set-var-fmt(txn.banyan_key) "%[src]" if ${ROUTED} !${KEYED}`];
  if ('header' in source) return [take(`req.fhdr(${source.header},1)`)];
  if ('query' in source) return [take(`url_param(${source.query}),url_dec(1)`)];
  if ('jwt' in source) {
    if (!/^[A-Za-z0-9_-]+$/.test(source.jwt)) unsupported(`The claim ${source.jwt} has a name that HAProxy's json_query reads as a path. Let somebody in front put it into a header.`);
    return [take(`http_auth_bearer,jwt_payload_query('$.${source.jwt}','int'),concat()`)];
  }
  return cookieRules(source.cookie, `txn.banyan_cookie_${index}`);
}

/**
 * HAProxy takes the last cookie of a name and minds quotes; Banyan's router takes the first and does
 * not. They differ only where a name comes twice or quotes are there, so the expression is left alone
 * otherwise.
 */
function cookieRules(name: string, variable: string): string[] {
  const first = `^(?:[^;]*;)*?[ \\t]*${name.replaceAll('.', '[.]')}[ \\t]*=[ \\t]*([^;]*?)[ \\t]*(?:;.*)?$`;
  const present = `{ req.cook_cnt(${name}) gt 0 }`;
  const odd = `{ req.cook_cnt(${name}) gt 1 } or ${ROUTED} !${KEYED} ${present} { req.cook(${name}) -m sub '"' }`;
  return [
    `http-request set-var(${variable}) req.fhdr(cookie,1),regsub('"${first}"','"\\1"'),regsub('"^\\x22(.*)\\x22$"','"\\1"') if ${ROUTED} !${KEYED} ${odd}`,
    `http-request set-var(txn.banyan_key) var(${variable}) if ${ROUTED} !${KEYED} { var(${variable}) -m found }`,
    `http-request set-var(txn.banyan_key) req.cook(${name}) if ${ROUTED} !${KEYED} !{ var(${variable}) -m found }`,
    `http-request unset-var(${variable})`,
  ];
}
