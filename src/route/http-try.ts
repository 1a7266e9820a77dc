import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { errors } from 'undici';
import type { Receiver, Try, UpstreamTimeouts } from './upstream.ts';

export interface HttpTryOptions {
  readonly outgoing: ClientRequest;
  readonly body: Readable | Buffer | null;
  /** The fields behind the body, once that has ended. */
  readonly trailers: (() => readonly [string, string][]) | null;
  /** The body is sent when the side asks for it, or says nothing for `timeouts.continueMs`. */
  readonly waits: boolean;
  readonly timeouts: Required<UpstreamTimeouts>;
  readonly receiver: Receiver;
  /** Told once, when nothing more will come. */
  readonly over: () => void;
}

/**
 * One try over a connection of its own, by node:http, for what undici does not send: trailers, and `Expect`.
 * The body is not touched before the side is connected, so it can go elsewhere if that fails.
 */
export class HttpTry implements Try {
  readonly #options: HttpTryOptions;
  #socket: Socket | null = null;
  #sent = false;
  #uploading = false;
  #over = false;
  #answer: IncomingMessage | null = null;

  constructor(options: HttpTryOptions) {
    this.#options = options;
    const { outgoing } = options;
    outgoing.on('error', (error) => {
      this.#fail(error);
    });
    outgoing.once('socket', (socket) => {
      this.#connect(socket);
    });
    // A second one would be a fault of the side's; the client is asked once.
    outgoing.once('continue', () => {
      this.#ask();
    });
    outgoing.once('response', (answer) => {
      this.#answered(answer);
    });
    outgoing.once('close', () => {
      this.#fail(new errors.SocketError('the connection was closed'));
    });
  }

  resume(): void {
    this.#answer?.resume();
  }

  abort(reason: Error): void {
    this.#fail(reason);
  }

  #connect(socket: Socket): void {
    if (this.#over) return;
    const { outgoing, waits, timeouts } = this.#options;
    this.#socket = socket;
    socket.setTimeout(timeouts.connectMs);
    socket.on('timeout', () => {
      this.#late();
    });
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      if (this.#over) return;
      this.#sent = true;
      outgoing.flushHeaders();
      if (waits) socket.setTimeout(timeouts.continueMs);
      else this.#upload();
    });
  }

  /** Nothing has moved for as long as it may at this point. */
  #late(): void {
    if (!this.#sent) this.#fail(new errors.ConnectTimeoutError('no connection in time'));
    else if (this.#answer) this.#fail(new errors.BodyTimeoutError('the answer stood still'));
    else if (this.#uploading) this.#fail(new errors.HeadersTimeoutError('no answer in time'));
    // A side that never asks: it may know nothing of it.
    else this.#ask();
  }

  #ask(): void {
    if (this.#uploading || this.#over || this.#answer) return;
    this.#options.receiver.continued?.();
    this.#upload();
  }

  #upload(): void {
    const { outgoing, body, trailers, timeouts } = this.#options;
    this.#uploading = true;
    // The client's standing still is looked after where it is answered.
    this.#socket?.setTimeout(0);
    outgoing.once('finish', () => {
      if (!this.#answer) this.#socket?.setTimeout(timeouts.headersMs);
    });
    if (body === null || Buffer.isBuffer(body)) {
      outgoing.end(body ?? undefined);
      return;
    }
    // Broken off: for the side it must not look like its end.
    body.once('error', (error) => {
      this.#fail(error);
    });
    body.once('end', () => {
      if (this.#over) return;
      const fields = trailers?.() ?? [];
      if (fields.length > 0) outgoing.addTrailers(fields);
      outgoing.end();
    });
    body.pipe(outgoing, { end: false });
  }

  #answered(answer: IncomingMessage): void {
    if (this.#over) {
      answer.destroy();
      return;
    }
    this.#answer = answer;
    const { receiver, timeouts } = this.#options;
    this.#socket?.setTimeout(timeouts.bodyMs);
    const { statusCode: status = 502, statusMessage = '', headers, rawHeaders } = answer;
    if (!receiver.head({ status, statusMessage, headers, rawHeaders })) {
      this.#finish();
      return;
    }
    answer.on('data', (chunk: Buffer) => {
      if (!this.#over && !receiver.chunk(chunk)) answer.pause();
    });
    answer.once('error', (error) => {
      this.#fail(error);
    });
    answer.once('end', () => {
      if (this.#over) return;
      this.#finish();
      receiver.ended(answer.trailers);
    });
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#options.receiver.failed(error, this.#sent);
  }

  /** Nothing more is told. The connection goes too: what is left of an upload is nobody's. */
  #finish(): void {
    this.#over = true;
    const { outgoing, body, over } = this.#options;
    if (body !== null && !Buffer.isBuffer(body)) body.unpipe(outgoing);
    outgoing.destroy();
    over();
  }
}
