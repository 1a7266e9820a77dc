import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { printable } from '../core/printable.ts';
import type { OutputStream } from './environment.ts';

export { printable };

/** Colours, or their absence. */
export type Style = ReturnType<typeof picocolors.createColors>;

/** Colours for a stream: on a terminal only, and never when NO_COLOR is set (https://no-color.org). */
export function styleFor(stream: OutputStream, env: Readonly<Record<string, string | undefined>>): Style {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return picocolors.createColors(!refused && stream.isTTY === true);
}

export interface TableOptions {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns (from 0) of numbers, aligned to the right. */
  readonly right?: readonly number[];
  readonly style: Style;
}

/** An aligned table with a dim head, two spaces between columns, nothing at line ends. */
export function table(options: TableOptions): string {
  const { head, rows, right = [], style } = options;
  const width = head.map((title, column) => Math.max(...[title, ...rows.map((row) => row[column] ?? '')].map(visibleLength)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const gap = ' '.repeat((width[column] ?? 0) - visibleLength(cell));
        return right.includes(column) ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd();
  return [line(head.map((title) => style.dim(title))), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** `200,000`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 table`, `2 tables`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** `512 B`, `1.5 MiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** A row's values on one line: `id=7, email=a@b.c`. */
export function rowText(values: Readonly<Record<string, string | null>> | null): string {
  if (values === null) return 'deleted';
  return Object.entries(values)
    .map(([name, value]) => `${printable(name)}=${value === null ? 'null' : printable(value)}`)
    .join(', ');
}

/** A tick or a cross. */
export function mark(ok: boolean, style: Style): string {
  return ok ? style.green('✓') : style.red('✗');
}
