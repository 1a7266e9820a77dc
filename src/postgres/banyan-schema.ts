import type pg from 'pg';
import type { Direction, Side } from '../model/side.ts';
import { sourceSide } from '../model/side.ts';
import { inTransaction } from './connect.ts';
import { COPY_SCHEMA_SQL } from './copy/copy-record.ts';
import { CAPTURE_SCHEMA_SQL } from './trigger/schema.ts';

/**
 * Banyan's own tables within a synchronised database. They live beside the rows because a
 * checkpoint is only worth something if it commits with them. `stream`, `mark`, `conflict` and `request`
 * are part of each publication: that is how a side learns what the other has applied, decided and lacks.
 */
export const BANYAN_SCHEMA_SQL = `
CREATE SCHEMA IF NOT EXISTS banyan;
CREATE TABLE IF NOT EXISTS banyan.stream (
  name text PRIMARY KEY,
  service text NOT NULL,
  direction text NOT NULL,
  state text NOT NULL,
  position pg_lsn NOT NULL,
  seen pg_lsn NOT NULL,
  token bigint NOT NULL DEFAULT 0,
  source_system text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  source_timeline integer
);
-- Not ADD COLUMN IF NOT EXISTS: that would wait for every writer of the table even where there is nothing to add.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'banyan.stream'::regclass AND attname = 'source_timeline') THEN
    ALTER TABLE banyan.stream ADD COLUMN source_timeline integer;
  END IF;
END $$;
CREATE TABLE IF NOT EXISTS banyan.stream_status (
  name text PRIMARY KEY,
  at timestamptz NOT NULL,
  state text NOT NULL,
  counts text NOT NULL
);
CREATE TABLE IF NOT EXISTS banyan.stream_beginning (
  stream text PRIMARY KEY,
  horizon xid8 NOT NULL
);
CREATE TABLE IF NOT EXISTS banyan.mark (
  service text PRIMARY KEY,
  placed bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS banyan.conflict (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  service text NOT NULL,
  table_name text NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  monolith text,
  service_row text,
  winner text NOT NULL,
  strategy text NOT NULL,
  reason text,
  decided boolean NOT NULL,
  decision text
);
ALTER TABLE banyan.conflict ADD COLUMN IF NOT EXISTS standing text, ADD COLUMN IF NOT EXISTS standing_at text,
  ADD COLUMN IF NOT EXISTS monolith_at text, ADD COLUMN IF NOT EXISTS service_at text;
CREATE TABLE IF NOT EXISTS banyan.request (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service text NOT NULL,
  table_name text NOT NULL,
  key text NOT NULL,
  even_if_gone boolean NOT NULL DEFAULT false
);
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'banyan.request'::regclass AND attname = 'even_if_gone') THEN
    ALTER TABLE banyan.request ADD COLUMN even_if_gone boolean NOT NULL DEFAULT false;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'banyan.request'::regclass AND attname = 'offer') THEN
    ALTER TABLE banyan.request ADD COLUMN offer text, ADD COLUMN row text;
  END IF;
END $$;
CREATE TABLE IF NOT EXISTS banyan.accepted_shape (
  stream text NOT NULL,
  table_name text NOT NULL,
  tables text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (stream, table_name)
);
CREATE TABLE IF NOT EXISTS banyan.quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  stream text NOT NULL,
  service text NOT NULL,
  table_name text NOT NULL,
  key text NOT NULL,
  key_text text NOT NULL,
  new_key_text text,
  kind text NOT NULL,
  row text,
  position pg_lsn NOT NULL,
  committed_at text NOT NULL,
  seen pg_lsn NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  state text NOT NULL DEFAULT 'held'
);
ALTER TABLE banyan.quarantine
  ADD COLUMN IF NOT EXISTS step text NOT NULL DEFAULT 'change',
  ADD COLUMN IF NOT EXISTS old text,
  ADD COLUMN IF NOT EXISTS owns text NOT NULL DEFAULT '[]',
  ADD COLUMN IF NOT EXISTS refers text NOT NULL DEFAULT '[]',
  ADD COLUMN IF NOT EXISTS bases text NOT NULL DEFAULT '{}',
  ADD COLUMN IF NOT EXISTS deleted text NOT NULL DEFAULT '{}',
  ADD COLUMN IF NOT EXISTS asked text,
  ADD COLUMN IF NOT EXISTS asked_by text,
  ADD COLUMN IF NOT EXISTS answer text,
  ADD COLUMN IF NOT EXISTS ended_at timestamptz;
CREATE INDEX IF NOT EXISTS quarantine_held ON banyan.quarantine (stream) WHERE state = 'held';
${COPY_SCHEMA_SQL}`;

/** Tables of Banyan's own that every publication carries. */
export const CARRIED_TABLES = ['banyan.stream', 'banyan.mark', 'banyan.conflict', 'banyan.request'] as const;

/** Any number that nobody else is likely to lock on. */
const SCHEMA_LOCK = '7163244908';

/** Creates what is missing; safe to run at each start and by several workers at once. */
export async function ensureBanyanSchema(pool: pg.Pool): Promise<void> {
  // CREATE … IF NOT EXISTS still fails when two sessions race; the lock makes them take turns.
  await inTransaction(pool, async (client) => {
    await client.query(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
    await client.query(BANYAN_SCHEMA_SQL);
    await client.query(CAPTURE_SCHEMA_SQL);
  });
}

/** Everything a service's streams are called. Slots and origins are cluster-wide, so these carry the database's number. */
export interface StreamNames {
  /** In banyan.stream. */
  readonly stream: string;
  /** The slot on the source. */
  readonly slot: string;
  /** The publication on the source. */
  readonly publication: string;
  /** The replication origin on the target. */
  readonly origin: string;
}

export function streamNames(options: {
  readonly service: string;
  readonly direction: Direction;
  readonly sourceDatabase: string;
  readonly targetDatabase: string;
  /** Default `banyan`. */
  readonly prefix?: string;
}): StreamNames {
  const { service, direction, prefix = 'banyan' } = options;
  const short = direction === 'monolith-to-service' ? 'm2s' : 's2m';
  const plain = service.toLowerCase().replace(/[^a-z0-9_]/g, '_').slice(0, 30);
  return {
    stream: streamName(service, direction),
    slot: `${prefix}_${plain}_${short}_${options.sourceDatabase}`,
    publication: publicationName(service, sourceSide(direction), prefix),
    origin: `${prefix}_${plain}_${short}_${options.targetDatabase}`,
  };
}

export function streamName(service: string, direction: Direction): string {
  return `${service}/${direction}`;
}

export function publicationName(service: string, side: Side, prefix = 'banyan'): string {
  const plain = service.toLowerCase().replace(/[^a-z0-9_]/g, '_').slice(0, 40);
  return `${prefix}_${plain}_${side}`;
}
