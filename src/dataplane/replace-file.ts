import { open, rename } from 'node:fs/promises';

/** Whoever reads the file meets the old content or the new, never a part; it is on disk when this resolves. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, 'w', 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}
