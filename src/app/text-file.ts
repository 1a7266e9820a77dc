import { readFile, writeFile } from 'node:fs/promises';
import { BanyanError, messageOf } from '../core/errors.ts';

/** @throws BANYAN_FILE if it can not be read. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new BanyanError('BANYAN_FILE', { message: `${file} could not be read: ${messageOf(error)}`, cause: error });
  }
}

/** @throws BANYAN_FILE if it can not be written. */
export async function writeText(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new BanyanError('BANYAN_FILE', { message: `${file} could not be written: ${messageOf(error)}`, cause: error });
  }
}
