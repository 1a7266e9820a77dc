import type { ReadAttribute } from '../attributes.ts';
import { headerValue, queryValue } from '../key.ts';
import { splitPath } from '../path-template.ts';
import type { ProxyRequest } from '../request.ts';
import type { RequestFacts } from './facts.ts';

/** How a router reads what requests say beside their key. */
export interface FactSources {
  readonly tenant: ReadAttribute;
  readonly region: ReadAttribute;
  readonly clientAddress: (request: ProxyRequest) => string;
}

/** The facts of a request that arrived over HTTP. */
export class HttpFacts implements RequestFacts {
  readonly method: string;
  readonly #sources: FactSources;
  readonly #request: ProxyRequest;
  readonly #target: string;
  #segments: readonly string[] | null = null;

  constructor(sources: FactSources, request: ProxyRequest, target: string) {
    this.#sources = sources;
    this.#request = request;
    this.#target = target;
    this.method = request.method ?? 'GET';
  }

  host(): string {
    const host = (this.#request.headers.host ?? '').toLowerCase();
    // An IPv6 address keeps its brackets; a name loses its port, and the dot of the root.
    return host.startsWith('[') ? host.replace(/:\d*$/, '') : (host.split(':', 1)[0] ?? '').replace(/\.$/, '');
  }

  path(): readonly string[] {
    const mark = this.#target.indexOf('?');
    return (this.#segments ??= splitPath(mark < 0 ? this.#target : this.#target.slice(0, mark)));
  }

  header(name: string): string | undefined {
    return headerValue(this.#request, name);
  }

  query(name: string): string | undefined {
    return queryValue(this.#target, name);
  }

  tenant(): string | undefined {
    return this.#sources.tenant(this.#request, this.#sources.clientAddress(this.#request));
  }

  region(): string | undefined {
    return this.#sources.region(this.#request, this.#sources.clientAddress(this.#request));
  }
}
