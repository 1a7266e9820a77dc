import { Type, type Static } from 'typebox';
import { analyzeSchema } from './analyze-schema.ts';
import { runbookSchema } from './runbook-schema.ts';
import { matchSchema, routeSchema, routingSchema } from './route-schema.ts';
import { choice, listOf, section, text, webhooks, whole } from './schema-parts.ts';
import { rulesSchema, tablesSchema, toleranceSchema } from './validate-schema.ts';

/*
 * banyan.yaml, said once. The types, the validation, the defaults, the JSON Schema for editors and
 * the reference in docs/configuration.md are all made from this file and the
 * sections it imports.
 *
 * A property with a `default` may be left out of the file and is always there after loading, so it
 * is not `Optional` here. `Optional` means: may be absent after loading too.
 */

const fieldNames = (description: string) => Type.Record(Type.String(), text('text', 'The new name.'), { minProperties: 1, format: 'text', description });

const strategyNames = ['last-write-wins', 'prefer-monolith', 'prefer-service', 'merge-columns', 'custom'] as const;
const tableStrategyNames = [...strategyNames, 'add-up', 'latest-by-column'] as const;

const columnObject = section({
  from: Type.Optional(text('text', "The monolith's column. Default: the same name.")),
  type: Type.Optional(text('text', "The column's type in the service, as SQL. Default: the monolith's.")),
  values: Type.Optional(
    Type.Record(Type.String(), Type.String({ description: "The service's text for this text of the monolith's." }), {
      minProperties: 1,
      description: "The service's text for each of the monolith's. A value that is not listed goes to quarantine; null stays null.",
    }),
  ),
  compute: Type.Optional(
    text('text', "An SQL expression on the service's row, which its database keeps computed; it has no column in the monolith, and wants a `type`."),
  ),
});

const tableObject = section({
  table: text('table-name', "The table's name in the monolith."),
  as: Type.Optional(text('table-name', "The table's name in the service. Default: the same.")),
  columns: Type.Optional(
    Type.Union(
      [
        listOf(text('text', 'A column name as it is stored, unquoted.'), 'Columns that keep their names.', { minItems: 1 }),
        Type.Record(Type.String(), Type.Union([text('text', "The monolith's column."), columnObject]), {
          format: 'text',
          minProperties: 1,
          description: "By the service's column.",
        }),
      ],
      { description: "The columns that move: a list, or a mapping of the service's names to the monolith's. Default: all, under their names." },
    ),
  ),
  where: Type.Optional(text('text', 'An SQL condition on the monolith\'s row; only rows for which it is true move.')),
  transform: Type.Optional(text('module', 'A module with `toService(row)` and, for the way back, `toMonolith(row)`; relative to this file.')),
});

const service = section({
  url: text('database-url', "The service's database."),
  tables: listOf(
    Type.Union([text('table-name', 'A table of the monolith.'), tableObject]),
    'The tables the service owns: names, or objects where more is to be said.',
    { minItems: 1 },
  ),
  upstream: Type.Optional(text('http-url', "The service's HTTP side. `route` and `migrate` need it.")),
  match: matchSchema,
  routing: routingSchema,
  adapt: listOf(
    section({
      from: text('path-pattern', "The path the monolith's clients use: `/api/users/{id}`, or with a final `/**`."),
      to: text('path-pattern', 'The path of the service that answers it, with the same names.'),
      request: Type.Optional(fieldNames("Fields of JSON bodies that are renamed for the service: the clients' path (`address.zip`) and the service's name (`postcode`).")),
      response: Type.Optional(fieldNames("Fields of the service's JSON that are renamed for the clients: the service's path and the clients' name.")),
    }),
    "Paths that are rewritten on the way to the service, so that the monolith's clients notice nothing.",
    { default: [] },
  ),
  health: section(
    {
      path: text('http-path', 'What is asked with GET; a status below 400 is healthy.', { default: '/healthz' }),
      everyMs: whole('Milliseconds between two checks.', { minimum: 10, default: 1000 }),
      timeoutMs: whole('Milliseconds after which an unanswered check has failed.', { minimum: 1, default: 1000 }),
    },
    { default: {}, description: 'How the service is checked.' },
  ),
});

