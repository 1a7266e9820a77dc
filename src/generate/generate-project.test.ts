import { array, assert, constantFrom, property, record, string, uniqueArray } from 'fast-check';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { tableName } from '../model/names.ts';
import { generateProject } from './generate-project.ts';
import { column, schemaOf, table } from './schema.fixture.ts';

const TRICKY = ['__proto__', 'constructor', 'class', "it's", '"', '`${x}`', '*/', '\\', '\n', '{', '/../x', 'limit', 'a b', '名前', '%00'] as const;
const name = constantFrom(...TRICKY, 'user', 'users', 'id', 'Type', 'order');
const anyName = string({ minLength: 1, maxLength: 20 }).filter((text) => !text.includes('\0'));
const type = constantFrom('integer', 'bigint', 'text', 'text[]', 'jsonb', 'bytea', 'uuid', 'numeric(4,2)', 'strange."t y"', "shop.mood's");

const randomTable = record({
  schema: constantFrom('public', 'Odd Schema', 'a"b'),
  name: constantFrom(...TRICKY, 'user', 'users'),
  columns: uniqueArray(record({ name, type, comment: anyName }), { selector: (each) => each.name, minLength: 1, maxLength: 6 }),
  keyed: constantFrom(0, 1, 2),
  comment: anyName,
});

describe('generateProject', () => {
  it('is TypeScript whatever tables, columns and comments are called, in files that stay inside the project', () => {
    assert(
      property(
        uniqueArray(randomTable, { selector: (each) => JSON.stringify([each.schema, each.name]), maxLength: 5 }),
        array(anyName, { minLength: 1, maxLength: 3 }),
        (tables, labels) => {
          const schema = schemaOf(
            tables.map((each) => ({
              ...table('x', each.columns.map((definition) => column('', { ...definition, nullable: false })), {
                primaryKey: each.columns.slice(0, each.keyed).map((definition) => definition.name),
                comment: each.comment,
                checks: [{ name: each.comment, definition: each.comment }],
              }),
              name: tableName(each.schema, each.name),
            })),
            { enums: [{ schema: 'shop', name: "mood's", labels }] },
          );
          const project = generateProject(schema, { service: labels[0] ?? '', templates: [] });
          const paths = project.files.map((file) => file.path);
          expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
          for (const { path, content } of project.files) {
            expect(path).toMatch(/^[\w./-]+$/);
            expect(path).not.toContain('..');
            if (path.endsWith('.json')) expect(() => JSON.parse(content) as unknown).not.toThrow();
            if (path.endsWith('.ts')) expect(parseSync(path, content).errors, `${path}\n${content}`).toEqual([]);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
