import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Whom a password is for. */
export interface PasswordQuestion {
  /** Name or address; the folder of a unix socket; empty: this machine's socket. */
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly user: string;
}

/**
 * The password that libpq would take: of the first line of the password file (`PGPASSFILE`, else
 * `~/.pgpass`) that fits. Undefined if there is none, or if others may read the file, which then is ignored.
 *
 * @param warn told why a file was ignored.
 */
export function readPasswordFile(options: {
  readonly question: PasswordQuestion;
  readonly env: NodeJS.ProcessEnv;
  readonly home?: string;
  readonly warn?: (reason: string) => void;
}): string | undefined {
  const { question, env, home = homedir(), warn } = options;
  const file = env['PGPASSFILE'] ?? join(home, '.pgpass');
  let text: string;
  try {
    const found = statSync(file);
    if (!found.isFile()) return undefined;
    if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
      warn?.(`the password file ${file} is ignored: others may read it (chmod 600 mends that)`);
      return undefined;
    }
    text = readFileSync(file, 'utf8');
  } catch {
    // Absent or unreadable: the server says whether a password was needed.
    return undefined;
  }
  return findPassword(text, question);
}

/** The password in a password file's text. */
export function findPassword(text: string, question: PasswordQuestion): string | undefined {
  const host = question.host === '' || question.host.startsWith('/') ? ['localhost', question.host] : [question.host];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const [forHost, port, database, user, ...rest] = fieldsOf(line);
    if (forHost === undefined || port === undefined || database === undefined || user === undefined || rest.length === 0) continue;
    const fits = (pattern: string, values: readonly string[]): boolean => pattern === '*' || values.includes(pattern);
    if (fits(forHost, host) && fits(port, [question.port]) && fits(database, [question.database]) && fits(user, [question.user])) {
      return rest[0];
    }
  }
  return undefined;
}

/** Parts between colons; a backslash takes the next character as it is. */
function fieldsOf(line: string): string[] {
  const fields = [''];
  for (let i = 0; i < line.length; i++) {
    const character = line[i] ?? '';
    if (character === ':' && fields.length < 5) fields.push('');
    else if (character === '\\' && i + 1 < line.length) fields[fields.length - 1] += line[++i] ?? '';
    else fields[fields.length - 1] += character;
  }
  return fields;
}
