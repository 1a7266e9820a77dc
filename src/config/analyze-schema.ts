import { Type } from 'typebox';
import { listOf, section, text } from './schema-parts.ts';

const optionalNumber = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description }));

const tableGroups = (description: string) =>
  listOf(listOf(text('table-name', 'A table of the monolith.'), 'At least two tables.', { minItems: 2 }), description, { default: [] });

/** The section `analyze` of banyan.yaml. */
export const analyzeSchema = section(
  {
    services: optionalNumber('How many services to suggest. Default: as many as the structure shows.'),
    minTables: optionalNumber('Tables that a service has at least; smaller ones join their closest neighbour. Default: 2.'),
    maxTables: optionalNumber('Tables that a service has at most. Default: no limit.'),
    keep: tableGroups('Groups of tables that stay together.'),
    apart: tableGroups('Groups of tables of which no two share a service.'),
  },
  { default: {}, description: 'What `banyan analyze` is asked for when it reads the configured monolith. Options of the command line take the place of the numbers and stand beside the groups.' },
);
