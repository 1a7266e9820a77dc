import type { Clock } from '../core/clock.ts';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { AcceptedTables, CatalogTable } from '../model/catalog.ts';
import type { Relation } from '../model/change.ts';
import type { TableName } from '../model/names.ts';
import { otherSide, sourceSide, type Direction, type Side } from '../model/side.ts';
import { sharedName, type TableMapping } from '../model/table-mapping.ts';
import type { TableCatalog } from '../ports/table-catalog.ts';
import type { SchemaJudge } from './mapping.ts';
import { schemaFit, type AdditivePolicy, type SchemaFit } from './schema-fit.ts';
import type { Fault } from './set-aside.ts';

export interface SchemaWatchOptions {
  readonly service: string;
  readonly direction: Direction;
  /** The stream's name, under which the target keeps what was accepted. */
  readonly stream: string;
  readonly pairs: readonly TableMapping[];
  readonly additive: AdditivePolicy;
  readonly catalogs: Readonly<Record<Side, TableCatalog>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when the source's log shows a table in a form that was not known: its own description may be out of date. */
  readonly onNews: () => void;
}

/** A table whose changes wait until it has been mended. */
export interface PausedTable {
  /** As the monolith calls it. */
  readonly table: TableName;
  readonly code: string;
  readonly reason: string;
  /** What to run, and where. Empty: see the reason. */
  readonly statements: readonly { readonly on: Side; readonly sql: string }[];
  /** By the wall clock, in milliseconds. */
  readonly since: number;
}

/** A column of the target that its source has dropped: it keeps what it holds, and gets nothing new. */
export interface LeftColumn {
  readonly table: TableName;
  readonly column: string;
  readonly on: Side;
}

/**
 * Knows, for one direction, whether the tables' forms fit, and makes them fit where that is allowed. The log
 * says when a form has changed; what to do about it, both catalogues say as they are now.
 *
 * Invariant: what does not fit is paused, and a paused table's changes are never written before it fits.
 */
export class SchemaWatch {
  readonly #options: SchemaWatchOptions;
  readonly #logger: Logger;
  readonly #names: ReadonlyMap<TableName, TableMapping>;
  #accepted = new Map<TableName, AcceptedTables>();
  #resumed = false;
  #left = new Map<TableName, readonly string[]>();
  /** Forms that were found to fit, by table, */
  readonly #known = new Map<TableName, Set<string>>();
  /** and what the source's catalogue showed before: changes in that form may still be on their way. */
  readonly #earlier = new Map<TableName, readonly CatalogTable[]>();
  /** Forms with columns that the catalogue did not show when it was asked first. */
  readonly #doubtful = new Set<string>();
  readonly #news = new Set<string>();
  readonly #paused = new Map<TableName, PausedTable>();
  /** Why a table was paused, as it was told last. */
  readonly #told = new Map<TableName, string>();
  /** Tables that the target itself refused, with its code. */
  readonly #refused = new Map<TableName, Fault>();

  constructor(options: SchemaWatchOptions) {
    this.#options = options;
    this.#logger = options.logger.child({ service: options.service, direction: options.direction });
    this.#names = new Map(options.pairs.map((pair) => [sharedName(pair, options.pairs), pair]));
  }

