import { createHmac, timingSafeEqual } from 'node:crypto';
import { badField } from '../errors.ts';

/** Where a page ended: the last row's values of the sort columns, or how many rows are behind. */
export interface CursorPosition {
  /** The sort the page was made with; the cursor is good for no other. */
  readonly sort: string;
  readonly values: readonly (string | null)[];
}

/** Writes and reads the opaque, signed text of a position. */
export interface CursorCodec {
  write(position: CursorPosition): string;
  /** Throws a 400 unless `text` was written with the same secret for the same sort and number of values. */
  read(text: string, sort: string, values: number): CursorPosition;
}

const SIGNATURE_BYTES = 12;

export function cursorCodec(secret: string): CursorCodec {
  const sign = (payload: Buffer): Buffer =>
    createHmac('sha256', secret).update(payload).digest().subarray(0, SIGNATURE_BYTES);
  return {
    write(position) {
      const payload = Buffer.from(JSON.stringify([position.sort, ...position.values]));
      return Buffer.concat([sign(payload), payload]).toString('base64url');
    },
    read(text, sort, values) {
      const bytes = Buffer.from(text, 'base64url');
      const payload = bytes.subarray(SIGNATURE_BYTES);
      if (payload.length === 0 || !timingSafeEqual(bytes.subarray(0, SIGNATURE_BYTES), sign(payload))) {
        throw badField('cursor', 'cursor', 'must be the next_cursor of an earlier answer');
      }
      // Signed by us, so its form is known.
      const [writtenFor, ...parts] = JSON.parse(payload.toString()) as [string, ...(string | null)[]];
      if (writtenFor !== sort || parts.length !== values) {
        throw badField('cursor', 'cursor', 'belongs to another sort order');
      }
      return { sort, values: parts };
    },
  };
}
