import { columnSchema, describe } from './json-schema.ts';
import { changeable, creatable, visible, canChange, type ApiColumn, type ApiResource } from './resource.ts';
import { docComment, property, typeBox } from './source.ts';

/** `src/resources/…/schema.ts`: the TypeBox schemas of a resource and their types. */
export function emitSchema(resource: ApiResource): string {
  const { type, singular } = resource;
  const blocks = [
    "import { Type, type Static } from 'typebox';",
    objectType({
      name: type,
      comment: resource.comment ?? `One ${singular}, as answers show it.`,
      columns: visible(resource),
      use: 'read',
      optional: () => false,
    }),
  ];
  if (!resource.view) {
    blocks.push(
      objectType({
        name: `${type}Create`,
        comment: `What creates one ${singular}. Columns that the database writes by itself are refused.`,
        columns: creatable(resource),
        use: 'write',
        optional: (column) => !column.required,
      }),
    );
  }
  if (canChange(resource)) {
    blocks.push(
      objectType({
        name: `${type}Replace`,
        comment: `What replaces one ${singular}. A column that is left out goes back to its default.`,
        columns: changeable(resource),
        use: 'write',
        optional: (column) => !column.required,
      }),
      objectType({
        name: `${type}Patch`,
        comment: `What changes in one ${singular}: JSON Merge Patch (RFC 7396).`,
        columns: changeable(resource),
        use: 'write',
        optional: () => true,
      }),
    );
  }
  return `${blocks.join('\n\n')}\n`;
}

function objectType(options: {
  readonly name: string;
  readonly comment: string;
  readonly columns: readonly ApiColumn[];
  readonly use: 'read' | 'write';
  readonly optional: (column: ApiColumn) => boolean;
}): string {
  const { name, comment, columns, use, optional } = options;
  const lines = columns.flatMap((column) => {
    const schema = typeBox(columnSchema(column, use));
    const line = `    ${property(column.name)}: ${optional(column) ? `Type.Optional(${schema})` : schema},`;
    const description = describe(column);
    return description === '' ? [line] : [docComment(description, '    '), line];
  });
  return [
    docComment(comment),
    `export const ${name} = Type.Object(`,
    '  {',
    ...lines,
    '  },',
    '  { additionalProperties: false },',
    ');',
    `export type ${name} = Static<typeof ${name}>;`,
  ].join('\n');
}
