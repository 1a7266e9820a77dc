/** What clients know of each item's stock: pieces they were promised, and pieces they have asked for. */
export class StockLedger {
  readonly items: readonly string[];
  /** Whether any user's read shows what any other was told before it: so where items, and not users, are moved. */
  readonly checked: boolean;
  readonly #pieces: number;
  readonly #acknowledged = new Map<string, number>();
  readonly #begun = new Map<string, number>();

  constructor(options: { readonly items: number; readonly pieces: number; readonly checked: boolean }) {
    this.items = Array.from({ length: options.items }, (_, n) => `sku-${n}`);
    this.#pieces = options.pieces;
    this.checked = options.checked;
  }

  begin(sku: string, quantity: number): void {
    add(this.#begun, sku, quantity);
  }

  acknowledge(sku: string, quantity: number): void {
    add(this.#acknowledged, sku, quantity);
  }

  refused(sku: string, quantity: number): void {
    add(this.#begun, sku, -quantity);
  }

  /** The most that may be left: what was promised so far is gone. */
  most(sku: string): number {
    return this.#pieces - (this.#acknowledged.get(sku) ?? 0);
  }

  /** The least that may be left: everything asked for was promised. */
  least(sku: string): number {
    return Math.max(0, this.#pieces - (this.#begun.get(sku) ?? 0));
  }
}

function add(counts: Map<string, number>, sku: string, quantity: number): void {
  counts.set(sku, (counts.get(sku) ?? 0) + quantity);
}