const conflicts = section(
  {
    default: choice(strategyNames, 'Who wins where no table says otherwise.', { default: 'last-write-wins' }),
    module: Type.Optional(text('module', 'The resolver, when the default is `custom`; relative to this file.')),
    clockSkewToleranceMs: whole("Milliseconds by which the servers' clocks may differ before it is reported: the last write wins by them.", { minimum: 1, default: 1000 }),
    tables: Type.Record(
      Type.String(),
      section({
        strategy: choice(tableStrategyNames, 'Who wins in this table.'),
        columns: Type.Optional(
          listOf(text('text', 'A column of an integer or numeric type, as the monolith names it.'), 'The counters of `add-up`: both sides\' changes to them are added.', { minItems: 1 }),
        ),
        column: Type.Optional(text('text', 'The column of `latest-by-column`, as the monolith names it: the row with the later value wins.')),
        module: Type.Optional(text('module', 'The resolver of a `custom` strategy; relative to this file.')),
      }),
      { default: {}, format: 'table-name', description: "Strategies by the monolith's table." },
    ),
  },
  { default: {}, description: 'What happens when both sides wrote the same row and neither had seen the other.' },
);

const sync = section(
  {
    mode: choice(['monolith-to-service', 'service-to-monolith', 'bidirectional'], 'Which ways changes flow.', { default: 'bidirectional' }),
    capture: Type.Optional(choice(['wal', 'trigger', 'binlog'], 'How changes are read. Default: the best the server allows.')),
    conflicts,
    batch: section(
      {
        maxRows: whole('Changes applied in one transaction at most, unless one source transaction has more.', { minimum: 1, default: 2000 }),
      },
      { default: {}, description: 'How much is applied at once. Larger is faster, and uses more memory.' },
    ),
    apply: section(
      {
        workers: whole('Batches of one direction that are written at once, in as many sessions, and committed in order.', { minimum: 1, maximum: 8, default: 2 }),
      },
      { default: {}, description: 'How changes are written. Each session takes one of the target\'s replication origins.' },
    ),
    memory: section(
      {
        transactionRows: whole('Changes of one transaction held in memory at most; the rest of it is spooled to disk.', { minimum: 1, default: 10_000 }),
        transactionMb: whole('Megabytes of one transaction held in memory at most, likewise.', { minimum: 1, default: 16 }),
        queueRows: whole('Changes of one stream that wait in memory to be applied at most; then the server is not read.', { minimum: 1, default: 10_000 }),
        queueMb: whole('Megabytes of one stream that wait in memory to be applied at most, likewise.', { minimum: 1, default: 32 }),
        spoolDirectory: Type.Optional(
          text('directory', "Where large transactions are spooled; relative to this file. Default: the system's directory for temporary files."),
        ),
      },
      { default: {}, description: 'What a stream may hold in memory. Values take two to four times their size in the log.' },
    ),
    copy: section(
      {
        workers: whole('Chunks copied at the same time. Each costs both servers a session, and the service\'s a replication origin while the copy runs.', {
          minimum: 1, maximum: 32, default: 2,
        }),
        chunkRows: whole('Rows of a chunk, about. What was under way when a copy is killed is copied again: at most this for each worker.', {
          minimum: 1, default: 200_000,
        }),
      },
      { default: {}, description: 'The copy with which a service begins.' },
    ),
    schemaChanges: section(
      {
        additive: choice(
          ['service', 'everywhere', 'pause'],
          'Where a column that one side has got is added on the other unasked, if it may be null or its default is known: `service`: never on the monolith; `pause`: nowhere.',
          { default: 'service' },
        ),
      },
      { default: {}, description: 'When a table of a running stream changes. What is not carried over pauses that table.' },
    ),
    heartbeatMs: whole('Milliseconds between heartbeats, which measure lag and keep quiet databases moving.', { minimum: 50, default: 1000 }),
    linkTimeoutMs: whole('Milliseconds without a word from a server after which its connection is looked into, and given up unless the server is still at work.', { minimum: 500, default: 20_000 }),
    lagToleranceMs: whole('Milliseconds of lag above which a stream is reported as behind.', { minimum: 1, default: 10_000 }),
    walAlarmMb: whole('Megabytes of WAL kept by a server for one stream above which it is reported. Below the disk\'s room, and below `max_slot_wal_keep_size`.', { minimum: 1, default: 5000 }),
    throttle: Type.Optional(
      section(
        {
          commitMs: whole("Milliseconds that a small commit on the monolith may take; above this (the median of five) it is busy.", { minimum: 1, default: 100 }),
          leastShare: Type.Number({ minimum: 0.01, maximum: 1, default: 0.1, description: 'Of its time, the least that the stream to the monolith goes on writing.' }),
        },
        { description: 'Writing to the monolith more slowly while it is busy. Default: never.' },
      ),
    ),
    slotPrefix: text('slot-prefix', 'Begins the names of slots, publications and origins, so that two installations can share a server.', {
      default: 'banyan',
    }),
  },
  { default: {}, description: 'Keeping both databases the same.' },
);

