/** How much a change hurts, worst first. */
export const SEVERITIES = ['breaking', 'potentially_breaking', 'non_breaking', 'additive'] as const;
export type FindingSeverity = (typeof SEVERITIES)[number];

/** Who may be hurt by a change of a database. */
export type Party = 'readers' | 'writers' | 'replication' | 'generated API';

/** One difference between two schemas or APIs. The field names are those of INTERFACE's report. */
export interface Finding {
  /** The kind of issue as INTERFACE names it: `column_removed`. */
  readonly type: string;
  /** Banyan's own: the rule's stable name, `column-removed`, with its page `docs/rules/column-removed.md`. */
  readonly rule: string;
  readonly severity: FindingSeverity;
  /** What happened, with the names of this case. */
  readonly description: string;
  /** `tables.users.columns.email`, `paths./users.get.parameters.id`, `User.email`. */
  readonly field_path: string;
  readonly old_value: unknown;
  readonly new_value: unknown;
  /** What breaks, and for whom: readers, writers, replication, the generated API, clients. */
  readonly impact: string;
  /** Banyan's own: whom a change of a database hurts; empty: nobody. */
  readonly hurts?: readonly Party[];
  /** How to do it without downtime. */
  readonly suggested_migration: string;
  /** `SELECT`, `INSERT`, `GET /users/{id}`. */
  readonly affected_operations: readonly string[];
  /** Banyan's own: where in the new file it stands, or what is around it where it is gone. Absent: nobody knows. */
  readonly location?: { readonly file: string; readonly line: number; readonly column: number };
  // Banyan's own: what a file of rules says of it.
  /** What the catalogue says, where the file says another severity. */
  readonly catalogue_severity?: FindingSeverity;
  /** It is there, and does not count. */
  readonly waived?: { readonly until: string; readonly reason: string };
}

/** `unknown`: no database was in reach, so that nobody knows the size. */
export const HAZARD_SEVERITIES = ['low', 'medium', 'high', 'critical', 'unknown'] as const;
export type HazardSeverity = (typeof HAZARD_SEVERITIES)[number];

/** A hazard of a script, with the table that it is about. */
export interface HazardDetail {
  readonly hazard: string;
  /** Null: the statement does not tell. */
  readonly relation: string | null;
  /** The server's estimate; null: nobody knows. */
  readonly rows: number | null;
  /** With its indexes; null: nobody knows. */
  readonly bytes: number | null;
  /** How much it hurts, by the size of the table. */
  readonly severity: HazardSeverity;
}

/** A statement of a script, as the catalogue of forms knows it. */
export interface ScriptStatement {
  /** The form's stable name: `add-column-volatile`. */
  readonly form: string;
  readonly sql: string;
  /** The strongest lock on each relation. */
  readonly locks: Readonly<Record<string, string>>;
  /** Relations whose file is written anew, or given up for an empty one. */
  readonly rewrites: readonly string[];
  /** Relations of which every row is read. */
  readonly scans: readonly string[];
  readonly transactional: boolean;
}

/** A script of a database's migration, with the way back. */
export interface MigrationScript {
  readonly script_type: 'sql';
  readonly description: string;
  readonly script_content: string;
  readonly rollback_script: string;
  /** Descriptions of the scripts that must have run before. */
  readonly dependencies: readonly string[];
  /** Gives one row, `t`, when the script has run. */
  readonly validation_query: string;
  // Banyan's own.
  /** Whether it must run outside of a transaction (CONCURRENTLY). */
  readonly transactional: boolean;
  /** Names of what may hurt while it runs; each must be allowed. */
  readonly hazards: readonly string[];
  /** Each of them by the relation that it is about, with its size. Absent: the statements were not read. */
  readonly hazard_details?: readonly HazardDetail[];
  /** What its rollback may hurt, once every script has run. It needs no leave, and must be known before it is run. Absent: the statements were not read. */
  readonly rollback_hazards?: readonly string[];
  readonly rollback_hazard_details?: readonly HazardDetail[];
  /** What each of its statements does, in the catalogue's words. */
  readonly statements?: readonly ScriptStatement[];
  /** What its rollback can not bring back. */
  readonly loses?: string;
}

/** What a comparison gives. */
export interface Comparison {
  readonly findings: readonly Finding[];
  /** In the order in which they run; none for APIs. */
  readonly scripts: readonly MigrationScript[];
}
