import { splitTableName, type TableName } from '../model/names.ts';

/** A table's name as a reader knows it: without `public.`. */
export function shortName(table: TableName | string): string {
  const { schema } = splitTableName(table);
  return schema === 'public' ? table.replace(/^public\./, '') : table;
}

/** `93.1 %`; never 0 % or 100 % of what is neither. */
export function percent(share: number): string {
  const text = (100 * share).toFixed(share > 0 && share < 1 ? 1 : 0);
  if (text === '100.0') return '99.9 %';
  return `${text === '0.0' ? '0.1' : text} %`;
}

/** A whole number with separators. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `1 key`, `3 keys`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${whole(number)} ${number === 1 ? one : many}`;
}

/** `a`, `a and b`, `a, b and c`; of more than `most`, how many more. */
export function listed(items: readonly string[], most = 4): string {
  if (items.length > most) return `${items.slice(0, most - 1).join(', ')} and ${items.length - most + 1} more`;
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}

/** `1.5 MiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** step).toPrecision(3))} ${units[step] ?? 'B'}`;
}

/** `40 s`, `12 min`, `3.5 h`. */
export function secondsText(seconds: number): string {
  if (seconds < 1) return 'less than 1 s';
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Number((seconds / 3600).toPrecision(2))} h`;
}
