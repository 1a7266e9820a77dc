import { readFileSync } from 'node:fs';
import { BanyanError, messageOf } from '../core/errors.ts';

/** Who runs the server's programs. Without `uid`, the user of this process. */
export interface Account {
  readonly name: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** In this order: the account made for it where PostgreSQL is installed, and one that every system has. */
const PREFERRED = ['postgres', 'nobody'];

/**
 * The account to run PostgreSQL as. PostgreSQL refuses to run as root, so root lends it an existing
 * unprivileged account; initdb wants that account in the user database, so a free number won't do.
 *
 * @throws BANYAN_EMBEDDED_ACCOUNT when this process is root and neither account exists.
 */
export function serverAccount(
  uid: number | undefined = process.getuid?.(),
  readUsers: () => string = () => readFileSync('/etc/passwd', 'utf8'),
): Account {
  if (uid !== 0) return { name: 'this user' };
  const users = parseUsers(readUsers);
  for (const name of PREFERRED) {
    const account = users.get(name);
    if (account) return account;
  }
  throw new BanyanError('BANYAN_EMBEDDED_ACCOUNT', {
    message: `PostgreSQL does not run as root, and /etc/passwd has neither of the accounts ${PREFERRED.join(', ')}.`,
  });
}

function parseUsers(readUsers: () => string): ReadonlyMap<string, Account> {
  let text: string;
  try {
    text = readUsers();
  } catch (error) {
    throw new BanyanError('BANYAN_EMBEDDED_ACCOUNT', {
      message: `PostgreSQL does not run as root, and /etc/passwd could not be read: ${messageOf(error)}`,
      cause: error,
    });
  }
  const users = new Map<string, Account>();
  for (const line of text.split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    // Number 0 under another name is still root; macOS writes nobody as -2.
    if (/^-?\d+$/.test(uid) && /^-?\d+$/.test(gid) && Number(uid) !== 0) {
      users.set(name, { name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 });
    }
  }
  return users;
}

/** The part of spawn's options that makes a program run as `account`. */
export function spawnAs(account: Account): { uid?: number; gid?: number } {
  return account.uid === undefined || account.gid === undefined ? {} : { uid: account.uid, gid: account.gid };
}
