import type { MessageCompatibility } from '../plan/check/message/compare-messages.ts';
import type { CompatibilityReport } from '../plan/check/report.ts';
import type { MigrationPlan } from '../plan/plan-document.ts';
import type { RollbackRunbook } from '../plan/runbook/runbook-document.ts';
import type { DocumentOutput } from './document-output.ts';

export type PlanFormat = 'json' | 'text' | 'both' | 'markdown' | 'mermaid';

export interface PlanOptions {
  /** The specification's file. */
  readonly input: string;
  readonly output?: string;
  readonly format: PlanFormat;
  /** Which database is looked at. Absent: the configured monolith, if there is a configuration and it can be reached. */
  readonly database?: string;
  /** Whether a database is looked at. Default true. */
  readonly measure?: boolean;
  /** For how many seconds writes are watched. Default 10. */
  readonly watchSeconds?: number;
}

export interface PlanResult extends DocumentOutput {
  readonly plan: MigrationPlan;
}

export interface SpecificationCheck {
  readonly valid: true;
  readonly file: string;
  /** Keys that nobody reads, by their path. */
  readonly unknown: readonly string[];
}

export type CheckFormat = 'json' | 'text' | 'both' | 'markdown' | 'sarif' | 'junit' | 'github';

export interface CheckOptions {
  /** Files, or URLs of databases. */
  readonly before: string;
  readonly after: string;
  readonly type: 'database' | 'api' | 'graphql' | 'schema';
  /** Of schemas of messages: who must be able to read whom. Default: `backward`. */
  readonly compatibility?: MessageCompatibility;
  readonly output?: string;
  readonly format: CheckFormat;
  /** Confirmed renames, old to new: `users.mail` to `users.email`. */
  readonly renames?: Readonly<Record<string, string>>;
  /** Of databases: a column whose new type would write its table anew, or with another name, gets a second one beside it for a while. */
  readonly expandContract?: boolean;
  /** A file of rules: other severities, and waivers. Absent: that of the configuration, if there is one. False: none. */
  readonly rules?: string | false;
  /** How long the rows of one table of `before` are looked at, in seconds. Default 60; 0: not at all. */
  readonly rowsTimeoutSeconds?: number;
  /** Hazards that are allowed, by their names; `none`: none. Given: what is not allowed makes the answer "no". */
  readonly allowHazards?: readonly string[];
  /** Where rows may break a new rule and `apply` goes on nevertheless, by the `field_path` of their data checks. */
  readonly allowRows?: readonly string[];
  /** Runs the scripts in `before`, a database, if the plan is still the one with this hash, its hazards are allowed, and no row breaks a new rule. */
  readonly apply?: { readonly planHash: string; readonly lockTimeoutMs?: number };
}

export interface CheckResult extends DocumentOutput {
  readonly report: CompatibilityReport;
}

export type RunbookFormat = 'json' | 'text' | 'both' | 'markdown';

export interface RunbookOptions {
  /** The plan's file. */
  readonly input: string;
  readonly output?: string;
  readonly format: RunbookFormat;
  /** Which database is asked how many rows are concerned. Absent: the configured monolith, if there is a configuration and it can be reached. */
  readonly database?: string;
  /** Whether a database is asked. Default true. */
  readonly measure?: boolean;
}

export interface RunbookResult extends DocumentOutput {
  readonly runbook: RollbackRunbook;
}

export interface RunbookTestOptions extends RunbookOptions {
  /** A runbook of this plan, as somebody may have edited it: its way back is tried. Absent: the one that the plan makes. */
  readonly runbook?: string;
  /** SQL that makes the tables. Absent: tables made of the plan's schema changes. */
  readonly schema?: string;
}

export interface TestedStep {
  readonly step_id: string;
  readonly name: string;
  /** `by hand`: the plan has no statement that undoes it. */
  readonly result: 'came back' | 'by hand' | 'failed';
  readonly detail: string;
}

export interface RunbookTestResult {
  /** Each step came back. */
  readonly ok: boolean;
  readonly runbook_id: string;
  /** And no step was left out. */
  readonly tested: boolean;
  readonly tested_at?: string;
  readonly steps: readonly TestedStep[];
  /** Steps of the runbook's file that are not as the plan makes them, each with what differs. */
  readonly edited: readonly string[];
  /** How long a restore takes, with the arithmetic, or why that is not known. */
  readonly restore: string;
  /** Steps that are no statements, each with the reason: requests, commands, and what people do. */
  readonly not_run: readonly string[];
  readonly notes: readonly string[];
  readonly files: readonly string[];
}

/** What the commands of the planning family ask of the application. */
export interface PlanningApplication {
  /** @throws BANYAN_DOCUMENT if the specification is not of its form. */
  plan(options: PlanOptions): Promise<PlanResult>;
  /** @throws BANYAN_DOCUMENT if one of both is not of its form; of `apply`, BANYAN_PLAN_CHANGED, BANYAN_HAZARD, BANYAN_PLAN_ROWS, BANYAN_PLAN_APPLY. */
  check(options: CheckOptions): Promise<CheckResult>;
  /** @throws BANYAN_DOCUMENT if the plan is not of its form. */
  runbook(options: RunbookOptions): Promise<RunbookResult>;
  /** @throws BANYAN_DOCUMENT if the plan is not of its form. */
  runbookTest(options: RunbookTestOptions): Promise<RunbookTestResult>;
  /** @throws BANYAN_DOCUMENT if the specification is not of its form. */
  planCheck(options: { readonly input: string }): Promise<SpecificationCheck>;
}
