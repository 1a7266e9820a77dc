import { foldName, ID } from './fold.ts';

/** So many names in one place of a path are no names any more, but what somebody looks for. */
const MOST_NAMES = 30;
const MOST_NODES = 2000;
/** What comes after so many segments is not looked at. */
const MOST_SEGMENTS = 12;

interface Node {
  /** Null: every name leads to `{id}`. */
  below: Map<string, Node> | null;
  any: Node | null;
}

/**
 * Folds paths to the endpoint they belong to: `/api/users/17/orders` is `/api/users/{id}/orders`. What looks like an
 * id is one; and where ever new names come up, as in `/users/ada`, they are ids too.
 */
export class Endpoints {
  readonly #root: Node = { below: new Map(), any: null };
  #nodes = 0;

  /** @param path without its query. */
  of(path: string): string {
    let node = this.#root;
    const segments = path.split('/', MOST_SEGMENTS + 1).slice(1).map((segment) => {
      const name = foldName(segment);
      if (name !== ID && node.below && !node.below.has(name)) this.#add(node, name);
      const next = name === ID ? undefined : node.below?.get(name);
      if (next) {
        node = next;
        return name;
      }
      node = node.any ??= { below: new Map(), any: null };
      return ID;
    });
    return `/${segments.join('/')}`;
  }

  #add(node: Node, name: string): void {
    if (!node.below) return;
    if (node.below.size >= MOST_NAMES || this.#nodes >= MOST_NODES) {
      node.below = null;
      return;
    }
    this.#nodes++;
    node.below.set(name, { below: new Map(), any: null });
  }
}
