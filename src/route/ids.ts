/** Gives `size` random bytes. */
export type RandomBytes = (size: number) => Uint8Array;

/** Identifiers for requests, traces and anonymous users. Draws randomness in blocks: one call serves many. */
export class Ids {
  readonly #random: RandomBytes;
  #block = Buffer.alloc(0);
  #at = 0;

  constructor(random: RandomBytes) {
    this.#random = random;
  }

  /** `bytes` random bytes in hexadecimal. */
  hex(bytes: number): string {
    if (this.#at + bytes > this.#block.length) {
      this.#block = Buffer.from(this.#random(4096));
      this.#at = 0;
    }
    this.#at += bytes;
    return this.#block.toString('hex', this.#at - bytes, this.#at);
  }

  /** A W3C trace context for a request that came without one; not sampled. */
  traceparent(): string {
    const digits = this.hex(24);
    return `00-${digits.slice(0, 32)}-${digits.slice(32)}-00`;
  }
}
