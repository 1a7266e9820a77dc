import { BanyanError, isBanyanError } from '../core/errors.ts';
import { UNCHANGED, type Cell, type Row } from '../model/change.ts';
import type { Conflict, Decision } from '../model/conflict.ts';
import type { TableName } from '../model/names.ts';
import { columnsOf, sharedName, type TableMapping } from '../model/table-mapping.ts';
import { rowTranslator, type RowTranslator } from '../model/translate-row.ts';
import type {
  Applier, ApplyTransaction, BeginOptions, Checkpoint, Deleted, Horizon, Link, LockedRow, QuarantinedWrite, QuarantineEntry, QuarantineOutcome, Recalled,
  Reference, RowKeys, Sparing, TargetTable, Write,
} from '../ports/applier.ts';

/** A table of the service, and how rows get there from the shared words, and back. */
interface ServiceTable {
  readonly mapping: TableMapping;
  /** As the service has it. */
  readonly own: TargetTable;
  readonly shared: TargetTable;
  /** Whether a write is the same in both words. */
  readonly same: boolean;
  /** Its foreign keys as the service has them, by those in the shared words. */
  readonly references: ReadonlyMap<Reference, Reference>;
  /** Of each own column, its place in the shared words. */
  readonly places: readonly number[];
  readonly out: RowTranslator;
  readonly back: RowTranslator;
}

/**
 * The service's applier in the words that both directions share: the monolith's names and values. It
 * translates what is written, and translates back what is read. Records, requests and the quarantine
 * are kept in the shared words.
 */
export class ServiceApplier implements Applier {
  readonly #applier: Applier;
  readonly #pairs: readonly TableMapping[];
  #tables: ReadonlyMap<TableName, ServiceTable> = new Map();

  constructor(options: { readonly applier: Applier; readonly pairs: readonly TableMapping[] }) {
    this.#applier = options.applier;
    this.#pairs = options.pairs;
  }

  claim(): Promise<Checkpoint> {
    return this.#applier.claim();
  }

