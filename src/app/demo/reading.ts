import { readFile } from 'node:fs/promises';
import { shopFile } from './processes.ts';

/** What the shop's check of its journal prints. */
export interface JournalCounts {
  readonly requests: number;
  readonly requestsFailed: number;
  readonly requestsFailedOutsideFault: number;
  readonly writesAcknowledged: number;
  readonly writesLost: number;
  readonly movedBack: number;
  readonly staleReads: number;
  /** Evidence, the first ones of each kind. */
  readonly lost: readonly unknown[];
  readonly failed: readonly unknown[];
  readonly moves: readonly unknown[];
  readonly stale: readonly unknown[];
}

/** A list of strings in one of the shop's sources, which are TypeScript and so not imported from here. */
export async function listIn(file: string, name: string): Promise<readonly string[]> {
  const text = await readFile(shopFile(file), 'utf8');
  const list = new RegExp(`${name} = \\[([^\\]]*)\\]`).exec(text)?.[1] ?? '';
  return [...list.matchAll(/'([^']+)'/g)].map((match) => match[1] ?? '');
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Not every line that a program prints is JSON.
    return undefined;
  }
}

export function numberIn(value: unknown, name: string): number {
  if (typeof value !== 'object' || value === null || !(name in value)) return 0;
  const found = (value as Readonly<Record<string, unknown>>)[name];
  return typeof found === 'number' ? found : 0;
}

export function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;
}

export const urlIn = (message: unknown): string | undefined =>
  typeof message === 'object' && message !== null && 'url' in message && typeof message.url === 'string' ? message.url : undefined;

/** Of the line with which a server says that it listens: JSON with a port, or text with a URL. */
export const portOf = (line: string): number | undefined =>
  numberIn(parsed(line), 'port') || Number(/listening on https?:\/\/[^\s/]*:(\d+)/.exec(line)?.[1]) || undefined;

export const rowsOf = (line: string): number | undefined => numberIn(parsed(line), 'rows') || undefined;
