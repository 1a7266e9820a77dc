import type pg from 'pg';
import { BanyanError } from '../core/errors.ts';
import type { StreamNames } from './banyan-schema.ts';
import { checkHistory } from './history.ts';
import { endFormerSessions, sessionName } from './sessions.ts';

export interface SourceCheckOptions {
  readonly names: StreamNames;
  readonly source: pg.Pool;
  readonly target: pg.Pool;
  /** Of the reader's claim; undefined where it has none. */
  readonly token: string | undefined;
  /** The connection that is to stream. */
  readonly replication: pg.Client;
}

/**
 * Whether a stream may be read from its source now; asked before each connection begins to stream. A reader
 * that has lost its claim must not stand in its successor's way by holding the slot; one that has it ends
 * whoever held it before.
 *
 * @throws BANYAN_STREAM_FENCED, and what {@link checkHistory} throws
 */
export async function checkSource({ names, source, target, token, replication }: SourceCheckOptions): Promise<void> {
  if (token !== undefined) {
    const found = await target.query<{ mine: string }>('SELECT token <= $2::text::numeric AS mine FROM banyan.stream WHERE name = $1', [names.stream, token]);
    if (found.rows[0]?.mine !== 't') {
      throw new BanyanError('BANYAN_STREAM_FENCED', { message: `Stream ${names.stream} was claimed by another worker.` });
    }
  }
  await checkHistory({ replication, names, source, target });
  if (token === undefined) return;
  await endFormerSessions(source, names.stream, token);
  // Nor one of this very worker, whose link was lost to us and perhaps not to the server.
  await source.query(
    'SELECT pg_terminate_backend(a.pid) FROM pg_replication_slots s JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = $1 AND a.application_name = $2',
    [names.slot, sessionName(names.stream, token).slice(0, 63)],
  );
}
