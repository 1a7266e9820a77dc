import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import type { CursorCodec } from './cursor.ts';
import type { Table } from './table.ts';

/** What routes work with. */
export interface Context {
  readonly pool: pg.Pool;
  readonly cursors: CursorCodec;
}

/** One folder of `src/resources`. */
export interface Resource {
  readonly table: Table;
  readonly routes: (app: FastifyInstance, context: Context) => void;
}
