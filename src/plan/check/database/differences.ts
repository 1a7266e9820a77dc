import { invariant } from '../../../core/errors.ts';
import { quoteIdentifier, splitTableName, type TableName } from '../../../model/names.ts';
import type { Schema, Table } from '../../../model/schema.ts';
import type { Finding, MigrationScript } from '../finding.ts';
import { databaseRule } from './catalogue/catalogue.ts';

/** When a step runs. The way back runs them the other way round. */
export const PHASES = {
  extension: 0, dropRoutineOfViews: 0.5, dropView: 1, rename: 5, dropRoutineOfTables: 12, dropTrigger: 15, dropForeignKey: 20, dropRule: 25, dropEarly: 30, type: 35, sequence: 40, routine: 42, table: 45,
  column: 50, dropIdentity: 51, columnType: 52, sequenceAgain: 53.5, default: 54, allowNull: 55, dropSequence: 56, alterSequence: 57, generated: 58,
  notNull: 60, identity: 62, ownership: 63, key: 65, routineOfTables: 68, check: 70, foreignKey: 75, policy: 79, attribute: 80, dropColumn: 90, dropTable: 92, dropRoutine: 93, dropLast: 94, dropType: 95, view: 96, viewIndex: 96.2, routineOfViews: 96.5, grant: 97, dropExtension: 98,
} as const;

export interface Step {
  readonly phase: number;
  /** What it touches: later steps about the same depend on it. */
  readonly about: readonly string[];
  readonly description: string;
  readonly forward: string;
  readonly back: string;
  /** SQL of a condition that holds once it has run. */
  readonly holds: string;
  /** Default true. */
  readonly transactional?: boolean;
  readonly loses?: string;
  /** Whether later steps know something by the name that this one gives it. */
  readonly renames?: true;
}

interface FindingDraft extends Pick<Finding, 'description' | 'field_path'>, Partial<Pick<Finding, 'old_value' | 'new_value' | 'affected_operations'>> {
  /** What the remedy of this case has beyond that of the rule. */
  readonly how?: string;
}

/** The step where only its way back has something to do. */
export function onTheWayBack(step: Step): Step {
  const { loses: _loses, ...rest } = step;
  return { ...rest, description: `On the way back only, undo: ${step.description}`, forward: '-- Nothing to do on the way there.', holds: 'true' };
}

/** What two schemas differ in so far: the findings, and the steps from one to the other. */
export class Differences {
  readonly findings: Finding[] = [];
  readonly #steps: Step[] = [];

  /** @param id A rule of the catalogue. */
  find(id: string, { old_value: old = null, new_value: fresh = null, affected_operations: operations = [], description, field_path: path, how }: FindingDraft): void {
    const rule = databaseRule(id);
    invariant(rule !== undefined, `The rule ${id} is missing in the catalogue.`);
    const { type, severity, impact, hurts, remedy } = rule;
    this.findings.push({
      type, rule: id, severity, description, field_path: path, old_value: old, new_value: fresh, impact, hurts,
      suggested_migration: how === undefined ? remedy : `${remedy} ${how}`, affected_operations: operations,
    });
  }

  step(...steps: readonly Step[]): void {
    this.#steps.push(...steps);
  }

  /** The way back names things by their new names; run a second time, it meets them under the old ones. */
  #renamesAgain(): Step[] {
    const renames = this.#steps.filter(({ renames: isRename }) => isRename).toSorted((a, b) => a.phase - b.phase);
    if (renames.length === 0 || renames.length === this.#steps.length) return [];
    return [{ phase: Infinity, about: [], description: 'Keep the new names', forward: '-- Nothing to do: the way back begins with the new names.', back: renames.map(({ forward }) => forward).join('\n'), holds: renames.map(({ holds }) => `(${holds})`).join(' AND ') }];
  }

  /** In the order in which they run; each with a description of its own. */
  scripts(): MigrationScript[] {
    const taken = new Map<string, number>();
    const last = new Map<string, string>();
    return [...this.#steps, ...this.#renamesAgain()].toSorted((a, b) => a.phase - b.phase).map((step) => {
      const times = (taken.get(step.description) ?? 0) + 1;
      taken.set(step.description, times);
      const description = times === 1 ? step.description : `${step.description} (${times})`;
      const dependencies = [...new Set(step.about.flatMap((name) => last.get(name) ?? []))];
      for (const name of step.about) last.set(name, description);
      return {
        script_type: 'sql', description, script_content: step.forward, rollback_script: step.back, dependencies, validation_query: `SELECT ${step.holds}`,
        transactional: step.transactional ?? true, hazards: [], ...(step.loses === undefined ? {} : { loses: step.loses }),
      };
    });
  }
}

/** What makes way on the way there, and what does on the way back. */
export interface MakingWay<T> {
  readonly there: ReadonlySet<T>;
  readonly back: ReadonlySet<T>;
}

/** Both schemas, in the names of the new one. */
export interface Pair {
  /** The old schema in its own names; its views go before anything is renamed. */
  readonly original: Schema;
  readonly before: Schema;
  readonly after: Schema;
  readonly differences: Differences;
  /** Types that are made anew on the way there, with the defaults of their columns. */
  readonly remade: ReadonlySet<string>;
  /** Types that are made anew on the way there or back. */
  readonly rebuilt: ReadonlySet<string>;
}

/** `users` of schema public, else `shop.users`. */
export function displayName(name: TableName): string {
  const { schema, table } = splitTableName(name);
  return schema === 'public' ? table : `${schema}.${table}`;
}

export const tablePath = (name: TableName): string => `tables.${displayName(name)}`;

export const qualified = (schema: string, name: string): string => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

export interface TablePair {
  readonly old: Table;
  readonly fresh: Table;
}

/** Tables that both have. */
export function commonTables({ before, after }: Pick<Pair, 'before' | 'after'>): TablePair[] {
  const byName = new Map(before.tables.map((table) => [table.name, table]));
  return after.tables.flatMap((fresh) => {
    const old = byName.get(fresh.name);
    return old ? [{ old, fresh }] : [];
  });
}

/** Columns that go, or turn into something else: a trigger or a policy that names one is in their way. */
export function turningColumns({ remade, rebuilt }: Pick<Pair, 'remade' | 'rebuilt'>, { old, fresh }: TablePair): MakingWay<string> {
  const by = (types: ReadonlySet<string>): ReadonlySet<string> => new Set(old.columns.filter((column) => {
    const now = fresh.columns.find(({ name }) => name === column.name);
    if (!now || now.type !== column.type || now.collation !== column.collation || now.generated !== column.generated) return true;
    return types.has(column.type.replace(/(\[\])+$/, ''));
  }).map(({ name }) => name));
  return { there: by(remade), back: by(rebuilt) };
}
