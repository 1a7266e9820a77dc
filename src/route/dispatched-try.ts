import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Receiver, Try } from './upstream.ts';

/** A discarded response is read up to here to keep its connection; beyond, that is closed. */
const MAX_DISCARDED = 65_536;

/** One try over a kept connection, by undici. */
export class DispatchedTry implements Try, Dispatcher.DispatchHandler {
  readonly #receiver: Receiver;
  readonly #over: () => void;
  #controller: Dispatcher.DispatchController | null = null;
  #aborted: Error | null = null;
  #discarding = false;
  #discarded = 0;

  constructor(receiver: Receiver, over: () => void) {
    this.#receiver = receiver;
    this.#over = over;
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** Gives the request up and closes its connection. */
  abort(reason: Error): void {
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  // undici calls this immediately before it writes the request to a connected socket.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(this.#aborted);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusMessage?: string,
  ): void {
    // Informational responses concern this hop.
    if (status < 200) return;
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
    const wanted = this.#receiver.head({ status, statusMessage: statusMessage ?? '', headers, rawHeaders: raw });
    this.#discarding = !wanted;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#discarding) {
      this.#discarded += chunk.length;
      if (this.#discarded > MAX_DISCARDED) controller.abort(new Error('the discarded response is too long'));
    } else if (!this.#receiver.chunk(chunk)) {
      controller.pause();
    }
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#over();
    if (!this.#discarding) this.#receiver.ended(trailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#over();
    if (!this.#discarding) this.#receiver.failed(error, this.#controller !== null);
  }
}
