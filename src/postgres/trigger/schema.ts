/*
 * Capture by triggers. Each change of a captured table becomes an entry of `capture_log`, written by
 * the transaction that makes it, so that it commits with it or not at all. What may not be forgotten:
 *
 * - Ids are drawn while the row's lock is held, so for one row they tell the order; between rows and
 *   transactions they don't tell the order of commits. Nor does the transaction's number: an older
 *   one may write a row after a younger one has committed it. What is a right place to stop is a
 *   snapshot: whoever it sees, it sees with everyone whose rows he overwrote. So entries are delivered
 *   from snapshot to snapshot (`capture_batch`), in the order of their ids, as one unit.
 * - A batch's position is drawn from the ids' sequence before its snapshot is taken. So whoever draws
 *   a number now knows that a batch with a later position has seen all that was committed by now.
 * - `capture_stake` keeps a snapshot of every thousandth entry or so, taken by the writer itself: when
 *   nobody reads for a long time, what has gathered can still be read in pieces.
 */
export const CAPTURE_SCHEMA_SQL = `
CREATE SEQUENCE IF NOT EXISTS banyan.capture_position;
CREATE TABLE IF NOT EXISTS banyan.capture (
  service text PRIMARY KEY,
  identity uuid NOT NULL DEFAULT gen_random_uuid()
);
CREATE TABLE IF NOT EXISTS banyan.capture_batch (
  service text NOT NULL,
  position bigint NOT NULL,
  snapshot pg_snapshot NOT NULL,
  PRIMARY KEY (service, position)
);
CREATE TABLE IF NOT EXISTS banyan.capture_stake (
  service text NOT NULL,
  position bigint NOT NULL,
  snapshot pg_snapshot NOT NULL
);
CREATE TABLE IF NOT EXISTS banyan.capture_relation (
  id bigint NOT NULL,
  relid oid NOT NULL,
  signature text NOT NULL,
  definition text NOT NULL
);
CREATE INDEX IF NOT EXISTS capture_relation_relid ON banyan.capture_relation (relid);
CREATE TABLE IF NOT EXISTS banyan.capture_log (
  id bigint NOT NULL,
  service text NOT NULL,
  xid xid8 NOT NULL,
  relation bigint NOT NULL,
  kind "char" NOT NULL,
  at timestamptz NOT NULL,
  old_version tid,
  new_version tid,
  old_row text,
  new_row text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
CREATE INDEX IF NOT EXISTS capture_log_xid ON banyan.capture_log (service, xid);
CREATE TABLE IF NOT EXISTS banyan.replayed (
  stream text NOT NULL,
  xid bigint NOT NULL,
  whole_xid bigint NOT NULL,
  PRIMARY KEY (stream, xid)
);
CREATE TABLE IF NOT EXISTS banyan.replayed_part (stream text NOT NULL);
`;

/** How text must be written for the other side to read it; as SESSION_SETTINGS of a connection. */
const PINNED =
  "SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO, MDY' SET IntervalStyle = 'postgres' SET extra_float_digits = 3 " +
  "SET bytea_output = 'hex' SET TimeZone = 'UTC' SET lc_monetary = 'C' SET xmlbinary = 'base64' SET quote_all_identifiers = off";

/** An entry for every so many numbers of the sequence leaves a snapshot behind. */
const STAKE_EVERY = 1000;

/**
 * The functions behind the triggers. They run with the rights of whoever installed them, on objects
 * that are all named in full, so that the application's role needs none. A row's text is what
 * record_out makes of it: every column by its type's own output function, as in the log. The
 * table's columns are looked up each time, for a column may be added by the statement before.
 */
