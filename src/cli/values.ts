import { InvalidArgumentError } from 'commander';
import { BanyanError } from '../core/errors.ts';
import { parseTimeSpan } from '../core/time-text.ts';

/** Reads a whole number between two bounds. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return bounded(/^\d+$/, 'a whole number', least, most);
}

/** Reads a number, fractions included, between two bounds. */
export function decimalNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return bounded(/^\d+(\.\d+)?$/, 'a number', least, most);
}

function bounded(form: RegExp, kind: string, least: number, most: number): (text: string) => number {
  const range = most === Number.MAX_SAFE_INTEGER ? `, at least ${least}` : ` from ${least} to ${most}`;
  return (text) => {
    const value = Number(text);
    if (!form.test(text) || value < least || value > most) throw new InvalidArgumentError(`Expected ${kind}${range}.`);
    return value;
  };
}

/** Reads names separated by commas; a comma inside double quotes belongs to its name. */
export function nameList(text: string): string[] {
  const names = [...text.matchAll(/(?:"(?:[^"]|"")*"|[^",])+/g)].map(([name]) => name.trim());
  if (names.length === 0 || names.includes('') || /(^|,)\s*(,|$)/.test(text.replace(/"(?:[^"]|"")*"/g, 'x')) || (text.split('"').length - 1) % 2 === 1) {
    throw new InvalidArgumentError('Expected names separated by commas.');
  }
  return names;
}

/** Reads a text that is not empty. */
export function filled(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Expected something that is not empty.');
  return text;
}

/** Reads a span of time such as 90m, 12h, 7d or 2w, in seconds. */
export function timeSpan(text: string): number {
  const seconds = parseTimeSpan(text);
  if (seconds === undefined || seconds === 0) throw new InvalidArgumentError('Expected a span of time such as 90m, 12h, 7d or 2w.');
  return seconds;
}

/** A database's URL. What is none is not repeated: it may be a password. */
export function databaseUrl(text: string): string {
  if (/^(postgres(ql)?|mysql|mariadb):\/\//i.test(text) && URL.canParse(text)) return text;
  // Not as an argument's error: that would name it.
  throw new BanyanError('BANYAN_USAGE', {
    message: 'A database is named by a URL such as postgres://user@host:5432/database, where / @ # in a password are written as %2F %40 %23; found something else.',
  });
}
