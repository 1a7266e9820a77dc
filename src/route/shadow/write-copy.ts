import { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, unzip } from 'node:zlib';
import type { Side } from '../../model/side.ts';
import type { Answer } from './compare.ts';

/**
 * Why a side may be sent a write that it is not to carry out, and how it is told: `write-safe`: its writes harm nobody;
 * `dry-run-header`: it carries out nothing that has the header; `rolled-back`: it rolls back whatever has
 * `x-banyan-shadow: 1`, and the header if one is named.
 */
export interface ShadowWrites {
  readonly mode: 'write-safe' | 'dry-run-header' | 'rolled-back';
  /** As it stands in a request: `x-dry-run: 1`. */
  readonly header?: string;
  /** Which sides promise it. Default: the service only. */
  readonly sides?: readonly Side[];
}

/** A body, or as much of one as may be kept. */
class Kept {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  readonly add = (chunk: Buffer): void => {
    this.#length += chunk.length;
    if (this.#length <= this.#most) this.#chunks.push(chunk);
    else this.#chunks = [];
  };

  /** Null: it was too long. */
  get body(): Buffer | null {
    return this.#length <= this.#most ? Buffer.concat(this.#chunks) : null;
  }
}

/** What is kept of a write while it is the user's: its body, and what he was answered; each up to a bound. */
export class WriteCopy {
  readonly #most: number;
  readonly #request: Kept;
  readonly #over: () => void;
  #answer: { readonly status: number; readonly headers: IncomingHttpHeaders; readonly kept: Kept } | null = null;
  #heard = false;
  #released = false;

  /** @param over is called once, when nothing is kept any more. */
  constructor(most: number, over: () => void) {
    this.#most = most;
    this.#request = new Kept(most);
    this.#over = over;
  }

  /** The body goes to its side now. */
  sent(body: Readable | Buffer | null): void {
    if (this.#heard || body === null) return;
    this.#heard = true;
    if (Buffer.isBuffer(body)) this.#request.add(body);
    // A listener of `data` that the stream's own `on` does not know of: that would begin to read, before anybody who
    // sends the body listens.
    else EventEmitter.prototype.on.call(body, 'data', this.#request.add);
  }

  head({ status, headers }: { readonly status: number; readonly headers: IncomingHttpHeaders }): void {
    this.#answer = { status, headers, kept: new Kept(this.#most) };
  }

  chunk(chunk: Buffer): void {
    this.#answer?.kept.add(chunk);
  }

  /** The request's body; null: it was too long to be copied. */
  get body(): Buffer | null {
    return this.#request.body;
  }

  /** What the side said to the user; null: nothing. */
  async answer(): Promise<Answer | null> {
    if (!this.#answer) return null;
    const { status, headers, kept } = this.#answer;
    return { status, headers, body: await decoded(kept.body, headers['content-encoding'], this.#most) };
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#over();
  }
}

/** Users ask for compressed answers, the shadow does not. Null: too long, or in no form that is known. */
async function decoded(body: Buffer | null, encoding: string | undefined, most: number): Promise<Buffer | null> {
  if (body === null || encoding === undefined || encoding.toLowerCase() === 'identity') return body;
  try {
    if (/^(gzip|x-gzip|deflate)$/i.test(encoding)) return await promisify(unzip)(body, { maxOutputLength: most });
    if (/^br$/i.test(encoding)) return await promisify(brotliDecompress)(body, { maxOutputLength: most });
  } catch {
    // Longer than may be compared, or broken.
  }
  return null;
}

/** The header of the promise, as name and value. */
export function promiseHeader({ header }: ShadowWrites): readonly string[] {
  const [, name, value] = /^([^:\s]+):\s*(.*\S)\s*$/.exec(header ?? '') ?? [];
  return name === undefined || value === undefined ? [] : [name.toLowerCase(), value];
}
