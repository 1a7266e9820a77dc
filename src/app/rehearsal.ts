import type { Client } from 'pg';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { parseTableName, quoteTable } from '../model/names.ts';
import { tableOf } from '../plan/runbook/lost-rows.ts';
import type { StepToUndo } from '../plan/runbook/plan-to-undo.ts';
import type { RestoreProbe } from '../plan/runbook/restore-time.ts';
import type { RollbackRunbook, RollbackStep } from '../plan/runbook/runbook-document.ts';
import { sampleRows } from '../plan/runbook/sample-rows.ts';
import { catalogueParts, changesBetween, type Snapshot } from '../plan/runbook/snapshot.ts';
import type { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { splitStatements } from '../postgres/sql/split-statements.ts';
import { restoreProbe } from '../postgres/survey/restore-probe.ts';
import type { TestedStep } from './plan-types.ts';

export interface RehearsedWork {
  /** Statements that make the tables. */
  readonly tables: readonly string[];
  /** Tables of which a restore is measured, as the plan names them. */
  readonly restored: readonly string[];
  /** The plan's steps, in their order. */
  readonly sql: readonly StepToUndo[];
  /** The runbook's statements, in the order in which they are run at night: what it does is tried, not what it was made of. */
  readonly wayBack: readonly WayBackStep[];
}

export interface RehearsalResult {
  readonly steps: TestedStep[];
  readonly restores: RestoreProbe[];
  readonly notes: string[];
}

/** So many rows say more of restoring than of beginning to. */
const RESTORED_ROWS = 20_000;

const RESTORED_ROUNDS = 3;

export type WayBackStep = Pick<RollbackStep, 'step_id' | 'name' | 'script_content' | 'validation_commands'>;

export function wayBackOf({ rollback_phases: phases }: RollbackRunbook): WayBackStep[] {
  return phases.flatMap(({ steps }) => steps.filter(({ script_type: type }) => type === 'sql'));
}

/** One database, on which a plan's statements go forward, and those of its runbook back. */
export class Rehearsal {
  readonly #client: Client;
  readonly #introspector: PostgresIntrospector;
  readonly #signal: AbortSignal;
  readonly #clock: Pick<Clock, 'monotonic'>;

  constructor(client: Client, introspector: PostgresIntrospector, { signal, clock }: { readonly signal: AbortSignal; readonly clock: Pick<Clock, 'monotonic'> }) {
    this.#client = client;
    this.#introspector = introspector;
    this.#signal = signal;
    this.#clock = clock;
  }

  async run({ tables, restored, sql, wayBack }: RehearsedWork): Promise<RehearsalResult> {
    const notes = await this.#build(tables);
    const restores = await this.#restore(restored, notes);
    notes.push(...(await this.#fill()));
    const beginning = await this.#look();
    const steps: TestedStep[] = [];
    for (const step of sql) {
      this.#signal.throwIfAborted();
      const tested = await this.#thereAndBack(step);
      steps.push(tested);
      // What comes after stands on it.
      if (tested.result === 'failed') return { steps, restores, notes: [...notes, ...(steps.length < sql.length ? [`${sql.length - steps.length} steps after it were not run`] : [])] };
    }
    steps.push(await this.#allTheWay({ sql, wayBack, beginning }));
    return { steps, restores, notes };
  }

  /** Before anything else is there; leaves nothing behind. */
  async #restore(names: readonly string[], notes: string[]): Promise<RestoreProbe[]> {
    const schema = await this.#introspector.readSchema();
    const restores: RestoreProbe[] = [];
    for (const name of names) {
      this.#signal.throwIfAborted();
      const table = schema.tables.find((each) => each.name === tableOf(name) && each.kind !== 'partition');
      if (!table) {
        notes.push(`restore of ${name} not measured: there is no such table`);
        continue;
      }
      const fill = (to: string): string => sampleRows({ ...table, name: parseTableName(to) }, schema, RESTORED_ROWS);
      const measured = await restoreProbe(this.#client, { table: quoteTable(table.name), fill, rounds: RESTORED_ROUNDS, clock: this.#clock }).catch(messageOf);
      if (typeof measured === 'string') notes.push(`restore of ${name} not measured: ${measured}`);
      else restores.push({ table: name, rounds: measured });
    }
    return restores;
  }

  /** Forward, back, compare, and forward again for the next. */
  async #thereAndBack(step: StepToUndo): Promise<TestedStep> {
    const { step_id: id, name, rollback, start = '', complete = '', validate_rollback: query } = step;
    const said = { step_id: id, name };
    const spoken = rollback !== '' && rollback.split('\n').every((line) => line.startsWith('--'));
    try {
      const before = await this.#look();
      await this.#script(start, complete);
      const changed = changesBetween(before, await this.#look());
      if (!spoken) await this.#script(rollback);
      const left = changesBetween(before, await this.#look());
      if (left.length > 0 && spoken) return { ...said, result: 'by hand', detail: rollback.replaceAll(/^--\s*/gm, '') };
      if (left.length > 0) return { ...said, result: 'failed', detail: left.join('; ') };
      if (query !== undefined && !(await this.#isTrue(query))) return { ...said, result: 'failed', detail: `it is as before, but its check does not say so: ${query}` };
      if (!spoken) await this.#script(start, complete);
      return { ...said, result: 'came back', detail: changed.length === 0 ? 'it changes nothing' : `undone: ${plainList(changed)}` };
    } catch (error) {
      this.#signal.throwIfAborted();
      return { ...said, result: 'failed', detail: messageOf(error) };
    }
  }

  /** All of it, as the runbook says it: an order that is wrong, or what one step leaves behind, may only then be seen. */
  async #allTheWay({ sql, wayBack, beginning }: Pick<RehearsedWork, 'sql' | 'wayBack'> & { readonly beginning: Snapshot }): Promise<TestedStep> {
    const said = { step_id: 'all', name: 'all of the way back, in the order of the runbook' };
    let at = '';
    try {
      for (const { step_id: id, name, script_content: script, validation_commands: checks } of wayBack) {
        at = `${id} (${name}): `;
        await this.#script(script);
        for (const check of checks) if (!(await this.#isTrue(check))) return { ...said, result: 'failed', detail: `${at}its check does not say that it is as before: ${check}` };
      }
      const left = changesBetween(beginning, await this.#look());
      if (left.length === 0) return { ...said, result: 'came back', detail: 'catalogue and rows are as in the beginning' };
      return { ...said, result: sql.some(({ rollback }) => rollback.startsWith('-- ')) ? 'by hand' : 'failed', detail: left.join('; ') };
    } catch (error) {
      this.#signal.throwIfAborted();
      return { ...said, result: 'failed', detail: `${at}${messageOf(error)}` };
    }
  }

  /** As psql would run the file: owners and roles that this server lacks are passed over, and said. */
  async #build(tables: readonly string[]): Promise<string[]> {
    const notes: string[] = [];
    await this.#client.query('SET search_path = "$user", public');
    for (const statement of tables) {
      await this.#client.query(statement).catch((error: unknown) => notes.push(`not run: ${statement.split('\n')[0] ?? ''}: ${messageOf(error)}`));
    }
    await this.#client.query('SET search_path = "$user", public');
    return notes;
  }

  /** Without foreign keys and triggers in the way; a table whose rules refuse the rows stays empty. */
  async #fill(): Promise<string[]> {
    const schema = await this.#introspector.readSchema();
    const notes: string[] = [];
    await this.#client.query('SET session_replication_role = replica');
    for (const table of schema.tables.filter(({ kind }) => kind === 'table')) {
      await this.#client.query(sampleRows(table, schema)).catch((error: unknown) => notes.push(`no rows in ${table.name}: ${messageOf(error)}`));
    }
    await this.#client.query('RESET session_replication_role');
    return notes;
  }

  async #look(): Promise<Snapshot> {
    const schema = await this.#introspector.readSchema();
    const parts = catalogueParts(schema);
    for (const { name } of schema.tables) {
      // As jsonb, whose keys have an order of their own: a column that came back stands last in its table.
      const { rows } = await this.#client.query<{ all: string }>(`SELECT coalesce(string_agg(to_jsonb(t)::text, ',' ORDER BY to_jsonb(t)::text), '') AS all FROM ${quoteTable(name)} AS t`);
      parts.set(`rows of ${name}`, rows[0]?.all ?? '');
    }
    return parts;
  }

  /** Statement by statement: what builds an index CONCURRENTLY runs in no transaction. */
  async #script(...scripts: readonly string[]): Promise<void> {
    for (const script of scripts) for (const { text } of splitStatements(script)) if (text.trim() !== '') await this.#client.query(text);
  }

  async #isTrue(query: string): Promise<boolean> {
    const { rows } = await this.#client.query<Record<string, string>>(query);
    return Object.values(rows[0] ?? {})[0] === 't';
  }
}

function plainList(texts: readonly string[]): string {
  return texts.map((text) => text.replace(/ was left behind$/, ' (added)').replace(/ is gone$/, ' (taken away)').replace(/ is not as it was$/, ' (changed)')).join(', ');
}

