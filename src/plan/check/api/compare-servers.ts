import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import { member, type Form } from './form.ts';

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
  const urls = (servers: unknown): Set<string> => new Set(form.list(servers, at).map((server) => form.text(member(form.object(server, at), 'url'), `${at}.url`).replace(/(?<=.)\/$/, '')));
  const [from, to] = [urls(before), urls(after)];
  return [
    ...[...from].filter((url) => !to.has(url)).map((url) => finding({ rule: 'server-removed', path: at, description: `the server ${url} was removed`, old: url }, operations)),
    ...[...to].filter((url) => !from.has(url)).map((url) => finding({ rule: 'server-added', path: at, description: `the server ${url} was added`, fresh: url }, operations)),
  ];
}
