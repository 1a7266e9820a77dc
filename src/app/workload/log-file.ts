import { open, type FileHandle } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { BanyanError, messageOf } from '../../core/errors.ts';

const PIECE = 1024 * 1024;

/** Reads a file in pieces, as bytes in latin1; unpacks it if it is gzip. A packed file that was cut off ends where it ends. */
export async function* readPieces(path: string, onCut: (reason: string) => void): AsyncGenerator<string> {
  const file = await opened(path);
  try {
    const magic = Buffer.alloc(2);
    const { bytesRead } = await file.read(magic, 0, 2, 0);
    if (bytesRead === 2 && magic[0] === 0x1f && magic[1] === 0x8b) {
      yield* unpacked(file, onCut);
      return;
    }
    const piece = Buffer.allocUnsafe(PIECE);
    for (let position = 0; ; ) {
      const read = await file.read(piece, 0, PIECE, position);
      if (read.bytesRead === 0) return;
      position += read.bytesRead;
      yield piece.toString('latin1', 0, read.bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* unpacked(file: FileHandle, onCut: (reason: string) => void): AsyncGenerator<string> {
  const source = file.createReadStream({ start: 0, autoClose: false, highWaterMark: PIECE });
  const unpack = createGunzip({ chunkSize: PIECE });
  source.on('error', (error) => unpack.destroy(error));
  try {
    for await (const piece of source.pipe(unpack) as AsyncIterable<Buffer>) yield piece.toString('latin1');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'Z_BUF_ERROR' && code !== 'Z_DATA_ERROR') throw error;
    onCut(messageOf(error));
  } finally {
    source.destroy();
    unpack.destroy();
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw new BanyanError('BANYAN_FILE', { message: `${path} could not be read: ${messageOf(error)}`, cause: error });
  }
}
