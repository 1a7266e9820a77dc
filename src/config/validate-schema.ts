import { Type } from 'typebox';

/*
 * What the `validate` section of banyan.yaml says of single tables, and how far values may be apart.
 */

const bounds = (description: string) =>
  Type.Object(
    {
      absolute: Type.Optional(Type.Number({ minimum: 0, description: 'In the unit of the values.' })),
      relative: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'As a share of the larger value.' })),
    },
    { additionalProperties: false, minProperties: 1, description },
  );

const severity = Type.Optional(Type.Enum(['low', 'medium', 'high', 'critical'], { description: 'How bad it is when it does not hold. Default: high for a rule, medium for times.' }));
const timeoutMs = Type.Optional(Type.Integer({ minimum: 1, description: 'Milliseconds that one query may take. Default: 60,000 for a rule, 600,000 for times.' }));
const text = (description: string) => Type.String({ format: 'text', description });

const temporal = Type.Object(
  {
    notInFuture: Type.Optional(Type.Array(text('A column of dates or timestamps.'), { minItems: 1, description: "Columns that must not be later than the server's clock." })),
    ordered: Type.Optional(
      Type.Array(
        Type.Object(
          {
            earlier: text('The column that must not be later.'),
            later: text('The column that must not be earlier.'),
            nulls: Type.Optional(Type.Enum(['allowed', 'refused'], { description: 'Whether a row passes where one of both is null. Default: allowed.' })),
          },
          { additionalProperties: false },
        ),
        { minItems: 1, description: 'Pairs of columns in their order.' },
      ),
    ),
    clockToleranceMs: Type.Optional(Type.Integer({ minimum: 0, description: 'Milliseconds by which the future may have begun. Default: 1000.' })),
    severity,
    timeoutMs,
  },
  { additionalProperties: false, description: "What the times in its rows have to be, by the monolith's columns. Checked on both sides." },
);

const rule = Type.Object(
  {
    of: Type.Optional(text('The service whose database is asked. Default: the only one.')),
    monolith: Type.Optional(text("A query of the monolith's database.")),
    service: Type.Optional(text("The query of the service's database that has to give the same.")),
    group: Type.Optional(Type.Array(text('A column of the result.'), { minItems: 1, description: 'The columns that say which rows belong together. Default: all but the last.' })),
    sql: Type.Optional(text('One query of one side, in place of a pair.')),
    on: Type.Optional(Type.Enum(['monolith', 'service'], { description: 'The side of that query. Default: the monolith.' })),
    expect: Type.Optional(Type.Union([Type.Number(), text('`none` or a value.')], { description: 'What that query has to give: `none` (default), no row; else the one value of its one row.' })),
    tolerance: Type.Optional(bounds('How far numbers may be apart. Default: not at all.')),
    severity,
    timeoutMs,
  },
  { additionalProperties: false },
);

/** Business rules, by name. */
export const rulesSchema = Type.Record(Type.String(), rule, { default: {}, format: 'name', description: 'Queries whose results have to agree.' });

const kinds = {
  floats: Type.Optional(bounds('Of floating-point columns.')),
  decimals: Type.Optional(bounds('Of columns of decimals. Whole numbers have none.')),
};

const relative = Type.Number({ minimum: 0, maximum: 1, description: 'A number is the relative difference up to which two floating-point values are equal.' });

/** Of a whole run. */
export const toleranceSchema = Type.Union([relative, Type.Object(kinds, { additionalProperties: false, minProperties: 1 })], {
  default: 0,
  description: 'How far two values may be apart and be equal all the same: a relative difference for floats, or bounds by kind of number.',
});

const tableTolerance = Type.Union(
  [
    relative,
    Type.Object(
      {
        ...kinds,
        columns: Type.Optional(Type.Record(Type.String(), bounds('Of this column, by its name in the monolith.'), { minProperties: 1, description: 'Of single columns.' })),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
  ],
  { description: 'Over what holds for all tables.' },
);

/** By the monolith's table. */
export const tablesSchema = Type.Record(
  Type.String(),
  Type.Object(
    {
      level: Type.Optional(Type.Enum(['count', 'sample', 'checksum', 'full'], { description: 'How closely it is compared.' })),
      where: Type.Optional(Type.String({ format: 'text', description: "SQL: only such rows are compared. In the monolith's names." })),
      serviceWhere: Type.Optional(Type.String({ format: 'text', description: "The condition in the service's names. Default: `where`." })),
      exclude: Type.Optional(Type.Array(Type.String({ format: 'text', description: 'A column by its name in the monolith.' }), { description: 'Columns that are not compared.' })),
      exact: Type.Optional(Type.Boolean({ description: "Whether each value's text counts." })),
      tolerance: Type.Optional(tableTolerance),
      temporal: Type.Optional(temporal),
      sampleRows: Type.Optional(Type.Integer({ minimum: 1, description: 'Rows compared at level `sample`.' })),
    },
    { additionalProperties: false, minProperties: 1 },
  ),
  { default: {}, format: 'table-name', description: "What holds for single tables, by the monolith's name." },
);
