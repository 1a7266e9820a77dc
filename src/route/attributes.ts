import { readSource, type TextSource } from './key.ts';
import { networkTable } from '../core/network.ts';
import type { ProxyRequest } from './request.ts';

/** Where a request says to which tenant, or which region, it belongs; the first that yields a value wins. */
export type AttributeSource = TextSource | { readonly networks: Readonly<Record<string, readonly string[]>> };

/** What a request says of one attribute. */
export type ReadAttribute = (request: ProxyRequest, clientAddress: string) => string | undefined;

export function compileAttribute(sources: readonly AttributeSource[]): ReadAttribute {
  const readers = sources.map((source): ReadAttribute => {
    if (!('networks' in source)) return (request) => readSource(source, request);
    const table = networkTable(source.networks);
    return (_request, address) => table(address);
  });
  return (request, address) => {
    for (const read of readers) {
      const value = read(request, address);
      if (value !== undefined && value !== '') return value;
    }
    return undefined;
  };
}
