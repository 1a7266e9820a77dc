import type { Clock } from '../core/clock.ts';

/** A batch that ran ahead was given up before its turn. Nothing is wrong with it, and nothing of it stays. */
export class CalledBack extends Error {
  constructor(why: string) {
    super(`the batch was called back: ${why}`);
    // What was stopped half way was not at fault: see Applier.isTransient.
    this.name = 'AbortError';
  }
}

/** A batch's place among those of one stream that run at once. */
export interface Turn {
  /** Aborted when the batch must give up what it holds. */
  readonly calledBack: AbortSignal;
  /** Resolves once every batch before it is committed; rejects if one of them was not. */
  commit(): Promise<void>;
  /** As {@link commit}, and calls back every batch behind it: from here on this one is alone. */
  alone(): Promise<void>;
}

interface Member<T> {
  readonly item: T;
  readonly keys: ReadonlySet<string>;
  readonly recall: AbortController;
  /** Whether it was committed; never rejects. */
  done: Promise<boolean>;
}

export interface ApplyLineOptions {
  readonly clock: Clock;
  /** Most batches at once. */
  readonly width: number;
  /**
   * How long a batch waits for the one before it, in milliseconds, before it gives up its locks. The one
   * before may be waiting for just these, which no server can see. Default 500.
   */
  readonly patienceMs?: number;
  /** Told when a batch was not committed. */
  readonly onBroken?: () => void;
}

/**
 * Batches of one stream that run at once and are committed in their order. A batch may run ahead of
 * the one before it as far as set-based statements go: its row locks keep the order of each row.
 * Everything that judges or settles waits until all before it is committed and nothing behind it
 * runs ({@link Turn.alone}). When a batch fails, those behind it are called back, and whoever owns
 * the line applies them again, one after the other ({@link clear}).
 */
export class ApplyLine<T> {
  readonly #options: ApplyLineOptions;
  #members: Member<T>[] = [];
  #failed: { readonly number: number; readonly item: T; readonly error: unknown }[] = [];
  #entered = 0;
  /** Somebody is alone, or is about to be. */
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(options: ApplyLineOptions) {
    this.#options = options;
  }

  get empty(): boolean {
    return this.#members.length === 0;
  }

  /** A batch was not committed: nobody enters until {@link clear}. */
  get broken(): boolean {
    return this.#failed.length > 0;
  }

  /** The batch whose turn it is. */
  get head(): T | undefined {
    return this.#members[0]?.item;
  }

  /** Whether a batch that writes these rows may run beside those that do. */
  admits(keys: ReadonlySet<string>): boolean {
    if (this.broken || this.#closed || this.#members.length >= this.#options.width) return false;
    return this.#members.every((member) => disjoint(member.keys, keys));
  }

  /** Runs a batch at the end of the line. */
  enter(item: T, keys: ReadonlySet<string>, run: (turn: Turn) => Promise<void>): void {
    const number = this.#entered;
    this.#entered += 1;
    const before = this.#members.at(-1);
    const recall = new AbortController();
    const member: Member<T> = { item, keys, recall, done: Promise.resolve(false) };
    const commit = async (): Promise<void> => {
      recall.signal.throwIfAborted();
      if (before && this.#members.includes(before)) await this.#follow(before);
      recall.signal.throwIfAborted();
    };
    const alone = async (): Promise<void> => {
      this.#closed = true;
      await commit();
      this.#recallAfter(member, 'the batch before it has to look at single rows');
    };
    this.#members.push(member);
    member.done = run({ calledBack: recall.signal, commit, alone }).then(
      () => this.#leave(member),
      (error: unknown) => {
        this.#recallAfter(member, 'the batch before it failed');
        this.#failed.push({ number, item, error });
        this.#leave(member);
        this.#options.onBroken?.();
        return false;
      },
    );
  }

  /** Resolves when a batch has left. */
  async changed(): Promise<void> {
    if (this.empty) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Waits until nothing runs; gives the batches that were not committed, in order, and opens the line again. */
  async clear(): Promise<readonly { readonly item: T; readonly error: unknown }[]> {
    while (this.#members.length > 0) await Promise.all(this.#members.map((member) => member.done));
    const failed = this.#failed.toSorted((a, b) => a.number - b.number);
    this.#failed = [];
    return failed;
  }

  async #follow(before: Member<T>): Promise<void> {
    const { clock, patienceMs = 500 } = this.#options;
    const over = new AbortController();
    const late = clock.sleep(patienceMs, over.signal).then(() => 'late' as const, () => 'late' as const);
    const outcome = await Promise.race([before.done, late]);
    over.abort();
    if (outcome === 'late') throw new CalledBack('the batch before it takes long, and may be waiting for it');
    if (!outcome) throw new CalledBack('the batch before it failed');
  }

  #recallAfter(member: Member<T>, why: string): void {
    for (const later of this.#members.slice(this.#members.indexOf(member) + 1)) later.recall.abort(new CalledBack(why));
  }

  #leave(member: Member<T>): true {
    this.#members = this.#members.filter((each) => each !== member);
    if (this.#members.length === 0) this.#closed = false;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    return true;
  }
}

function disjoint(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const key of few) if (many.has(key)) return false;
  return true;
}