const share = (description: string, options: { readonly default?: number } = {}) => Type.Number({ minimum: 0, maximum: 1, description, ...options });

const validateSchedules = listOf(
  section({
    cron: text('cron', 'When: minute, hour, day of the month, month, day of the week; with six fields, seconds before them.'),
    level: Type.Optional(choice(['count', 'sample', 'checksum', 'full'], 'How closely. Default: `validate.level`.')),
    tables: Type.Optional(listOf(text('table-name', 'A table of the monolith.'), 'Only these. Default: all.', { minItems: 1 })),
    incremental: Type.Optional(Type.Boolean({ description: 'Whether only rows are compared that the streams have touched since the last run. Needs `validate.incremental`, and the level checksum or full. Default: all rows.' })),
    timezone: text('timezone', 'Whose clock the times are of.', { default: 'UTC' }),
  }),
  'When `validate watch` compares, each service for itself.',
  { default: [] },
);

const validateAlerts = section(
  {
    below: share('A table whose share of equal rows is below this is alerted of. 1: any difference.', { default: 1 }),
    tables: Type.Record(Type.String(), share('The same for this table.'), { default: {}, format: 'table-name', description: "By the monolith's table." }),
    webhooks: webhooks(
      {
        severity: choice(['low', 'medium', 'high', 'critical'], 'The least severe that is sent: extra rows are medium, different ones high, missing ones critical.', { default: 'low' }),
      },
      'Who is told, by a name for logs and metrics.',
    ),
  },
  { default: {}, description: 'Telling somebody when a table crosses its threshold, and when it is over.' },
);
const reconcilePolicies = ['monolith-wins', 'service-wins', 'newest-wins', 'conflict-strategy', 'review'] as const;

