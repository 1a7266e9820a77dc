import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

/** Files in PEM, read again when they change. */
export interface ListenTls {
  /** The certificate and the chain behind it. */
  readonly cert: string;
  readonly key: string;
  /** With it, clients must show a certificate signed by one of these authorities. Default: none is asked for. */
  readonly clientCa?: string;
}

/** How the sides' own certificates are checked, and what the router shows them. */
export interface UpstreamTls {
  /** PEM texts. Default: the authorities that Node.js knows. */
  readonly ca?: string | undefined;
  /** A client certificate, and its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name that the certificate must have. Default: the URL's host. */
  readonly servername?: string | undefined;
  /** False takes any certificate: whoever sits between may read and change everything. Default true. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** @throws BANYAN_ROUTE_TLS if the files can't be read, or are no certificate with its key. */
export async function readTls(files: ListenTls): Promise<SecureContextOptions> {
  try {
    const [cert, key, ca] = await Promise.all([readFile(files.cert), readFile(files.key), files.clientCa === undefined ? undefined : readFile(files.clientCa)]);
    const options: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) };
    createSecureContext(options);
    return options;
  } catch (error) {
    throw new BanyanError('BANYAN_ROUTE_TLS', { message: `The listener's certificate could not be used: ${messageOf(error)}`, cause: error });
  }
}

/**
 * Looks at the files until aborted, and hands over what changed. Files that do not belong together, as in the
 * middle of a renewal, are left for the next look; connections keep the certificate they began with.
 */
export async function watchTls(options: {
  readonly files: ListenTls;
  readonly current: SecureContextOptions;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly changed: (context: SecureContextOptions) => void;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { files, everyMs, clock, logger, changed, signal } = options;
  let text = fingerprint(options.current);
  let told = '';
  while (!signal.aborted) {
    try {
      await clock.sleep(everyMs, signal);
    } catch {
      return;
    }
    try {
      const context = await readTls(files);
      const now = fingerprint(context);
      if (now === text) continue;
      text = now;
      told = '';
      changed(context);
      logger.info('the listener has a new certificate', { file: files.cert });
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== told) logger.error('the listener keeps its certificate: the new one can not be used', { file: files.cert, reason });
      told = reason;
    }
  }
}

const fingerprint = ({ cert, key, ca }: SecureContextOptions): string => [cert, key, ca].map(String).join('\n');
