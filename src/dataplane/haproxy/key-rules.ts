import type { PlaneKey } from '../../ports/data-plane.ts';
import { unsupported } from '../check-plan.ts';

/** The cookie of a user without any other key; the router's own name for it. */
export const ANONYMOUS_COOKIE = 'banyan-key';

const KEYED = 'banyan_keyed';
const ROUTED = '{ var(txn.banyan_service) -m found }';
const UNKNOWN = `!${KEYED} ${ROUTED}`;

/**
 * The rules that find a user's key, in the order of the chain, as Banyan's router finds it: the first
 * source with a value wins. Only requests of a route are looked at.
 *
 * Of two conditions the one stands first that fails for most requests: each costs time.
 */
export function keyRules(chain: readonly PlaneKey[]): string[] {
  const rules = [`acl ${KEYED} var(txn.banyan_key) -m len ge 1`];
  chain.forEach((source, index) => {
    rules.push(...rulesOf(source, { index, when: index === 0 ? ROUTED : UNKNOWN }));
  });
  return [
    ...rules,
    // Nobody else sets this one, so it stands once and without quotes.
    `http-request set-var(txn.banyan_key) req.cook(${ANONYMOUS_COOKIE}) if ${UNKNOWN}`,
    `http-request set-var(txn.banyan_anonymous) uuid() if ${UNKNOWN}`,
    'http-request set-var(txn.banyan_key) var(txn.banyan_anonymous) if { var(txn.banyan_anonymous) -m found }',
  ];
}

interface Place {
  readonly index: number;
  /** When this source is asked. */
  readonly when: string;
}

function rulesOf(source: PlaneKey, { index, when }: Place): string[] {
  const take = (expression: string): string => `http-request set-var(txn.banyan_key) ${expression} if ${when}`;
  if (source === 'ip') return [`http-request set-var-fmt(txn.banyan_key) "%[src]" if ${when}`];
  if ('header' in source) return [take(`req.fhdr(${source.header},1)`)];
  if ('query' in source) return [take(`url_param(${source.query}),url_dec(1)`)];
  if ('jwt' in source) {
    if (!/^[A-Za-z0-9_-]+$/.test(source.jwt)) unsupported(`The claim ${source.jwt} has a name that HAProxy's json_query reads as a path. Let somebody in front put it into a header.`);
    return [take(`http_auth_bearer,jwt_payload_query('$.${source.jwt}','int'),concat()`)];
  }
  return cookieRules(source.cookie, { index, when });
}

/**
 * HAProxy takes the last cookie of a name and minds quotes; Banyan's router takes the first and does
 * not. They differ only where a name comes twice or quotes are there, so the expression is left alone
 * otherwise.
 */
function cookieRules(name: string, { index, when }: Place): string[] {
  // The first source has nobody before it whose key it could overwrite.
  const cookie = index === 0 ? 'txn.banyan_key' : `txn.banyan_cookie_${index}`;
  const first = `^(?:[^;]*;)*?[ \\t]*${name.replaceAll('.', '[.]')}[ \\t]*=[ \\t]*([^;]*?)[ \\t]*(?:;.*)?$`;
  const asRouter = `req.fhdr(cookie,1),regsub('"${first}"','"\\1"'),regsub('"^\\x22(.*)\\x22$"','"\\1"')`;
  const odd = `{ var(${cookie}) -m sub '"' } or { var(${cookie}) -m found } { req.cook_cnt(${name}) gt 1 }`;
  const rules = [`http-request set-var(${cookie}) req.cook(${name}) if ${when}`, `http-request set-var(${cookie}) ${asRouter} if ${odd}`];
  return index === 0 ? rules : [...rules, `http-request set-var(txn.banyan_key) var(${cookie}) if !${KEYED} { var(${cookie}) -m found }`];
}
