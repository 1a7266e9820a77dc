import type { Dice } from '../dice.ts';
import { uuid, WORDS } from './kinds.ts';

/** One column of a key. */
export interface KeyPart {
  readonly type: string;
  readonly targetType?: string;
  /** The n-th value; no two are equal for the server. */
  readonly at: (n: number, dice: Dice) => string;
  /** Another value that looks alike. Default: one of another row. */
  readonly alike?: (text: string, dice: Dice) => string;
  /** Another spelling of the same value. */
  readonly respelled?: (text: string) => string;
  readonly meaning?: (text: string) => string;
}

const text = (n: number, dice: Dice) => `${dice.pick(WORDS)}${n}`;
const alike = (given: string, dice: Dice) => dice.pick([`${given} `, given.normalize('NFD') === given ? given.normalize('NFC') : given.normalize('NFD'), given.toUpperCase(), given.toLowerCase(), `${given}\u00a0`]);
const texts = (type: string, targetType?: string): KeyPart => ({ type, ...(targetType === undefined ? {} : { targetType }), at: text, alike });

export const KEY_PARTS: readonly KeyPart[] = [
  { type: 'int4', at: (n) => String(n) },
  { type: 'int4', targetType: 'int8', at: (n) => String(n - 3) },
  { type: 'int8', at: (n) => String((BigInt(n) - 50n) * 184_467_440_737_095n) },
  texts('text'),
  texts('text COLLATE "C"', 'text COLLATE public.swedish'),
  texts('text COLLATE public.swedish', 'varchar(90)'),
  texts('text COLLATE public.nocase'),
  texts('varchar(60)', 'varchar(60) COLLATE public.nocase'),
  { type: 'public.citext', at: (n) => `Key${n}`, respelled: (given) => given.toUpperCase(), meaning: (given) => given.toLowerCase() },
  { type: 'uuid', at: (_n, dice) => uuid(dice) },
  { type: 'timestamptz', at: (n) => `2024-01-01 00:00:00.${String(n * 10 + 1).padStart(6, '0')}+00`, alike: (given) => given.replace(/\.(\d{5})./, '.$12') },
  { type: 'timestamp', targetType: 'timestamptz', at: (n) => `2024-01-01 00:00:00.${String(n * 10 + 1).padStart(6, '0')}`, meaning: (given) => given.replace(/\+00$/, '') },
  { type: 'numeric', at: (n) => `${n}.5`, respelled: (given) => `${given}0`, meaning: (given) => given.replace(/0+$/, '') },
  { type: 'float8', at: (n) => String(n / 8) },
  { type: 'float4', targetType: 'float8', at: (n) => `${n}.1` },
  { type: 'bytea', at: (n) => `\\x${n.toString(16).padStart(6, '0')}`, alike: (given) => `${given}00` },
  { type: 'date', at: (n) => new Date(Date.UTC(2000, 0, 1 + n)).toISOString().slice(0, 10) },
  { type: 'inet', at: (n) => `10.0.${n >> 8}.${n & 255}`, alike: (given) => `${given}/31` },
  { type: 'numeric[]', at: (n) => `{${n}.5}`, respelled: (given) => given.replace('}', '0}'), meaning: (given) => given.replace(/0+\}$/, '}') },
  { type: 'public.amount', at: (n) => `${n}`, respelled: (given) => `${given}.0`, meaning: (given) => given.replace(/\.0$/, '') },
];

/** Columns of few values, which make a key only together with another. */
export const SMALL_PARTS: readonly KeyPart[] = [
  { type: 'public.mood', targetType: 'text', at: (n) => (n % 2 === 0 ? 'sad' : 'So So') },
  { type: 'boolean', at: (n) => (n % 2 === 0 ? 'true' : 'false') },
  { type: 'int2', at: (n) => String(n % 3) },
  { type: 'char(3)', at: (n) => ['a', 'ab', 'abé'][n % 3] ?? '' },
  texts('text COLLATE "C"'),
];
