import { splitPath } from '../path-template.ts';
import type { RequestFacts } from '../decision/facts.ts';
import type { FlagContext } from './open-feature.ts';

/** What an evaluation context says of a request; what it leaves out fits no rule. */
export class ContextFacts implements RequestFacts {
  readonly method: string;
  readonly #context: FlagContext;

  constructor(context: FlagContext) {
    this.#context = context;
    this.method = this.#text('method')?.toUpperCase() ?? '';
  }

  host(): string {
    return this.#text('host')?.toLowerCase() ?? '';
  }

  path(): readonly string[] {
    return splitPath(this.#text('path') ?? '');
  }

  header(name: string): string | undefined {
    return this.#entry('headers', name);
  }

  query(name: string): string | undefined {
    return this.#entry('query', name);
  }

  tenant(): string | undefined {
    return this.#text('tenant');
  }

  region(): string | undefined {
    return this.#text('region');
  }

  #text(name: string): string | undefined {
    const value = this.#context[name];
    return typeof value === 'string' ? value : undefined;
  }

  #entry(of: 'headers' | 'query', name: string): string | undefined {
    const entries = this.#context[of];
    if (typeof entries !== 'object' || entries === null) return undefined;
    const found = Object.entries(entries).find(([key]) => (of === 'headers' ? key.toLowerCase() : key) === name);
    return typeof found?.[1] === 'string' ? found[1] : undefined;
  }
}
