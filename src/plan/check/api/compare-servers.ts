import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import { member, type Form, type Node } from './form.ts';

export interface CompareServersOptions {
  readonly before: unknown;
  readonly after: unknown;
  readonly path: string;
  readonly operations: readonly string[];
  readonly form: Form;
}

/** The addresses under which an API, a path or an operation answers. */
export function compareServers({ before, after, path, operations, form }: CompareServersOptions): Finding[] {
  const at = path === '' ? 'servers' : `${path}.servers`;
  const urls = (servers: unknown): Set<string> => new Set(form.list(servers, at).flatMap((server) => addresses(form, form.object(server, at), at)));
  const [from, to] = [urls(before), urls(after)];
  return [
    ...[...from].filter((url) => !to.has(url)).map((url) => finding({ rule: 'server-removed', path: at, description: `the server ${url} was removed`, old: url }, operations)),
    ...[...to].filter((url) => !from.has(url)).map((url) => finding({ rule: 'server-added', path: at, description: `the server ${url} was added`, fresh: url }, operations)),
  ];
}

/** So many addresses of one server are told apart; of more, its template is. */
const MOST_ADDRESSES = 200;

/** The addresses that a server's template stands for, as far as its variables list their values. */
function addresses(form: Form, server: Node, at: string): string[] {
  const template = form.text(member(server, 'url'), `${at}.url`).replace(/(?<=.)\/$/, '');
  const listed = Object.entries(form.optionalObject(member(server, 'variables'), `${at}.variables`)).flatMap(([name, variable]): [string, readonly string[]][] => {
    const where = `${at}.variables.${name}.enum`;
    const values = form.list(member(form.object(variable, where), 'enum'), where).map((value) => form.text(value, where));
    return values.length === 0 || !template.includes(`{${name}}`) ? [] : [[`{${name}}`, values]];
  });
  if (listed.reduce((count, [, values]) => count * values.length, 1) > MOST_ADDRESSES) return [template];
  return listed.reduce<string[]>((urls, [name, values]) => urls.flatMap((url) => values.map((value) => url.replaceAll(name, value))), [template]);
}
