import { ConsistencyValidator as Validator, type ValidatorOptions } from '../../validate/validator.ts';
import { PostgresStructure } from '../../postgres/structure/structure.ts';
import { referencesBetween } from '../validate-references.ts';
import { databaseOf, type DatabaseLike } from './database.ts';

export type { TableReport, ValidationReport, Level } from '../../validate/report.ts';
export type { SchemaFinding, SequenceFinding, StructureCheck } from '../../model/structure-finding.ts';
export { PostgresMarkStore } from '../../state/mark-store.ts';
export type { MarkStore } from '../../ports/mark-store.ts';
export type { IncrementalOptions } from '../../validate/incremental/incremental.ts';
export type { LookedAt } from '../../validate/report.ts';
export type { Unchecked } from '../../validate/attempts.ts';
export type { ValidateOptions, ValidatorOptions } from '../../validate/validator.ts';
export type { AgreementRule, ExpectationRule, Rule, TemporalRules } from '../../validate/rules/rule.ts';
export type { RuleDifference, RuleReport } from '../../validate/rules/rule-report.ts';
export type { Bounds, Tolerance, ToleranceRules } from '../../validate/tolerance.ts';
export type { Alert, Watch, WatchOptions } from '../../validate/watch.ts';
export type { Schedule } from '../../validate/schedule.ts';
export type { AlertBelow } from '../../validate/standing.ts';
export { reportJunit } from '../../validate/report-junit.ts';
export { reportMarkdown } from '../../validate/report-markdown.ts';
export { Reconciler, type ReconcileOptions, type ReconcileReport, type ReconcilerOptions, type ReviewQueue, type TablePolicy, type TableToReconcile, type UndoReport } from './reconcile.ts';
export { postgres, type Database, type DatabaseLike } from './database.ts';

/** Finds every difference between two databases, and blames no row that is only on its way. */
export class ConsistencyValidator extends Validator {
  constructor(monolith: DatabaseLike, service: DatabaseLike, options: ValidatorOptions = {}) {
    const [source, target] = [databaseOf(monolith), databaseOf(service)];
    super(source, target, { structure: new PostgresStructure({ source: source.pool, target: target.pool }), references: referencesBetween({ source: source.pool, target: target.pool }), ...options });
  }
}
