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
      sampleRows: Type.Optional(Type.Integer({ minimum: 1, description: 'Rows compared at level `sample`.' })),
    },
    { additionalProperties: false, minProperties: 1 },
  ),
  { default: {}, format: 'table-name', description: "What holds for single tables, by the monolith's name." },
);
