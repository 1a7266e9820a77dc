import type { IncomingMessage } from 'node:http';

/** What the router reads of a request, whichever protocol it came by. */
export type ProxyRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders' | 'httpVersion'> & {
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
  addTrailers(trailers: Record<string, string>): void;
  end(text?: string): unknown;
  destroy(): unknown;
  /** Calls back whenever nothing has moved on the connection for so long, either way. */
  setTimeout(ms: number, listener: () => void): unknown;
}