  get paused(): readonly PausedTable[] {
    return [...this.#paused.values()];
  }

  get left(): readonly LeftColumn[] {
    const on = otherSide(sourceSide(this.#options.direction));
    return [...this.#left].flatMap(([table, columns]) => columns.map((column) => ({ table, column, on })));
  }

  /** Why a table is paused; undefined: it is not. */
  pauseOf(table: TableName): Fault | undefined {
    return this.#paused.get(table);
  }

  /** Reads what was accepted before, and looks at every table: much may have changed while nothing ran. */
  async open(): Promise<void> {
    const { catalogs, direction, stream } = this.#options;
    this.#accepted = new Map(await catalogs[otherSide(sourceSide(direction))].accepted(stream));
    await this.examineAll();
  }

  /**
   * What is known now. It does not change: a mapping must not take for fitting what was found to fit after its
   * own tables were described.
   */
  judge(): SchemaJudge {
    const paused = new Map(this.#paused);
    const accepted = new Map(this.#accepted);
    const known = new Map([...this.#known].map(([table, forms]) => [table, new Set(forms)]));
    const earlier = new Map(this.#earlier);
    return {
      misfit: (table, relation) => {
        const pause = paused.get(table);
        if (pause) return faultOf(pause);
        if (knowsForm(relation, { accepted: accepted.get(table), earlier: earlier.get(table), known: known.get(table) })) return undefined;
        this.#noteNews(relation);
        return new BanyanError('BANYAN_SCHEMA_CHANGED', { message: `${relation.table} has another form from here on.` });
      },
      formerly: (table) => {
        const tables = accepted.get(table);
        const columns = tables ? [...tables.target.columns, ...tables.source.columns] : [];
        return new Map(columns.flatMap(({ name, formerly = [] }) => formerly.filter((each) => each !== '').map((each) => [each, name] as const)));
      },
      older: (table) => new Map(
        (accepted.get(table)?.target.columns ?? []).filter(({ added, formerly }) => added && !formerly?.includes(''))
          .flatMap(({ name, existingText, notNull }) => (existingText === undefined && notNull ? [] : [[name, existingText ?? null] as const])),
      ),
      sourceColumns: (table) => accepted.get(table)?.source.columns.map(({ name }) => name),
    };
  }

  #noteNews(relation: Relation): void {
    const form = formOf(relation);
    if (this.#news.has(form)) return;
    this.#news.add(form);
    this.#options.onNews();
  }

  /** Whether a table in this form can be written. */
  knows(table: TableName, relation: Relation): boolean {
    return knowsForm(relation, { accepted: this.#accepted.get(table), earlier: this.#earlier.get(table), known: this.#known.get(table) });
  }

  /** Whether a paused table has been found to fit since this was last asked. */
  takeResumed(): boolean {
    const resumed = this.#resumed;
    this.#resumed = false;
    return resumed;
  }

  get hasResumed(): boolean {
    return this.#resumed;
  }

  /** Looks at every table again. */
  async examineAll(): Promise<void> {
    for (const table of this.#names.keys()) await this.examine(table);
  }

  /** The target refused a change for what its table is, not for its values. */
  refused(table: TableName, fault: Fault): void {
    this.#refused.set(table, fault);
    this.#pause(table, { code: fault.code, reason: fault.reason, statements: [] });
  }

  /**
   * Compares both catalogues of a table, adds to the target what may be added unasked, and pauses the table or lets it go on.
   * @param relation the form in which the log shows it, where that is why it is asked.
   * @returns whether it may go on.
   */
  async examine(table: TableName, relation?: Relation): Promise<boolean> {
    const { catalogs, direction } = this.#options;
    const mapping = this.#names.get(table);
    if (!mapping) return true;
    const from = sourceSide(direction);
    const to = otherSide(from);
    const look = async (): Promise<Looked> => {
      const [source, target] = [await catalogs[from].read(mapping[from]), await catalogs[to].read(mapping[to])];
      return { source, target, fit: this.#fit(table, mapping, { source, target }) };
    };
    let looked = await look();
    if (looked.fit.kind === 'additive') {
      const { changes } = looked.fit;
      const statements = changes.flatMap((change) => catalogs[to].sqlOf(change).map((sql) => ({ on: to, sql })));
      try {
        await catalogs[to].make(changes);
      } catch (error) {
        const why = catalogs[to].isTransient(error) ? 'could not be added yet, and is tried again' : 'was refused';
        this.#pause(table, { code: 'BANYAN_SCHEMA_CHANGED', reason: `a new column ${why}: ${messageOf(error)}`, statements });
        return false;
      }
      this.#logger.info('columns that the other side has got were added', { table, on: to, statements: statements.map(({ sql }) => sql) });
      looked = await look();
      if (looked.fit.kind === 'additive') {
        this.#pause(table, { code: 'BANYAN_SCHEMA_CHANGED', reason: 'a new column was added and is not there', statements });
        return false;
      }
    }
    const { fit, target } = looked;
    if (fit.kind === 'misfit') {
      this.#pause(table, { ...fit, statements: fit.steps.flatMap(({ side, change }) => catalogs[side].sqlOf(change).map((sql) => ({ on: side, sql }))) });
      return false;
    }
    if (fit.kind !== 'fits') return false;
    const refusal = this.#refused.get(table);
    if (refusal?.code === INSUFFICIENT_PRIVILEGE && target && target.lacking.length > 0) {
      const sql = catalogs[to].sqlOf({ kind: 'grant', table: target.name, rights: target.lacking, role: target.role });
      this.#pause(table, { ...refusal, statements: sql.map((each) => ({ on: to, sql: each })) });
      return false;
    }
    if (relation && this.#isDoubtful(table, relation, fit.accepted)) return false;
    await this.#accept(table, fit, relation);
    return true;
  }

  #fit(table: TableName, mapping: TableMapping, tables: { readonly source: CatalogTable | undefined; readonly target: CatalogTable | undefined }): SchemaFit {
    const { direction, additive } = this.#options;
    return schemaFit({ mapping, direction, additive, ...tables, accepted: this.#accepted.get(table) });
  }

  /** A column of the log that no catalogue knows: too new to be seen, gone again, or renamed meanwhile. */
  #isDoubtful(table: TableName, relation: Relation, { source }: AcceptedTables): boolean {
    const before = this.#accepted.get(table)?.source;
    const knownNames = new Set([...source.columns, ...(before?.columns ?? [])].flatMap(({ name, formerly = [] }) => [name, ...formerly]));
    const unknown = relation.columns.filter(({ name }) => !knownNames.has(name));
    if (unknown.length === 0) return false;
    const names = unknown.map(({ name }) => `"${name}"`).join(', ');
    const brought = new Set(relation.columns.map(({ name }) => name));
    const since = before ? source.columns.filter(({ number, name }) => !brought.has(name) && !before.columns.some((each) => each.number === number)) : [];
    if (since.some(({ typeId }) => unknown.some((column) => column.typeId === typeId))) {
      this.#pause(table, { code: 'BANYAN_SCHEMA_CHANGED', reason: `changes were logged with ${names}, which has gone since, or was renamed to ${since.map(({ name }) => `"${name}"`).join(' or ')}: nothing tells which. Copy the table again`, statements: [] });
      return true;
    }
    const form = formOf(relation);
    if (this.#doubtful.delete(form)) return false;
    this.#doubtful.add(form);
    this.#pause(table, { code: 'BANYAN_SCHEMA_CHANGED', reason: `changes were logged with ${names}, which the catalogue does not show (yet, or any more)`, statements: [] });
    return true;
  }

  async #accept(table: TableName, { accepted, left }: Extract<SchemaFit, { kind: 'fits' }>, relation: Relation | undefined): Promise<void> {
    const { catalogs, direction, stream } = this.#options;
    if (JSON.stringify(this.#accepted.get(table)) !== JSON.stringify(accepted)) await catalogs[otherSide(sourceSide(direction))].accept(stream, table, accepted);
    const before = this.#accepted.get(table)?.source;
    if (before && JSON.stringify(before) !== JSON.stringify(accepted.source)) this.#earlier.set(table, [...(this.#earlier.get(table) ?? []), before]);
    this.#accepted.set(table, accepted);
    this.#left.set(table, left);
    if (relation) this.#known.set(table, (this.#known.get(table) ?? new Set()).add(formOf(relation)));
    const paused = this.#paused.get(table);
    if (!paused) return;
    this.#paused.delete(table);
    this.#resumed = true;
    // What the target refused it may refuse again, though nothing is to be seen of why.
    if (!this.#refused.delete(table)) this.#told.delete(table);
    this.#logger.info('a paused table goes on', { table });
  }

  #pause(table: TableName, { code, reason, statements }: Pick<PausedTable, 'code' | 'reason' | 'statements'>): void {
    const since = this.#paused.get(table)?.since ?? this.#options.clock.now();
    this.#paused.set(table, { table, code, reason, statements, since });
    if (this.#told.get(table) === reason) return;
    this.#told.set(table, reason);
    this.#logger.error('a table is paused: its changes wait in quarantine', { table, code, reason, statements });
  }
}

interface Looked {
  readonly source: CatalogTable | undefined;
  readonly target: CatalogTable | undefined;
  readonly fit: SchemaFit;
}

const INSUFFICIENT_PRIVILEGE = '42501';

function faultOf({ code, reason, table }: PausedTable): BanyanError {
  const known = code === 'BANYAN_SCHEMA_CONFLICT' ? code : 'BANYAN_SCHEMA_CHANGED';
  return new BanyanError(known, { message: `${table} is paused: ${reason}` });
}

function knowsForm(relation: Relation, { accepted, earlier = [], known }: {
  readonly accepted: AcceptedTables | undefined;
  readonly earlier: readonly CatalogTable[] | undefined;
  readonly known: ReadonlySet<string> | undefined;
}): boolean {
  if (accepted && relation.columns.every(({ typeId }) => typeId === 0)) {
    // Told by its names only.
    const names = new Set(accepted.source.columns.flatMap(({ name, formerly = [] }) => [name, ...formerly]));
    if (relation.columns.every(({ name }) => names.has(name))) return true;
  }
  return [...(accepted ? [accepted.source] : []), ...earlier].some((table) => isForm(relation, table)) || (known?.has(formOf(relation)) ?? false);
}

/** Tells forms of a table apart. */
function formOf({ table, columns, replicaIdentity }: Relation): string {
  return JSON.stringify([table, replicaIdentity, columns.map(({ name, typeId, modifier, identity }) => [name, typeId, modifier, identity])]);
}

/** Whether the log shows a table as its catalogue did. */
function isForm({ columns, replicaIdentity }: Relation, table: CatalogTable): boolean {
  if (columns.length !== table.columns.length) return false;
  const same = columns.every(({ name, typeId, modifier }, i) => {
    const column = table.columns[i];
    return column?.name === name && column.typeId === typeId && (modifier === undefined || modifier === column.modifier);
  });
  if (!same || replicaIdentity !== 'default') return same;
  const identity = columns.filter((column) => column.identity).map(({ name }) => name);
  return identity.length === table.key.length && identity.every((name) => table.key.includes(name));
}
