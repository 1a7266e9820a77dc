import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNCHANGED, type Row } from '../../model/change.ts';
import { copyLine } from '../copy-text.ts';
import { readLine, RewriteRows } from './rewrite-rows.ts';

const rows = fc.integer({ min: 1, max: 4 }).chain((width) =>
  fc.array(fc.array(fc.option(fc.string({ unit: fc.constantFrom('a', '\\', '\n', '\t', '\r', '\b', '\f', '\v', 'N', 'é', '🌳', '.') })), { minLength: width, maxLength: width }), { minLength: 1 }),
);

describe('rows of a COPY', () => {
  it('are read as they were written', () => {
    fc.assert(fc.property(rows, (all) => {
      for (const row of all) expect(readLine(Buffer.from(copyLine(row).slice(0, -1)))).toEqual(row);
    }));
  });

  it('are changed one by one, wherever the pieces end', async () => {
    await fc.assert(fc.asyncProperty(rows, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (all, sizes) => {
      const bytes = Buffer.from(all.map((row) => copyLine(row)).join(''));
      const pieces: Buffer[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      const reversed = Readable.from(pieces, { objectMode: false }).pipe(new RewriteRows((row: Row) => row.toReversed()));
      const chunks: Buffer[] = [];
      for await (const chunk of reversed) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).toString()).toBe(all.map((row) => copyLine(row.toReversed())).join(''));
    }), { numRuns: 50 });
  });

  it('have a word for a default where the server knows one', () => {
    expect(copyLine(['a', UNCHANGED, null], '\\D')).toBe('a\t\\D\t\\N\n');
    expect(copyLine(['a', UNCHANGED, '\\D'])).toBe('a\t\\N\t\\\\D\n');
  });

  it('whose change fails end the stream', async () => {
    const failing = Readable.from([Buffer.from('a\n')]).pipe(new RewriteRows(() => { throw new Error('bad row'); }));
    await expect(failing.toArray()).rejects.toThrow('bad row');
  });
});
