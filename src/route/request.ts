import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

/** What the router reads of a request, whichever protocol it came by. */
export type ProxyRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders' | 'rawTrailers' | 'httpVersion'> & {
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean | undefined };
  /** The whole body has arrived. */
  readonly complete: boolean;
};

/** Where the router writes an answer, whichever protocol it goes by. */
export interface ProxyResponse {
  readonly headersSent: boolean;
  readonly statusCode: number;
  /** The last byte was handed to the system. */
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  readonly socket: { readonly destroyed: boolean } | null;
  on(event: 'close' | 'drain', listener: () => void): unknown;
  writeContinue(): void;
  writeHead(status: number, statusMessage: string, headers: string[]): unknown;
  flushHeaders(): void;
  write(chunk: Buffer): boolean;
  write(chunk: string, encoding: 'latin1'): boolean;
  addTrailers(trailers: Record<string, string>): void;
  end(text?: string): unknown;
  destroy(): unknown;
  /** Calls back whenever nothing has moved on the connection for so long, either way. */
  setTimeout(ms: number, listener: () => void): unknown;
}

/** One request and where its answer goes. */
export interface Incoming {
  readonly request: ProxyRequest;
  readonly response: ProxyResponse;
  /** Null: it has none. */
  readonly body: Readable | null;
  /** The client sends its body when it is asked to (`Expect: 100-continue`). */
  readonly wantsContinue: boolean;
  /** When its head had arrived, by the monotonic clock. */
  readonly startedAt: number;
}