const validate = section(
  {
    level: choice(['count', 'sample', 'checksum', 'full'], 'How closely tables are compared.', { default: 'full' }),
    checks: Type.Array(choice(['schema', 'sequences', 'references'], 'A check.'), {
      default: ['schema', 'sequences', 'references'],
      description: 'What is looked at beside the rows: how tables are defined, whether sequences are ahead of their columns, whether what rows refer to is there.',
    }),
    exact: Type.Boolean({ default: false, description: "Whether each value's text counts: 1.10 is not 1.1 then." }),
    tolerance: toleranceSchema,
    tables: tablesSchema,
    references: listOf(
      section({
        from: text('columns-of-table', "The referring columns, as the monolith names them: `orders.user_id` or `shop.orders (tenant, user_id)`."),
        to: text('columns-of-table', 'What they refer to.'),
      }),
      'References that no constraint keeps. One end at least belongs to a service.',
      { default: [] },
    ),
    referenceGraceMs: whole('Milliseconds that an application takes at most between writing the two ends of a reference in two databases.', { minimum: 0, default: 1000 }),
    rules: rulesSchema,
    sampleRows: whole('Rows compared per table at level `sample`.', { minimum: 1, default: 1000 }),
    maxDifferences: whole('Differing keys listed per table; all are counted.', { minimum: 1, default: 100 }),
    readFrom: section(
      {
        monolith: Type.Optional(text('database-url', "A hot standby of the monolith's database.")),
        services: Type.Record(Type.String(), text('database-url', "A hot standby of that service's database."), { default: {}, format: 'name', description: 'By the service.' }),
      },
      { default: {}, description: 'Where rows are read instead of the primaries. Fences are placed on the primaries all the same. Default: nowhere else.' },
    ),
    incremental: Type.Boolean({
      default: false,
      description: 'Whether the streams note which rows they read changes of, so that a validation can compare only those. Costs the state database a small transaction a second for each stream, and each source a second more of its log; nothing where rows are applied.',
    }),
    schedules: validateSchedules,
    alerts: validateAlerts,
    historyDays: whole('Days for which runs of `validate watch` are kept.', { minimum: 1, default: 90 }),
    reconcile: section(
      {
        policy: choice(reconcilePolicies, 'Which row counts, where no table says otherwise.', { default: 'review' }),
        tables: Type.Record(
          Type.String(),
          section({
            policy: choice(reconcilePolicies, 'Which row counts in this table.'),
            column: Type.Optional(text('text', "The column of `newest-wins` that tells which row is newer, as the monolith names it. Default: when the rows were committed.")),
          }),
          { default: {}, format: 'table-name', description: "Policies by the monolith's table." },
        ),
        allowDeletes: listOf(text('table-name', "A table, as the monolith names it."), 'The tables of which rows may be deleted, on either side.', { default: [] }),
      },
      { default: {}, description: 'Repairing what a comparison finds.' },
    ),
    throttle: Type.Optional(
      section(
        {
          statementMs: Type.Optional(Type.Integer({ minimum: 1, description: 'Milliseconds that the statements of one range of a table should take.' })),
          share: Type.Number({ minimum: 0.01, maximum: 1, default: 1, description: 'Of its time, the most that a scan goes on; the rest it rests.' }),
          activeSessions: Type.Optional(Type.Integer({ minimum: 1, description: 'Statements of users that run at one moment on either server; above this (the median of five looks) it is busy, and the scan rests longer.' })),
          replicationLagMs: Type.Optional(Type.Integer({ minimum: 1, description: 'Milliseconds that a standby of either server may be behind; above this it is busy.' })),
        },
        { description: 'Sparing the servers while tables are scanned. Default: as fast as it goes.' },
      ),
    ),
  },
  { default: {}, description: 'Comparing both databases.' },
);

export const fileSchema = section(
  {
    version: Type.Integer({ minimum: 1, maximum: 1, default: 1, description: 'The version of this format.' }),
    monolith: section({ url: text('database-url', "The monolith's database.") }, { description: 'The host.' }),
    services: Type.Record(Type.String(), service, { format: 'name', default: {}, description: 'What is taken out of it, by name.' }),
    sync,
    validate,
    route: Type.Optional(routeSchema),
    analyze: analyzeSchema,
    runbook: runbookSchema,
    check: section({ rules: Type.Optional(text('file', 'What your team thinks of the rules: other severities, and waivers that expire; relative to this file. `--rules` of the command line comes before it.')) }, { default: {}, description: 'Comparing schemas and APIs.' }),
    state: section(
      { url: Type.Optional(text('database-url', "Where Banyan keeps its own tables. Default: the monolith's database.")) },
      { default: {}, description: "Banyan's own tables." },
    ),
    metrics: section(
      { listen: Type.Optional(text('listen-address', 'Where `sync run` serves /metrics, /healthz and /readyz. Default: nowhere.')) },
      { default: {}, description: 'Prometheus.' },
    ),
    log: section(
      {
        level: choice(['debug', 'info', 'warn', 'error'], 'The least important lines that are written.', { default: 'info' }),
        format: choice(['auto', 'json', 'text'], '`auto`: text on a terminal, JSON otherwise.', { default: 'auto' }),
      },
      { default: {}, description: "Logs, on stderr." },
    ),
  },
  { title: 'banyan.yaml', description: 'Configuration of Banyan.' },
);

/** The file with its defaults filled in, before names are branded and paths resolved. */
export type ConfigFile = Static<typeof fileSchema>;
