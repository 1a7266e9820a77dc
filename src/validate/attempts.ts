import { isBanyanError, type BanyanError } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-codes.ts';

/** Something that a run was asked to check and could not: neither known to hold nor to fail. */
export interface Unchecked {
  readonly check: 'rows' | 'structure' | 'references' | 'rule';
  /** The table of rows, or the rule; absent: all that were compared. */
  readonly name?: string;
  readonly code: ErrorCode;
  /** Why: what the server or the definition says. */
  readonly message: string;
}

/** What is wrong with one table or rule says nothing of the next. A connection that is lost, or a stream that stands still, does. */
const OF_ONE: ReadonlySet<ErrorCode> = new Set(['BANYAN_TABLE_UNKNOWN', 'BANYAN_VALIDATE_COLUMN', 'BANYAN_VALIDATE_QUERY', 'BANYAN_VALIDATE_RULE']);

/** Makes the checks of a run, each for itself where it goes on over those that can not be made. */
export class Attempts {
  readonly unchecked: Unchecked[] = [];
  readonly #keepGoing: boolean;
  readonly #signal: AbortSignal | undefined;
  #first: BanyanError | undefined;
  #made = 0;

  constructor({ keepGoing = false, signal }: { readonly keepGoing?: boolean; readonly signal?: AbortSignal }) {
    this.#keepGoing = keepGoing;
    this.#signal = signal;
  }

  /** Undefined: it could not be made, and is among `unchecked`. @throws what `work` throws, unless the run goes on over it */
  async make<T>(of: Pick<Unchecked, 'check' | 'name'>, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work();
      this.#made++;
      return result;
    } catch (error) {
      if (!this.#keepGoing || this.#signal?.aborted === true || !isBanyanError(error) || !OF_ONE.has(error.code)) throw error;
      this.#first ??= error;
      this.unchecked.push({ ...of, code: error.code, message: error.message });
      return undefined;
    }
  }

  /** @throws the first refusal if nothing could be checked: that is no report. */
  refuseNothing(): void {
    if (this.#first && this.#made === 0) throw this.#first;
  }
}
