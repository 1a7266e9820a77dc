import { messageOf } from '../../core/errors.ts';
import { textOf, type ReadStatement, type StatementStep } from '../../model/logged-statement.ts';

/** What all statements of one form do. Undefined steps: the grammar refused them. */
export interface Form {
  readonly steps: readonly FormStep[] | undefined;
}

/** As {@link StatementStep}, with what is accessed as a number of {@link FormsOptions.accessOf}. */
export type FormStep = { readonly kind: 'access'; readonly access: number } | Extract<StatementStep, { readonly kind: 'control' }>;

export interface FormsOptions {
  readonly read: ReadStatement;
  /** The number of what a statement accesses; the same for equal accesses. */
  readonly accessOf: (step: Extract<StatementStep, { readonly kind: 'access' }>) => number;
  /** Told once for each form that the grammar refuses. */
  readonly onUnread: (text: string, reason: string) => void;
  /** Most forms that are remembered. */
  readonly limit: number;
}

/**
 * Asks the grammar once for each form of statement. Bounded: of the forms remembered, those that were
 * not used since the last half of the limit was filled are forgotten first.
 */
export class Forms {
  readonly #options: FormsOptions;
  #young = new Map<number, Form>();
  #old = new Map<number, Form>();
  #read = 0;
  #evicted = 0;

  constructor(options: FormsOptions) {
    this.#options = options;
  }

  /** Forms that were read; one that was forgotten and came again counts twice. */
  get read(): number {
    return this.#read;
  }

  get evicted(): number {
    return this.#evicted;
  }

  /** The form of a text, given as bytes in latin1, whose fingerprint is at hand. */
  of(text: string, key: number): Form {
    const young = this.#young.get(key);
    if (young) return young;
    const form = this.#old.get(key) ?? this.#ask(text);
    this.#old.delete(key);
    this.#young.set(key, form);
    if (this.#young.size * 2 >= this.#options.limit) {
      this.#evicted += this.#old.size;
      this.#old = this.#young;
      this.#young = new Map();
    }
    return form;
  }

  #ask(latin1: string): Form {
    this.#read += 1;
    const text = textOf(latin1);
    try {
      const steps = this.#options.read(text);
      return { steps: steps.map((step) => (step.kind === 'access' ? { kind: 'access', access: this.#options.accessOf(step) } : step)) };
    } catch (error) {
      this.#options.onUnread(text, messageOf(error));
      return { steps: undefined };
    }
  }
}
