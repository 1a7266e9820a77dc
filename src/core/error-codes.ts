/**
 * Every error a user can meet, by its stable code: what it means and what to do.
 * `docs/errors.md` is checked against this table both ways. Keep each room's codes together.
 */
export const ERROR_CODES = {
  // core
  BANYAN_INTERNAL: {
    meaning: 'A state was reached that Banyan holds to be impossible.',
    remedy: 'Nothing was acknowledged that is not durable. Restart the process and report the message with its cause.',
  },
  BANYAN_NOT_AVAILABLE: {
    meaning: 'The command is part of the interface, but not built yet.',
    remedy: 'See "Coming" in the README for what is planned.',
  },
  BANYAN_USAGE: {
    meaning: 'A command line option or argument is wrong.',
    remedy: 'Run the command with --help; it ends with an example.',
  },
  BANYAN_TIMEOUT: {
    meaning: 'An operation did not finish within its bound.',
    remedy: 'See the message for what was awaited; raise the bound or find out why the other side is slow.',
  },
  BANYAN_ABORTED: {
    meaning: 'The operation was stopped on request.',
    remedy: 'Run it again; it continues where it stopped.',
  },
  // model
  BANYAN_TABLE_NAME: {
    meaning: 'A table name could not be read.',
    remedy: 'Write table or schema.table; quote as in psql where needed: \'"Odd Schema"."Ta""ble"\'.',
  },
  BANYAN_TABLE_UNKNOWN: {
    meaning: 'A named table does not exist in the database.',
    remedy: 'Check the spelling, the schema and which database the URL names; `banyan analyze` lists the tables.',
  },
  // config
  // postgres
  BANYAN_CONNECT: {
    meaning: 'A database could not be reached, or refused the connection.',
    remedy: 'Check host, port, database, user and password of the URL, that the server runs, and its pg_hba.conf.',
  },
  // sync
  // validate
  // analyze
  // generate
  // route
  // migrate
  // embedded
} as const satisfies Record<string, { meaning: string; remedy: string }>;

/** A stable error code; never renamed, never reused. */
export type ErrorCode = keyof typeof ERROR_CODES;
