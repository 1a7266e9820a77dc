import type { Client } from 'pg';
import { messageOf } from '../core/errors.ts';
import { quoteTable } from '../model/names.ts';
import { EmbeddedPostgres } from '../embedded/embedded-postgres.ts';
import { minimalTables } from '../plan/runbook/minimal-tables.ts';
import { readPlan, type StepToUndo } from '../plan/runbook/plan-to-undo.ts';
import { runbookMarkdown, runbookText } from '../plan/runbook/render-runbook.ts';
import { RollbackGenerator } from '../plan/runbook/rollback-generator.ts';
import { sampleRows } from '../plan/runbook/sample-rows.ts';
import { catalogueParts, changesBetween, type Snapshot } from '../plan/runbook/snapshot.ts';
import { PostgresIntrospector } from '../postgres/catalog/introspector.ts';
import { connect, createPool } from '../postgres/connect.ts';
import { splitStatements } from '../postgres/sql/split-statements.ts';
import type { ApplicationContext } from './application.ts';
import { writeDocument } from './document-output.ts';
import type { RunbookTestOptions, RunbookTestResult, TestedStep } from './plan-types.ts';
import { configuredContacts } from './runbook-contacts.ts';
import { readDocumentText } from './text-file.ts';

/** `banyan runbook test`: each statement of a plan forward and back, on a server that is thrown away. */
export async function testRunbook(context: ApplicationContext, { input, schema, output, format }: RunbookTestOptions): Promise<RunbookTestResult> {
  const { value: plan } = readPlan({ file: input, text: await readDocumentText(input) });
  const tables = schema === undefined ? minimalTables(plan) : [...splitStatements(await readDocumentText(schema))].map(({ text }) => text);
  const contacts = await configuredContacts(context);
  const steps = plan.phases.flatMap(({ steps: each = [] }) => each);
  const notRun = steps.filter(({ script_type: type, rollback }) => type !== 'sql' && rollback !== '').map(({ step_id: id, name }) => `${id}: ${name}`);
  const sql = steps.filter(({ script_type: type, start = '' }) => type === 'sql' && start !== '');
  const tested = sql.length === 0 ? { steps: [], notes: [] } : await onThrowAwayServer(context, { tables, sql });
  const ok = tested.steps.every(({ result }) => result === 'came back');
  const runbook = new RollbackGenerator({ clock: context.clock }).generate(plan, { contacts, ...(ok && tested.steps.length > 0 ? { testedAt: new Date(context.clock.now()) } : {}) });
  const written = output === undefined ? { files: [] } : await writeDocument({
    format, output, render: { json: () => `${JSON.stringify(runbook, null, 2)}\n`, text: () => runbookText(runbook), markdown: () => runbookMarkdown(runbook) },
  });
  return { ok, runbook_id: runbook.runbook_id, tested: runbook.tested, ...(runbook.tested_at === undefined ? {} : { tested_at: runbook.tested_at }), steps: tested.steps, not_run: notRun, notes: tested.notes, files: written.files };
}

interface Work {
  readonly tables: readonly string[];
  readonly sql: readonly StepToUndo[];
}

async function onThrowAwayServer(context: ApplicationContext, work: Work): Promise<{ readonly steps: TestedStep[]; readonly notes: string[] }> {
  await using server = await EmbeddedPostgres.start({ durable: false });
  const client = await connect({ url: server.url(), clock: context.clock });
  const pool = createPool({ url: server.url(), max: 1, clock: context.clock });
  try {
    return await new Rehearsal(client, new PostgresIntrospector({ pool }), context.signal).run(work);
  } finally {
    await client.end();
    await pool.end();
  }
}

/** One database, on which a plan's statements go forward and back. */
class Rehearsal {
  readonly #client: Client;
  readonly #introspector: PostgresIntrospector;
  readonly #signal: AbortSignal;

  constructor(client: Client, introspector: PostgresIntrospector, signal: AbortSignal) {
    this.#client = client;
    this.#introspector = introspector;
    this.#signal = signal;
  }

  async run({ tables, sql }: Work): Promise<{ readonly steps: TestedStep[]; readonly notes: string[] }> {
    const notes = [...(await this.#build(tables)), ...(await this.#fill())];
    const beginning = await this.#look();
    const steps: TestedStep[] = [];
    for (const step of sql) {
      this.#signal.throwIfAborted();
      const tested = await this.#thereAndBack(step);
      steps.push(tested);
      // What comes after stands on it.
      if (tested.result === 'failed') return { steps, notes: [...notes, ...(steps.length < sql.length ? [`${sql.length - steps.length} steps after it were not run`] : [])] };
    }
    steps.push(await this.#allTheWay(sql, beginning));
    return { steps, notes };
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

  /** All of it, from the last step to the first: what one leaves behind may only then be seen. */
  async #allTheWay(sql: readonly StepToUndo[], beginning: Snapshot): Promise<TestedStep> {
    const said = { step_id: 'all', name: 'all steps, from the last to the first' };
    try {
      for (const { rollback } of sql.toReversed()) await this.#script(rollback);
      const left = changesBetween(beginning, await this.#look());
      if (left.length === 0) return { ...said, result: 'came back', detail: 'catalogue and rows are as in the beginning' };
      const byHand = sql.some(({ rollback }) => rollback.startsWith('-- '));
      return { ...said, result: byHand ? 'by hand' : 'failed', detail: left.join('; ') };
    } catch (error) {
      return { ...said, result: 'failed', detail: messageOf(error) };
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