  /** Tables by their shared names. */
  async describe(tables: readonly TableName[]): Promise<ReadonlyMap<TableName, TargetTable>> {
    const wanted = this.#pairs.filter((pair) => tables.includes(sharedName(pair, this.#pairs)));
    const described = await this.#applier.describe([...new Set(wanted.map((pair) => pair.service))]);
    const found = new Map(
      wanted.map((mapping) => {
        const own = described.get(mapping.service);
        if (!own) throw new BanyanError('BANYAN_INTERNAL', { message: `${mapping.service} was never described.` });
        return [sharedName(mapping, this.#pairs), serviceTable(mapping, own, this.#pairs)];
      }),
    );
    this.#tables = new Map([...this.#tables, ...found]);
    return new Map([...found].map(([name, { shared }]) => [name, shared]));
  }

  get sessions(): number {
    return this.#applier.sessions;
  }

  async begin(options?: BeginOptions): Promise<ApplyTransaction> {
    return new ServiceTransaction(await this.#applier.begin(options), this.#tables);
  }

  quarantined(): Promise<readonly QuarantineEntry[]> {
    return this.#applier.quarantined();
  }

  isAsked(): Promise<boolean> {
    return this.#applier.isAsked();
  }

  isTransient(error: unknown): boolean {
    return this.#applier.isTransient(error);
  }

  isOutOfDate(error: unknown): boolean {
    return this.#applier.isOutOfDate(error);
  }

  isContention(error: unknown): boolean {
    return this.#applier.isContention(error);
  }

  codeOf(error: unknown): string {
    return this.#applier.codeOf(error);
  }

  close(): Promise<void> {
    return this.#applier.close();
  }
}

function serviceTable(mapping: TableMapping, own: TargetTable, pairs: readonly TableMapping[]): ServiceTable {
  const name = sharedName(mapping, pairs);
  const paired = columnsOf(mapping, own.columns).filter((column) => own.columns.includes(column.service));
  const columns = [...new Set([...paired.map((column) => column.monolith), ...(mapping.functions?.reads ?? [])])];
  const key = own.key.map((index) => {
    const place = columns.indexOf(paired.find((column) => column.service === own.columns[index])?.monolith ?? '');
    if (place < 0) throw new BanyanError('BANYAN_NO_KEY', { message: `The key column "${own.columns[index]}" of ${own.name} comes from no column of ${mapping.monolith}.` });
    return place;
  });
  const carried = own.columns.map((column) => paired.some((each) => each.service === column));
  const placeOf = (index: number): number => columns.indexOf(paired.find((column) => column.service === own.columns[index])?.monolith ?? '');
  const known = (places: readonly number[]): boolean => !places.includes(-1);
  const references = (own.references ?? [])
    .map((reference): readonly [Reference, Reference] => {
      const { nulls, ...rest } = reference;
      return [{ ...rest, ...sharedParent(reference, pairs), columns: reference.columns.map(placeOf), ...(nulls ? { nulls: nulls.map(placeOf) } : {}) }, reference];
    })
    .filter(([reference]) => known(reference.columns));
  const shared: TargetTable = {
    name, columns, key,
    otherUniques: (own.otherUniques ?? []).map((unique) => unique.map(placeOf)).filter(known),
    references: references.map(([reference]) => reference),
  };
  const whole = carried.every(Boolean);
  const keyNames = own.key.map((index) => own.columns[index] ?? '');
  const out = rowTranslator({ mapping, to: 'service', from: columns, into: own.columns, key: keyNames });
  return {
    mapping, shared, out, references: new Map(references), places: own.columns.map((_, index) => placeOf(index)),
    same: out.same && whole && mapping.part !== true && name === own.name && key.every((index, i) => index === own.key[i]),
    own: { ...own, ...(whole ? {} : { carried }), ...(mapping.part === true ? { part: true } : {}) },
    back: rowTranslator({ mapping, to: 'monolith', from: own.columns, into: columns }),
  };
}

/** The table that a foreign key of the service points at, in the shared words. */
function sharedParent({ table, there }: Reference, pairs: readonly TableMapping[]): Pick<Reference, 'table' | 'there'> {
  const parent = pairs.find((pair) => pair.service === table);
  if (!parent) return { table, there };
  const names = new Map(columnsOf(parent, there).map(({ monolith, service }) => [service, monolith]));
  return { table: sharedName(parent, pairs), there: there.map((name) => names.get(name) ?? name) };
}

/** Translates one transaction; everything that is not about a row is handed on as it is. */
class ServiceTransaction implements ApplyTransaction {
  readonly #inner: ApplyTransaction;
  readonly #tables: ReadonlyMap<TableName, ServiceTable>;

  constructor(inner: ApplyTransaction, tables: ReadonlyMap<TableName, ServiceTable>) {
    this.#inner = inner;
    this.#tables = tables;
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#inner.checkpoint;
  }

  write(writes: readonly Write[], horizon: Horizon | undefined): Promise<number[]> {
    const first = writes[0];
    if (!first) return Promise.resolve([]);
    const table = this.#table(first.table);
    return this.#inner.write(table.same ? writes : writes.map((write) => translated(table, write)), horizon);
  }

  async lock(table: TargetTable, key: readonly string[], options?: { readonly keyOnly: boolean }): Promise<LockedRow | undefined> {
    const known = this.#table(table);
    const locked = await this.#inner.lock(known.own, keyOut(known, key), options);
    return locked && { ...locked, row: options?.keyOnly === true ? keyAlone(known, key) : asRead(known, locked.row, key) };
  }

  async put(table: TargetTable, key: readonly string[], row: Row): Promise<void> {
    const known = this.#table(table);
    await this.#inner.put(ownOf(known, table), keyOut(known, key), known.out.row(row));
  }

  async remove(table: TargetTable, key: readonly string[]): Promise<void> {
    const known = this.#table(table);
    const own = keyOut(known, key);
    if (known.mapping.part === true) await this.#inner.put(known.own, own, blank(known, own));
    else await this.#inner.remove(known.own, own);
  }

  /** The service's tables have no filter: whatever stands there is its own. */
  outside(): Promise<readonly number[]> {
    return Promise.resolve([]);
  }

  async truncate(
    tables: readonly TargetTable[], { sparing, ...options }: { readonly restartIdentity: boolean; readonly sparing?: Sparing },
  ): Promise<readonly RowKeys[]> {
    const known = tables.map((table) => this.#table(table));
    const rows = sparing?.rows.map(({ table, keys }): RowKeys => {
      const translated = this.#table(table);
      return { table: translated.own, keys: keys.map((key) => keyOut(translated, key)) };
    });
    const spared = await this.#inner.truncate(
      known.map(({ own }) => own), { ...options, ...(sparing && rows ? { sparing: { horizon: sparing.horizon, rows } } : {}) },
    );
    return spared.flatMap(({ table, keys }) => {
      const translated = known.find(({ own }) => own === table);
      return translated ? [{ table: translated.shared, keys: keys.map((key) => keyBack(translated, key)) }] : [];
    });
  }

  async clashes(table: TargetTable, key: readonly string[], row: Row): Promise<readonly (readonly string[])[]> {
    const known = this.#table(table);
    const others = await this.#inner.clashes(known.own, keyOut(known, key), known.out.row(row));
    return others.map((other) => keyBack(known, other));
  }

  async keysBy(table: TargetTable, row: Row): Promise<readonly (readonly string[])[]> {
    const known = this.#table(table);
    const found = await this.#inner.keysBy(known.own, known.out.row(row));
    return found.map((key) => keyBack(known, key));
  }

  async orphans(link: Link, parents: readonly (readonly string[])[]): ReturnType<ApplyTransaction['orphans']> {
    const [child, parent] = [this.#table(link.child), this.#table(link.parent)];
    const found = await this.#inner.orphans(this.#link(link), parents.map((key) => keyOut(parent, key)));
    return found.map((orphan) => ({ key: keyBack(child, orphan.key), parent: keyBack(parent, orphan.parent) }));
  }

  parentless(link: Link, key: readonly string[]): Promise<boolean> {
    return this.#inner.parentless(this.#link(link), keyOut(this.#table(link.child), key));
  }

  #link({ child, parent, reference }: Link): Link {
    const known = this.#table(child);
    return { child: known.own, parent: this.#table(parent).own, reference: known.references.get(reference) ?? reference };
  }

  compare(table: TargetTable, column: string, a: string, b: string): Promise<number> {
    const known = this.#table(table);
    const paired = columnsOf(known.mapping, known.own.columns).find((each) => each.monolith === column);
    return this.#inner.compare(known.own, paired?.service ?? column, a, b);
  }

  request(table: TargetTable, key: readonly string[], options?: { readonly evenIfGone: boolean }): Promise<void> {
    return this.#inner.request(table, key, options);
  }

  recordConflict(conflict: Conflict, decision: Decision | undefined): Promise<void> {
    return this.#inner.recordConflict(conflict, decision);
  }

  quarantine(entry: QuarantinedWrite): Promise<void> {
    return this.#inner.quarantine(entry);
  }

  quarantined(): Promise<readonly QuarantineEntry[]> {
    return this.#inner.quarantined();
  }

  recall(ids: readonly string[], tableNamed: (name: TableName) => TargetTable | undefined): Promise<readonly Recalled[]> {
    return this.#inner.recall(ids, tableNamed);
  }

  answer(ids: readonly string[], outcome: QuarantineOutcome): Promise<void> {
    return this.#inner.answer(ids, outcome);
  }

  storeDeletes(deletes: ReadonlyMap<string, Deleted>): Promise<void> {
    return this.#inner.storeDeletes(deletes);
  }

  overtake(tables: readonly TableName[]): Promise<void> {
    return this.#inner.overtake(tables);
  }

  confirmClaim(): Promise<void> {
    return this.#inner.confirmClaim();
  }

  checkConstraints(): Promise<void> {
    return this.#inner.checkConstraints();
  }

  savepoint(): Promise<void> {
    return this.#inner.savepoint();
  }

  rollbackToSavepoint(): Promise<void> {
    return this.#inner.rollbackToSavepoint();
  }

  commit(checkpoint: Checkpoint & { readonly committedAt: bigint }): Promise<void> {
    return this.#inner.commit(checkpoint);
  }

  rollback(): Promise<void> {
    return this.#inner.rollback();
  }

  #table(shared: TargetTable): ServiceTable {
    const table = this.#tables.get(shared.name);
    if (!table) throw new BanyanError('BANYAN_INTERNAL', { message: `${shared.name} was never described.` });
    return table;
  }
}

/** The service's table of changes that do not bring all of its columns. */
function ownOf({ own, shared, places }: ServiceTable, { carried }: TargetTable): TargetTable {
  if (!carried || carried.length !== shared.columns.length) return own;
  return { ...own, carried: own.columns.map((_, i) => own.carried?.[i] !== false && carried[places[i] ?? -1] !== false) };
}

function translated(table: ServiceTable, write: Write): Write {
  const key = keyOut(table, write.key);
  const { old, row, ...rest } = write;
  // A part has no rows of its own: what it brought becomes null.
  if (write.kind === 'delete' && table.mapping.part === true) {
    return { ...rest, kind: 'update', table: table.own, key, row: blank(table, key) };
  }
  // A row without a key is found by all it held; any other by its key alone.
  const before = old && table.own.key.length === 0 ? { old: table.out.row(old) } : {};
  return { ...rest, table: table.own, key, ...(row ? { row: table.out.row(row) } : {}), ...before };
}

/** Nothing but the key, with nulls where the part's columns go. */
function blank({ own }: ServiceTable, key: readonly string[]): Row {
  return own.columns.map((_, i): Cell => {
    const part = own.key.indexOf(i);
    if (part >= 0) return key[part] ?? null;
    return own.carried?.[i] === false ? UNCHANGED : null;
  });
}

/** A row of the service in the shared words; of one that can't be translated no more than its key is told. */
function asRead({ shared, back }: ServiceTable, row: Row, key: readonly string[]): Row {
  try {
    return back.row(row);
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_TRANSFORM')) throw error;
    return keyAlone({ shared }, key);
  }
}

function keyAlone({ shared }: Pick<ServiceTable, 'shared'>, key: readonly string[]): Row {
  return shared.columns.map((_, i) => key[shared.key.indexOf(i)] ?? UNCHANGED);
}

function keyOut({ shared, own, out }: ServiceTable, key: readonly string[]): string[] {
  const row = out.columns(keyAlone({ shared }, key));
  return own.key.map((index) => textOf(row[index]));
}

function keyBack({ shared, own, back }: ServiceTable, key: readonly string[]): string[] {
  const row = back.columns(own.columns.map((_, i) => key[own.key.indexOf(i)] ?? UNCHANGED));
  return shared.key.map((index) => textOf(row[index]));
}

const textOf = (cell: Cell | undefined): string => (typeof cell === 'string' ? cell : '');
