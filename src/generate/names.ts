import pluralize from 'pluralize';

/** The lower-case ASCII words of a table's or column's name: `OrderItems`, `order_items` -> order, items. */
export function words(name: string): string[] {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function withLast(parts: readonly string[], change: (word: string) => string): string[] {
  return parts.map((word, i) => (i === parts.length - 1 ? change(word) : word));
}

export const singularWords = (parts: readonly string[]): string[] => withLast(parts, (word) => pluralize.singular(word));

export const pluralWords = (parts: readonly string[]): string[] => withLast(parts, (word) => pluralize.plural(word));

export function pascal(parts: readonly string[]): string {
  const name = parts.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return /^[0-9]/.test(name) ? `T${name}` : name;
}

export function camel(parts: readonly string[]): string {
  const name = pascal(parts);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/**
 * Type names that a generated module could not use beside what it imports or what the language has;
 * a table of such a name gets the suffix `Entity`.
 */
const TAKEN_TYPES = new Set(
  (
    'Array Boolean Buffer Date Error Function JSON Map Math Number Object Promise Proxy Reflect RegExp Set String Symbol ' +
    'WeakMap WeakSet Record Partial Required Readonly Pick Omit Exclude Extract Parameters Awaited ' +
    'Type Static Column Condition Context Db FastifyInstance ListQuery Page Parameter Pool Problem Resource Row Table Values'
  ).split(' '),
);

/** What a type's name brings with it, so that `user` and `user_create` do not meet. */
const DERIVED = ['', 'Create', 'Replace', 'Patch', 'Key', 'Page'];

/** Hands out names, each once. */
export class TypeNames {
  readonly #taken = new Set<string>(TAKEN_TYPES);

  claim(wanted: string): string {
    for (let n = 0; ; n++) {
      const name = n === 0 ? wanted : `${wanted}Entity${n === 1 ? '' : n}`;
      const derived = DERIVED.map((suffix) => name + suffix);
      if (derived.some((candidate) => this.#taken.has(candidate))) continue;
      for (const candidate of derived) this.#taken.add(candidate);
      return name;
    }
  }
}

/** Hands out names, each once: the wanted one, the alternative, then the wanted one with a number. */
export class UniqueNames {
  readonly #taken = new Set<string>();
  readonly #same: (name: string) => string;

  /** Two names clash if `same` maps them to one text. Default: if they are equal. */
  constructor(same: (name: string) => string = (name) => name) {
    this.#same = same;
  }

  claim(wanted: string, alternative?: string): string {
    for (let n = 0; ; n++) {
      const name = n === 0 ? wanted : n === 1 && alternative !== undefined ? alternative : `${wanted}-${n + 1}`;
      const identity = this.#same(name);
      if (this.#taken.has(identity)) continue;
      this.#taken.add(identity);
      return name;
    }
  }
}