export const CAPTURE_FUNCTIONS_SQL = `
CREATE OR REPLACE FUNCTION banyan.capture_relation_of(relid oid, signature text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  root oid := coalesce(pg_partition_root(relid), relid);
  number bigint := nextval('banyan.capture_position');
BEGIN
  -- Two transactions that meet a new table at once both describe it; neither waits for the other.
  INSERT INTO banyan.capture_relation (id, relid, signature, definition)
  SELECT number, capture_relation_of.relid, capture_relation_of.signature, json_build_object(
    'schema', n.nspname, 'table', c.relname,
    'columns', (
      SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::bigint, 'modifier', a.atttypmod, 'generated', a.attgenerated <> '',
          'key', coalesce(a.attnum = ANY ((k.indkey::int2[])[0:k.indnkeyatts - 1]), false)) ORDER BY a.attnum)
        FROM pg_attribute a LEFT JOIN pg_index k ON k.indrelid = a.attrelid AND k.indisprimary
       WHERE a.attrelid = capture_relation_of.relid AND a.attnum > 0 AND NOT a.attisdropped)
  )::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = root;
  RETURN number;
END $function$;

CREATE OR REPLACE FUNCTION banyan.capture_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER ${PINNED} AS $function$
DECLARE
  columns text;
  relation bigint;
  number bigint;
  me xid8 := pg_current_xact_id();
  now pg_snapshot;
BEGIN
  columns := (
    SELECT string_agg(a.attname || ' ' || a.atttypid || ' ' || a.atttypmod || a.attgenerated::text, ',' ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped);
  columns := TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME || ' ' || columns;
  relation := (SELECT r.id FROM banyan.capture_relation r WHERE r.relid = TG_RELID AND r.signature = columns LIMIT 1);
  IF relation IS NULL THEN relation := banyan.capture_relation_of(TG_RELID, columns); END IF;
  number := nextval('banyan.capture_position');
  IF TG_OP = 'INSERT' THEN
    INSERT INTO banyan.capture_log (id, service, xid, relation, kind, at, new_version, new_row)
    VALUES (number, TG_ARGV[0], me, relation, 'I', clock_timestamp(), NEW.ctid, NEW::text);
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO banyan.capture_log (id, service, xid, relation, kind, at, old_version, new_version, old_row, new_row)
    VALUES (number, TG_ARGV[0], me, relation, 'U', clock_timestamp(), OLD.ctid, NEW.ctid, OLD::text, NEW::text);
  ELSE
    INSERT INTO banyan.capture_log (id, service, xid, relation, kind, at, old_version, old_row)
    VALUES (number, TG_ARGV[0], me, relation, 'D', clock_timestamp(), OLD.ctid, OLD::text);
  END IF;
  -- Of a repeatable-read transaction the snapshot would be older than the number.
  IF number % ${STAKE_EVERY} = 0 AND current_setting('transaction_isolation') = 'read committed' THEN
    now := pg_current_snapshot();
    -- A snapshot does not list its own transaction, which has not ended either.
    INSERT INTO banyan.capture_stake (service, position, snapshot)
    SELECT TG_ARGV[0], number, (pg_snapshot_xmin(now) || ':' || pg_snapshot_xmax(now) || ':' ||
      coalesce((SELECT string_agg(x::text, ',' ORDER BY x)
                  FROM (SELECT pg_snapshot_xip(now) AS x UNION SELECT me WHERE me < pg_snapshot_xmax(now)) running), ''))::pg_snapshot;
  END IF;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION banyan.capture_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER ${PINNED} AS $function$
DECLARE
  note text := 'banyan.used_' || TG_RELID;
  -- A sequence that was never used since its last restart has no last value.
  used text := (SELECT EXISTS (
    SELECT FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = TG_RELID AND d.classid = 'pg_class'::regclass
       AND d.deptype IN ('a', 'i')
       -- Not in the order of the conditions, but only for what is a sequence.
       AND CASE WHEN s.relkind = 'S' THEN pg_sequence_last_value(s.oid) END IS NOT NULL))::text;
  columns text := TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME;
  relation bigint;
BEGIN
  IF TG_WHEN = 'BEFORE' THEN
    PERFORM set_config(note, used, true);
    RETURN NULL;
  END IF;
  relation := (SELECT r.id FROM banyan.capture_relation r WHERE r.relid = TG_RELID AND r.signature = columns LIMIT 1);
  IF relation IS NULL THEN relation := banyan.capture_relation_of(TG_RELID, columns); END IF;
  INSERT INTO banyan.capture_log (id, service, xid, relation, kind, at)
  VALUES (nextval('banyan.capture_position'), TG_ARGV[0], pg_current_xact_id(), relation,
    CASE WHEN used = 'true' THEN 'T' WHEN current_setting(note, true) = 'true' THEN 'R' ELSE 'N' END, clock_timestamp());
  RETURN NULL;
END $function$;

REVOKE ALL ON FUNCTION banyan.capture_relation_of(oid, text) FROM PUBLIC;
`;
