import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { BanyanError, messageOf } from '../core/errors.ts';
import { LONGEST_DOCUMENT, tooLong } from '../plan/document.ts';

/** @throws BANYAN_FILE if it can not be read. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new BanyanError('BANYAN_FILE', { message: `${file} could not be read: ${messageOf(error)}`, cause: error });
  }
}

/**
 * A document that is read as a whole; no more of it is taken in than it may be long, also from a pipe.
 * @throws BANYAN_FILE, or BANYAN_DOCUMENT if it is longer.
 */
export async function readDocumentText(file: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of createReadStream(file, { end: LONGEST_DOCUMENT }) as AsyncIterable<Buffer>) {
      parts.push(part);
      length += part.length;
    }
  } catch (error) {
    throw new BanyanError('BANYAN_FILE', { message: `${file} could not be read: ${messageOf(error)}`, cause: error });
  }
  if (length > LONGEST_DOCUMENT) throw tooLong(file, LONGEST_DOCUMENT);
  return Buffer.concat(parts).toString('utf8');
}

/** @throws BANYAN_FILE if it can not be written. */
export async function writeText(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new BanyanError('BANYAN_FILE', { message: `${file} could not be written: ${messageOf(error)}`, cause: error });
  }
}
