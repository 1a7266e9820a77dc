import * as fc from 'fast-check';

export interface TableSpec {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly clause: string; readonly index: string }[];
  readonly references: boolean;
}

const TYPES: readonly (readonly [type: string, defaults: readonly string[]])[] = [
  ['integer', ['', 'DEFAULT 7', 'GENERATED ALWAYS AS IDENTITY']],
  ['bigserial', ['']],
  ['numeric(38,20)', ['', "DEFAULT '1.5'", 'CHECK (%s > 0)']],
  ['text', ['', "DEFAULT E'a\\\\b''c'", 'COLLATE "C"', "CHECK (%s <> 'x''y')"]],
  ['text[]', ["DEFAULT '{}'", "DEFAULT ARRAY['a,b']"]],
  ['timestamp(3) with time zone', ['', 'DEFAULT now()']],
  ['jsonb', ["DEFAULT '{\"a\": 1}'"]],
  ['interval day to second(2)', ['']],
  ['"char"', ['']],
  ['bit varying(9)', ["DEFAULT B'101'"]],
];

const oddName = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }),
  fc.constantFrom('order', 'User', 'a.b', 'q"q', "it's", 'ON ONLY ', '表', 'x y'),
).filter((name) => !/[\0\uD800-\uDFFF]/.test(name));

/** A table as a user may have made it. */
export const tableSpec: fc.Arbitrary<TableSpec> = fc.record({
  name: oddName,
  references: fc.boolean(),
  columns: fc.uniqueArray(
    fc.constantFrom(...TYPES).chain(([type, clauses]) =>
      fc.record({
        name: oddName,
        type: fc.constant(type),
        clause: fc.tuple(fc.constantFrom(...clauses), fc.constantFrom('', ' NOT NULL')).map((parts) => parts.join('')),
        index: fc.constantFrom('', 'INDEX', 'UNIQUE INDEX', 'UNIQUE'),
      }),
    ),
    { minLength: 1, maxLength: 5, selector: (column) => column.name },
  ),
});

/** Tables with a key column, the given columns and, where asked, a reference to the table before. */
export function sqlOf(schema: string, specs: readonly TableSpec[]): string {
  const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const statements = [`CREATE SCHEMA ${quote(schema)}`];
  let previous = '';
  specs.forEach((spec, n) => {
    const table = `${quote(schema)}.${quote(`${n} ${spec.name}`)}`;
    const lines = ['"the key" uuid PRIMARY KEY'];
    for (const { name, type, clause, index } of spec.columns) {
      const unique = index === 'UNIQUE' && type !== 'jsonb' ? ' UNIQUE' : '';
      lines.push(`${quote(`c${name}`)} ${type} ${clause.replaceAll('%s', quote(`c${name}`))}${unique}`);
    }
    if (spec.references && previous !== '') lines.push(`"before" uuid REFERENCES ${previous} ON DELETE CASCADE DEFERRABLE`);
    statements.push(`CREATE TABLE ${table} (${lines.join(', ')})`);
    for (const { name, index } of spec.columns) {
      if (index.endsWith('INDEX')) statements.push(`CREATE ${index} ON ${table} (${quote(`c${name}`)} DESC)`);
    }
    previous = table;
  });
  return statements.join(';\n');
}
