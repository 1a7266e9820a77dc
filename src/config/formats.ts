import { Cron } from 'croner';
import { messageOf } from '../core/errors.ts';
import { isNetwork } from '../core/network.ts';
import { parseMoment, parseTimeSpan } from '../core/time-text.ts';
import { parseColumnsOfTable } from '../model/declared-reference.ts';
import { parseTableName } from '../model/names.ts';

/** What a text value must look like, by the schema's `format` keyword. */
export interface Format {
  /** For people: completes "expected …". */
  readonly expected: string;
  /** Why the text does not have the format, or undefined when it has. */
  readonly refuse: (text: string) => string | undefined;
}

/** A TCP address to listen on. Port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, `[ipv6]:port` or `:port` (all interfaces); undefined when it is none of them. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] === '' || match[2] === undefined ? '0.0.0.0' : match[2]), port };
}

function urlWith(schemes: readonly string[]): (text: string) => string | undefined {
  return (text) => {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
    if (scheme === undefined) return 'text that is no URL';
    if (!schemes.includes(scheme)) return `a URL that begins with ${scheme}://`;
    // `new URL` names the whole text in its error, password included, so only the verdict is used.
    if (!URL.canParse(text)) return 'a URL that cannot be read (characters such as / or @ in a password are written as %2F, %40)';
    return undefined;
  };
}

function matching(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? undefined : '');
}

const JSON_PATH = /^\$(?:\.\*\*|\.\*|\[\*\]|\[\d+\]|\["(?:[^"\\]|\\.)*"\]|\.[^.[\]]+)*$/;

export const FORMATS = {
  'database-url': {
    expected: 'a URL such as postgres://user:password@host:5432/database or mysql://…',
    refuse: urlWith(['postgres', 'postgresql', 'mysql', 'mariadb']),
  },
  'http-url': {
    expected: 'a URL such as http://127.0.0.1:3000',
    refuse: urlWith(['http', 'https']),
  },
  'listen-address': {
    expected: 'host:port such as 127.0.0.1:8080, with a port from 0 to 65535',
    refuse: (text) => (parseListenAddress(text) ? undefined : ''),
  },
  directory: {
    expected: 'the path of a directory',
    refuse: (text) => (text.trim() === '' || text.includes('\0') ? '' : undefined),
  },
  file: {
    expected: 'the path of a file',
    refuse: (text) => (text.trim() === '' || text.endsWith('/') || text.includes('\0') ? '' : undefined),
  },
  'table-name': {
    expected: 'table or schema.table, quoted as in psql where needed',
    refuse: (text) => {
      try {
        parseTableName(text);
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    },
  },
  'columns-of-table': {
    expected: 'table.column, schema.table.column or schema.table (column, column), quoted as in psql where needed',
    refuse: (text) => {
      try {
        parseColumnsOfTable(text);
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    },
  },
  email: {
    expected: 'an address such as ada@example.org',
    refuse: matching(/^[^\s@<>]+@[^\s@<>]+$/),
  },
  'path-pattern': {
    expected: 'a path that begins with /, such as /api/users/**',
    refuse: matching(/^\/[^\s?#]*$/),
  },
  'http-path': {
    expected: 'a path that begins with /, such as /health',
    refuse: matching(/^\/[^\s#]*$/),
  },
  module: {
    expected: 'a JavaScript or TypeScript module such as ./resolve-users.js, or a package name',
    refuse: matching(/^(\.{0,2}\/.+\.[cm]?[jt]s|@?[a-z0-9][\w./-]*)$/i),
  },
  name: {
    expected: 'a name of at most 40 lower-case letters, digits, - and _, that begins with a letter',
    refuse: matching(/^[a-z][a-z0-9_-]{0,39}$/),
  },
  'slot-prefix': {
    expected: 'at most 16 lower-case letters, digits and _, beginning with a letter',
    refuse: matching(/^[a-z][a-z0-9_]{0,15}$/),
  },
  'header-name': {
    expected: 'the name of an HTTP header',
    refuse: matching(/^[!#$%&'*+.^_`|~0-9a-z-]+$/i),
  },
  'header-line': {
    expected: 'a header with its value, such as "x-dry-run: 1"',
    refuse: matching(/^[!#$%&'*+.^_`|~0-9a-z-]+:\s*[\t\x20-\x7e]*[\x21-\x7e]\s*$/i),
  },
  'json-path': {
    expected: 'a path into a JSON body such as $.items[*].price or $.**.etag',
    refuse: matching(JSON_PATH),
  },
  'compared-place': {
    expected: 'the name of a header, or a path into a JSON body such as $.items[*].price',
    refuse: (text) => (text.startsWith('$') ? JSON_PATH : /^[!#$%&'*+.^_`|~0-9a-z-]+$/i).test(text) ? undefined : '',
  },
  'host-pattern': {
    expected: 'a host such as shop.example, without a port, or *.shop.example',
    refuse: matching(/^(\*\.)?([a-z0-9_-]+\.)*[a-z0-9_-]+$|^\[[0-9a-f:.]+\]$/i),
  },
  network: {
    expected: 'a network such as 10.0.0.0/8 or 2001:db8::/32, or an address',
    refuse: (text) => (isNetwork(text) ? undefined : ''),
  },
  moment: {
    expected: 'a time such as 2026-12-01T09:00, with seconds, and an offset such as +01:00 or Z, if wanted',
    refuse: (text) => (parseMoment(text) ? undefined : ''),
  },
  'time-span': {
    expected: 'a span of time such as 90s, 15m, 12h, 7d or 2w',
    refuse: (text) => (parseTimeSpan(text) === undefined ? '' : undefined),
  },
  cron: {
    expected: 'a cron expression of five or six fields such as "*/5 * * * *" or "0 3 * * mon-fri"',
    refuse: (text) => {
      // Croner takes a date too, which comes once.
      if (text.trim().split(/\s+/).length < 5) return '';
      try {
        return new Cron(text, { timezone: 'UTC', mode: '5-or-6-parts', paused: true }).nextRun(new Date(0)) === null ? 'a time that never comes' : undefined;
      } catch (error) {
        return messageOf(error);
      }
    },
  },
  timezone: {
    expected: 'a time zone such as UTC or Europe/Berlin',
    refuse: (text) => {
      try {
        return Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone === '' ? '' : undefined;
      } catch {
        return '';
      }
    },
  },
  text: { expected: 'a text that is not empty', refuse: matching(/\S/) },
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;
