/*
 * The shapes of OpenFeature's provider interface (https://openfeature.dev/specification/sections/providers, the
 * server SDK for Node, 1.x), as far as Banyan gives or takes them. Said here instead of imported: who uses no flags
 * needs no SDK.
 */

export type FlagValue = boolean | string | number | FlagStructure | readonly FlagValue[] | null;
export interface FlagStructure {
  readonly [name: string]: FlagValue;
}

/** Of whom, or what, a flag is asked. */
export interface FlagContext {
  readonly targetingKey?: string;
  readonly [attribute: string]: unknown;
}

export interface FlagResolution<T> {
  readonly value: T;
  readonly variant?: string;
  readonly reason?: string;
}

export type FlagEventDetails = Record<string, unknown> & { readonly providerName: string; readonly flagsChanged?: string[]; readonly message?: string };
export type FlagEventHandler = (details?: FlagEventDetails) => unknown;

/** What is asked of an outside provider. */
export interface OutsideProvider {
  readonly metadata?: { readonly name?: string };
  readonly events?: {
    addHandler(event: string, handler: FlagEventHandler): void;
    removeHandler(event: string, handler: FlagEventHandler): void;
  };
  initialize?(context?: Record<string, string>): Promise<void>;
  onClose?(): Promise<void>;
  resolveObjectEvaluation(flag: string, byDefault: Record<string, string>, context: Record<string, string>, logger: FlagLogger): Promise<FlagResolution<unknown>>;
  resolveNumberEvaluation(flag: string, byDefault: number, context: Record<string, string>, logger: FlagLogger): Promise<FlagResolution<number>>;
  resolveBooleanEvaluation(flag: string, byDefault: boolean, context: Record<string, string>, logger: FlagLogger): Promise<FlagResolution<boolean>>;
}

export interface FlagLogger {
  error(...told: unknown[]): void;
  warn(...told: unknown[]): void;
  info(...told: unknown[]): void;
  debug(...told: unknown[]): void;
}

/** An error by which the SDK answers with the caller's default, and says why. */
export class FlagError extends Error {
  readonly code: 'FLAG_NOT_FOUND' | 'TYPE_MISMATCH' | 'TARGETING_KEY_MISSING' | 'PROVIDER_NOT_READY';

  constructor(code: FlagError['code'], message: string) {
    super(message);
    this.name = 'FlagError';
    this.code = code;
  }
}

/** Tells handlers of events, as the SDK's own emitter does. One that throws keeps no other from hearing. */
export class FlagEvents {
  readonly #handlers = new Map<string, FlagEventHandler[]>();
  #logger: FlagLogger | undefined;
  readonly #providerName: string;

  constructor(providerName: string) {
    this.#providerName = providerName;
  }

  emit(event: string, details: { readonly flagsChanged?: string[]; readonly message?: string } = {}): void {
    for (const handler of this.getHandlers(event)) {
      void (async () => handler({ ...details, providerName: this.#providerName }))().catch((error: unknown) => {
        this.#logger?.error('a handler of a provider event failed', error);
      });
    }
  }

  addHandler(event: string, handler: FlagEventHandler): void {
    this.#handlers.set(event, [...this.getHandlers(event), handler]);
  }

  removeHandler(event: string, handler: FlagEventHandler): void {
    this.#handlers.set(event, this.getHandlers(event).filter((each) => each !== handler));
  }

  removeAllHandlers(event?: string): void {
    if (event === undefined) this.#handlers.clear();
    else this.#handlers.delete(event);
  }

  getHandlers(event: string): FlagEventHandler[] {
    return this.#handlers.get(event) ?? [];
  }

  setLogger(logger: FlagLogger): this {
    this.#logger = logger;
    return this;
  }
}
