import { UNCHANGED } from '../../src/model/change.ts';
import { ServerError, Session, type Database, type Version } from './database.ts';
import type { Random } from './random.ts';
import type { Process } from './scheduler.ts';
import type { Truth } from './truth.ts';

export interface WriterOptions {
  readonly database: Database;
  readonly process: Process;
  readonly random: Random;
  readonly truth: Truth;
  readonly transactions: number;
  readonly keys: readonly string[];
  /** Values for the unique column; empty: none is ever set. */
  readonly codes: readonly string[];
  /** Instead of all else, rows are counters: added to where they are `there`, or made where they are not, `anywhere`. */
  readonly counts?: 'there' | 'anywhere';
  /** Whether the table is emptied now and then. */
  readonly truncates: boolean;
  /** Whether it may begin. Default: at once. */
  readonly mayBegin?: () => boolean;
}

/** An application of one side: short transactions over a few rows, in the way applications write. */
export class Writer {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { random, transactions, database, process, mayBegin = () => true } = this.#options;
    while (!mayBegin()) await database.scheduler.sleep(process, 20);
    for (let i = 0; i < transactions; i++) {
      await database.scheduler.sleep(process, random.chance(0.3) ? random.below(600) : random.below(20));
      await this.#transaction();
    }
  }

  async #transaction(): Promise<void> {
    const { random, database, process, truth } = this.#options;
    const session = new Session(database, process);
    const made: Version[] = [];
    try {
      const statements = 1 + random.below(3);
      for (let i = 0; i < statements; i++) {
        await database.scheduler.step(process);
        if (random.chance(0.2)) session.savepoint();
        await this.#statement(session, made);
      }
      await database.scheduler.step(process);
      if (random.chance(0.05)) {
        session.rollback();
        return;
      }
      await session.commit();
      truth.acknowledged.push(...made);
    } catch (error) {
      // A duplicate or a deadlock: the application gives up this transaction.
      if (!(error instanceof ServerError)) throw error;
      session.rollback();
    }
  }

  async #statement(session: Session, made: Version[]): Promise<void> {
    const { random, keys, counts, truncates } = this.#options;
    const key = random.pick(keys);
    if (counts) {
      await this.#count(session, key, made);
      return;
    }
    if (truncates && random.chance(0.04)) {
      await this.#truncate(session, made);
      return;
    }
    if (!session.read(key)) {
      await this.#insert(session, key, made);
      return;
    }
    const dice = random.next();
    if (dice < 0.2) await this.#remove(session, key, made);
    else if (dice < 0.3) await this.#rekey(session, key, random.pick(keys), made);
    else if (dice < 0.4) await this.#swap(session, key, random.pick(keys), made);
    else await this.#update(session, key, random.chance(0.3) ? this.#code() : UNCHANGED, made);
  }

  async #count(session: Session, key: string, made: Version[]): Promise<void> {
    const { random, counts, database, truth } = this.#options;
    const present = await session.lock(key);
    if (!present && counts === 'there') return;
    const added = BigInt(1 + random.below(9));
    const version = truth.make({ side: database.side, key, deleted: false, added });
    const cells = [String(added + BigInt(present?.row[1] ?? '0')), version.id, `body of ${version.id}`] as const;
    if (present) await session.update(key, [UNCHANGED, ...cells], version);
    else await session.insert([key, ...cells], version);
    this.#keep(session, version, made);
  }

  async #truncate(session: Session, made: Version[]): Promise<void> {
    const { truth, database } = this.#options;
    const gone: Version[] = [];
    await session.truncate((key) => {
      const version = truth.make({ side: database.side, key, deleted: true, emptied: true });
      gone.push(version);
      return version;
    });
    for (const version of gone) this.#keep(session, version, made);
  }

  #code(): string | null {
    const { random, codes } = this.#options;
    return codes.length === 0 || random.chance(0.4) ? null : random.pick(codes);
  }

  #make(key: string, deleted = false): Version {
    const { truth, database } = this.#options;
    return truth.make({ side: database.side, key, deleted });
  }

  #keep(session: Session, version: Version, made: Version[]): void {
    const before = session.before(version);
    if (before) version.parents.push(before);
    made.push(version);
  }

  async #insert(session: Session, key: string, made: Version[]): Promise<void> {
    const version = this.#make(key);
    await session.insert([key, this.#code(), version.id, `body of ${version.id}`], version);
    this.#keep(session, version, made);
  }

  async #update(session: Session, key: string, code: string | null | typeof UNCHANGED, made: Version[]): Promise<boolean> {
    const version = this.#make(key);
    const body = this.#options.random.chance(0.3) ? `body of ${version.id}` : UNCHANGED;
    const done = await session.update(key, [UNCHANGED, code, version.id, body], version);
    if (done) this.#keep(session, version, made);
    return done;
  }

  async #remove(session: Session, key: string, made: Version[]): Promise<void> {
    const version = this.#make(key, true);
    if (await session.remove(key, version)) this.#keep(session, version, made);
  }

  async #rekey(session: Session, key: string, newKey: string, made: Version[]): Promise<void> {
    if (session.read(newKey)) return;
    const next = this.#make(newKey);
    const end = this.#make(key, true);
    this.#options.truth.rekeyed(next, end);
    if (!(await session.update(key, [newKey, UNCHANGED, next.id, UNCHANGED], next))) return;
    this.#keep(session, next, made);
    this.#keep(session, end, made);
    session.noteTruth(end);
  }

  /** Two rows change their unique values, in the three steps that takes. */
  async #swap(session: Session, key: string, other: string, made: Version[]): Promise<void> {
    if (key === other || this.#options.codes.length === 0) return;
    const mine = (await session.lock(key))?.row[1];
    const theirs = (await session.lock(other))?.row[1];
    if (mine === undefined || theirs === undefined) return;
    await this.#update(session, key, null, made);
    await this.#update(session, other, mine, made);
    await this.#update(session, key, theirs, made);
  }
}
