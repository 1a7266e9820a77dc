import type pg from 'pg';
import type { TableName } from '../../model/names.ts';
import { PostgresIntrospector } from '../catalog/introspector.ts';
import { matchSequences, readServiceSequences } from './provisioner.ts';
import { readSequences } from './read-sequences.ts';
import { sequenceDistances, type SequenceDistance } from './sequences.ts';

/**
 * How many numbers the monolith may still hand out before it meets the service's blocks, for each
 * sequence of `tables`. Reads both catalogues: meant for a metric every few minutes, not every second.
 * @throws BANYAN_TABLE_UNKNOWN if the monolith lacks a table.
 */
export async function measureSequences(options: {
  readonly monolith: pg.Pool;
  readonly service: pg.Pool;
  readonly tables: readonly TableName[];
}): Promise<readonly SequenceDistance[]> {
  const source = await new PostgresIntrospector({ pool: options.monolith }).readSchema({ tables: options.tables });
  const target = await new PostgresIntrospector({ pool: options.service }).readSchema();
  return sequenceDistances({
    source,
    monolith: await readSequences(options.monolith, source),
    service: await readServiceSequences(options.service, target, matchSequences(source, target)),
  });
}
