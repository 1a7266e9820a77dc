import type pg from 'pg';
import { BanyanError } from '../../core/errors.ts';
import { UNCHANGED, type Row, type Value } from '../../model/change.ts';
import type { TableName } from '../../model/names.ts';
import { formatLsn, parseLsn } from '../../model/position.ts';
import type { Base, Deleted, QuarantinedWrite, QuarantineEntry, QuarantineOutcome, Recalled, TargetTable, Write } from '../../ports/applier.ts';

type Named = Readonly<Record<string, Value>>;

/** As it is stored: JSON of strings and nulls only, so that no value passes through a number. */
interface StoredBase {
  readonly xid?: string;
  readonly deleted?: string;
  readonly row?: Named;
  readonly rival?: { readonly deleted: string; readonly committedAt: string; readonly side: string };
}

interface StoredDelete {
  readonly position: string;
  readonly committedAt: string;
}

export async function putInQuarantine(
  client: pg.ClientBase,
  { stream, service, entry }: { readonly stream: string; readonly service: string; readonly entry: QuarantinedWrite },
): Promise<void> {
  const { write, as, code, reason, claims, bases } = entry;
  const { table } = write;
  await client.query(
    'INSERT INTO banyan.quarantine (stream, service, table_name, key, key_text, new_key_text, kind, step, row, old, position, committed_at, seen, ' +
      'code, reason, owns, refers, bases) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)',
    [
      stream, service, table.name, JSON.stringify(write.former ?? Object.fromEntries(table.key.map((column, i) => [table.columns[column], write.key[i]]))),
      write.keyText, write.newKeyText ?? null, write.kind, as, named(table, write.row), named(table, write.old),
      formatLsn(write.position), String(write.committedAt), formatLsn(write.seen), code, reason,
      JSON.stringify(claims.owns), JSON.stringify(claims.refers), JSON.stringify(Object.fromEntries([...bases].map(([key, base]) => [key, stored(base)]))),
    ],
  );
}

export async function readQuarantined(client: pg.ClientBase, stream: string): Promise<QuarantineEntry[]> {
  const found = await client.query<{
    id: string; code: string; kind: Write['kind']; key_text: string; new_key_text: string | null; owns: string; refers: string; asked: string | null;
    deleted: string;
  }>(
    "SELECT id, code, kind, key_text, new_key_text, owns, refers, asked, deleted FROM banyan.quarantine WHERE stream = $1 AND state = 'held' ORDER BY id",
    [stream],
  );
  return found.rows.map((row) => ({
    id: row.id, code: row.code, kind: row.kind, keyText: row.key_text,
    ...(row.new_key_text === null ? {} : { newKeyText: row.new_key_text }),
    // What an earlier version put there claims its keys only.
    claims: { owns: [row.key_text, ...(row.new_key_text === null ? [] : [row.new_key_text]), ...strings(row.owns)], refers: strings(row.refers) },
    deleted: new Map(Object.entries(JSON.parse(row.deleted) as Record<string, StoredDelete>).map(([name, { position, committedAt }]) => [
      name, { position: parseLsn(position), committedAt: BigInt(committedAt) },
    ])),
    ...(row.asked === 'retry' || row.asked === 'discard' ? { asked: row.asked } : {}),
  }));
}

export async function recall(
  client: pg.ClientBase,
  { ids, tableNamed }: { readonly ids: readonly string[]; readonly tableNamed: (name: TableName) => TargetTable | undefined },
): Promise<readonly Recalled[]> {
  const found = await client.query<StoredChange>(
    'SELECT id, table_name, key, key_text, new_key_text, kind, step, row, old, position, committed_at, seen, bases FROM banyan.quarantine WHERE id = ANY ($1)',
    [ids],
  );
  const byId = new Map(found.rows.map((row) => [row.id, row]));
  return ids.map((id) => {
    const stored = byId.get(id);
    if (!stored) throw new BanyanError('BANYAN_INTERNAL', { message: `Change ${id} has left the quarantine by another hand.` });
    return recalled(stored, tableNamed);
  });
}

interface StoredChange {
  readonly id: string;
  readonly table_name: TableName;
  readonly key: string;
  readonly key_text: string;
  readonly new_key_text: string | null;
  readonly kind: Write['kind'];
  readonly step: Recalled['as'];
  readonly row: string | null;
  readonly old: string | null;
  readonly position: string;
  readonly committed_at: string;
  readonly seen: string;
  readonly bases: string;
}

