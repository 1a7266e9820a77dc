import type { Readable } from 'node:stream';
import { renameFields, type CompiledFields } from './json-fields.ts';

/** A body that is rewritten is held in memory: at most so many bytes. */
export const MOST_ADAPTED = 1_048_576;

/** Whether a body of this type is one of JSON that can be rewritten as it is. */
export function isPlainJson(contentType: string | undefined, contentEncoding: string | undefined): boolean {
  const encoded = contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity';
  return !encoded && /^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(contentType ?? '');
}

/** With its fields renamed; what is no JSON in UTF-8 stays as it is, for whoever reads it to refuse. */
export function adaptBody(body: Buffer, fields: CompiledFields): Buffer {
  const text = body.toString('utf8');
  if (!Buffer.from(text).equals(body)) return body;
  const renamed = renameFields(text, fields);
  return renamed === undefined ? body : Buffer.from(renamed);
}

/** The whole of a body; null if it is longer than may be held. Rejects if it is broken off. */
export async function collect(body: Readable): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= MOST_ADAPTED) return;
      body.pause();
      resolve(null);
    });
    body.once('end', () => {
      resolve(Buffer.concat(chunks));
    });
    body.once('error', reject);
    body.once('close', () => {
      reject(new Error('the body was broken off'));
    });
  });
}

/** The headers for a body that was rewritten: its length is another. */
export function withLength(headers: readonly string[], length: number | undefined): string[] {
  const result: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if ((headers[i] ?? '').toLowerCase() !== 'content-length') result.push(headers[i] ?? '', headers[i + 1] ?? '');
  }
  if (length !== undefined) result.push('content-length', String(length));
  return result;
}

/** Without what would have the side answer in a form that can not be rewritten. */
export function withoutEncodings(headers: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if ((headers[i] ?? '').toLowerCase() !== 'accept-encoding') result.push(headers[i] ?? '', headers[i + 1] ?? '');
  }
  return result;
}
