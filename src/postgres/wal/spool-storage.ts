import { mkdir, open, readdir, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that outgrow memory. */
export interface SpoolFile {
  write(bytes: Buffer, position: number): Promise<void>;
  /** Fills `into` from `position`; gives how many bytes there were. */
  read(into: Buffer, position: number): Promise<number>;
  close(): Promise<void>;
}

/** Where a stream puts its spool files. */
export interface SpoolStorage {
  create(): Promise<SpoolFile>;
}

/**
 * Files in a directory, which is made if it is missing. A file loses its name as soon as it is open,
 * so that nothing is left over when the process dies, however it dies; while it is used it is seen
 * as deleted (`lsof +L1`), and only in the file system's free space. What is found under the stream's
 * name is of a worker that died between the two steps, and is removed.
 */
export class DirectorySpoolStorage implements SpoolStorage {
  readonly #directory: string;
  readonly #prefix: string;
  #count = 0;

  /** @param options.stream names the files; two streams of a directory need two names. */
  constructor(options: { readonly directory: string; readonly stream: string }) {
    this.#directory = options.directory;
    this.#prefix = `${options.stream.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}.${process.pid}.`;
  }

  async create(): Promise<SpoolFile> {
    if (this.#count === 0) await this.#prepare();
    this.#count += 1;
    const path = join(this.#directory, `${this.#prefix}${this.#count}.spool`);
    // What lies there was sent for us alone to see.
    const handle = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
    } catch (error) {
      if (!isMissing(error)) {
        await handle.close();
        throw error;
      }
    }
    return new OpenFile(handle);
  }

  async #prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const stream = this.#prefix.slice(0, this.#prefix.lastIndexOf('.', this.#prefix.length - 2) + 1);
    for (const name of await readdir(this.#directory)) {
      if (!name.startsWith(stream) || !name.endsWith('.spool')) continue;
      await unlink(join(this.#directory, name)).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  }
}

class OpenFile implements SpoolFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Buffer, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }

  async read(into: Buffer, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.#handle.read(into, done, into.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