function recalled(stored: StoredChange, tableNamed: (name: TableName) => TargetTable | undefined): Recalled {
  const key = JSON.parse(stored.key) as Named;
  // The table may have another key by now: the row that was to be written, as it was before, holds that one.
  const rows = [key, ...[stored.old, stored.row].map((text) => (text === null ? {} : (JSON.parse(text) as Named)))];
  const table = (stored.step === 'untranslated' ? undefined : tableNamed(stored.table_name)) ?? tableAsStored(stored);
  const cells = table.key.map((column) => rows.map((each) => each[table.columns[column] ?? '']).find((value) => typeof value === 'string')).filter((cell) => cell !== undefined);
  const known = cells.length === table.key.length;
  return {
    as: stored.step,
    write: {
      kind: stored.kind, table, key: known ? cells : [], keyText: stored.key_text,
      ...(known ? {} : { former: key }),
      ...(known || stored.step !== 'change' ? {} : { fault: namedByFormer(stored) }),
      ...(stored.new_key_text === null ? {} : { newKeyText: stored.new_key_text }),
      ...(stored.row === null ? {} : { row: ordered(table, stored.row) }),
      ...(stored.old === null ? {} : { old: ordered(table, stored.old) }),
      position: parseLsn(stored.position), committedAt: BigInt(stored.committed_at), seen: parseLsn(stored.seen),
      bases: new Map(Object.entries(JSON.parse(stored.bases) as Record<string, StoredBase>).map(([name, base]) => [name, baseOf(base)])),
    },
  };
}

/** Nothing is written to a row that may be another one: the key's column may have been written anew. */
function namedByFormer({ table_name, key }: StoredChange): BanyanError {
  return new BanyanError('BANYAN_NO_KEY', {
    message: `The change names its row of ${table_name} by ${key}, which is no key of the table any more.`,
    remedy: 'Compare the table (`banyan validate`), make it equal, and discard the change.',
  });
}

/** Of a change that could not be put in the target's form: it has its source's own columns. */
function tableAsStored(stored: StoredChange): TargetTable {
  const names = (text: string | null): string[] => (text === null ? [] : Object.keys(JSON.parse(text) as Named));
  const columns = [...new Set([...names(stored.row), ...names(stored.old), ...names(stored.key)])];
  return { name: stored.table_name, columns, key: names(stored.key).map((name) => columns.indexOf(name)) };
}

export async function answer(client: pg.ClientBase, ids: readonly string[], outcome: QuarantineOutcome): Promise<void> {
  if (outcome.state === 'held') {
    await client.query(
      'UPDATE banyan.quarantine SET asked = NULL, answer = $2, code = coalesce($3, code), reason = CASE WHEN $3 IS NULL THEN reason ELSE $2 END, ' +
        'owns = coalesce($4, owns) WHERE id = ANY ($1)',
      [ids, outcome.reason, outcome.code ?? null, outcome.owns ? JSON.stringify(outcome.owns) : null],
    );
  } else {
    await client.query('UPDATE banyan.quarantine SET asked = NULL, answer = NULL, state = $2, ended_at = clock_timestamp() WHERE id = ANY ($1)', [ids, outcome.state]);
  }
}

export async function storeDeletes(client: pg.ClientBase, stream: string, deletes: ReadonlyMap<string, Deleted>): Promise<void> {
  for (const [keyText, { position, committedAt }] of deletes) {
    const stored: StoredDelete = { position: formatLsn(position), committedAt: String(committedAt) };
    await client.query(
      "UPDATE banyan.quarantine SET deleted = (deleted::jsonb || $3::jsonb)::text WHERE stream = $1 AND state = 'held' AND $2 IN (key_text, new_key_text)",
      [stream, keyText, JSON.stringify({ [keyText]: stored })],
    );
  }
}

export async function overtake(client: pg.ClientBase, stream: string, tables: readonly TableName[]): Promise<void> {
  await client.query(
    "UPDATE banyan.quarantine SET state = 'overtaken', asked = NULL, ended_at = clock_timestamp() WHERE stream = $1 AND state = 'held' AND table_name = ANY ($2)",
    [stream, tables],
  );
}

function named(table: TargetTable, row: Row | undefined): string | null {
  if (!row) return null;
  return JSON.stringify(Object.fromEntries(table.columns.map((name, i) => [name, row[i] ?? null]).filter(([, cell]) => cell !== UNCHANGED)));
}

/** Columns that are not named stay as they are. */
function ordered(table: TargetTable, text: string): Row {
  const stored = JSON.parse(text) as Named;
  const row = Object.fromEntries(Object.entries(stored).map(([name, value]) => [table.columns.includes(name) ? name : (table.formerly?.get(name) ?? name), value]));
  return table.columns.map((column) => (Object.hasOwn(row, column) ? (row[column] ?? null) : UNCHANGED));
}

const strings = (text: string): string[] => JSON.parse(text) as string[];

function stored({ xid, rival, deleted, row }: Base): StoredBase {
  return {
    ...(row ? { row } : {}),
    ...(deleted === undefined ? {} : { deleted: formatLsn(deleted) }),
    ...(xid === undefined ? {} : { xid: String(xid) }),
    ...(rival ? { rival: { deleted: String(rival.deleted), committedAt: String(rival.committedAt), side: rival.side } } : {}),
  };
}

function baseOf({ xid, rival, deleted, row }: StoredBase): Base {
  return {
    ...(row ? { row } : {}),
    ...(deleted === undefined ? {} : { deleted: parseLsn(deleted) }),
    ...(xid === undefined ? {} : { xid: Number(xid) }),
    ...(rival
      ? {
          rival: {
            deleted: rival.deleted === 'true', committedAt: BigInt(rival.committedAt),
            side: rival.side === 'monolith' || rival.side === 'service' ? rival.side : 'merged',
          },
        }
      : {}),
  };
}
