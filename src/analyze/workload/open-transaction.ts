/** What a transaction that has not ended did so far, between its savepoints. */
export class OpenTransaction {
  readonly explicit: boolean;
  readonly line: number;
  /** The server's own name of it, where the log has it. */
  readonly name: string | undefined;
  /** An error made the rest of it void, back to a savepoint. */
  failed = false;
  readonly #parts: { readonly name: string; readonly accesses: Set<number> }[] = [{ name: '', accesses: new Set() }];

  constructor({ explicit, line, name }: { readonly explicit: boolean; readonly line: number; readonly name: string | undefined }) {
    this.explicit = explicit;
    this.line = line;
    this.name = name;
  }

  access(number: number): void {
    if (!this.failed) this.#parts.at(-1)?.accesses.add(number);
  }

  savepoint(name: string): void {
    if (this.failed) return;
    this.#parts.push({ name, accesses: new Set() });
    if (this.#parts.length > MOST_SAVEPOINTS) this.#merge(1);
  }

  release(name: string): void {
    const index = this.failed ? -1 : this.#find(name);
    if (index > 0) while (this.#parts.length > index) this.#merge(this.#parts.length - 1);
  }

  /** Forgets what was done since; the savepoint stays. */
  rollbackTo(name: string): void {
    const index = this.#find(name);
    if (index <= 0) return;
    this.#parts.length = index;
    this.#parts.push({ name, accesses: new Set() });
    this.failed = false;
  }

  accesses(): ReadonlySet<number> {
    while (this.#parts.length > 1) this.#merge(this.#parts.length - 1);
    return this.#parts[0]?.accesses ?? new Set();
  }

  #find(name: string): number {
    return this.#parts.findLastIndex((part, index) => index > 0 && part.name === name);
  }

  #merge(index: number): void {
    const [part] = this.#parts.splice(index, 1);
    const into = this.#parts[index - 1];
    for (const access of part?.accesses ?? []) into?.accesses.add(access);
  }
}

const MOST_SAVEPOINTS = 200;
