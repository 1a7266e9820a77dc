import { writeText } from './text-file.ts';

/** What a planning command writes and prints. */
export interface DocumentOutput {
  /** Files that were written. */
  readonly files: readonly string[];
  /** What was not written to a file. */
  readonly printed: string;
}

export interface DocumentOutputOptions<F extends string> {
  readonly format: F | 'both';
  /** Absent: everything is printed. */
  readonly output?: string;
  /** The document in each form. */
  readonly render: Readonly<Record<F | 'json' | 'text', () => string>>;
}

/** Writes a document in the form that was asked for. `both` is JSON, and text beside it in a file that ends in `.txt`. */
export async function writeDocument<F extends string>({ format, output, render }: DocumentOutputOptions<F>): Promise<DocumentOutput> {
  if (output === undefined) return { files: [], printed: format === 'both' ? `${render.json()}\n${render.text()}` : render[format]() };
  const wanted: readonly (readonly [string, string])[] = format === 'both' ? [[output, render.json()], [textFileOf(output), render.text()]] : [[output, render[format]()]];
  for (const [file, text] of wanted) await writeText(file, text);
  return { files: wanted.map(([file]) => file), printed: '' };
}

function textFileOf(file: string): string {
  return file.endsWith('.json') ? `${file.slice(0, -'.json'.length)}.txt` : `${file}.txt`;
}
