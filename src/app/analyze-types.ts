/** What `banyan analyze` is asked. */
export interface AnalyzeOptions {
  /** A database URL. At most one of `db` and `schemaFile`; neither: the configured monolith. */
  readonly db?: string;
  readonly schemaFile?: string;
  readonly workloadFile?: string;
  /** Statement logs, or folders of them. */
  readonly logFiles?: readonly string[];
  /** The PostgreSQL server's `log_line_prefix`. Default: recognised. */
  readonly logPrefix?: string;
  /** Whether to use what pg_stat_statements has counted, where a database is read and no log is given. Default true. */
  readonly statements?: boolean;
  /** Read from the WAL, for so long, what commits together. */
  readonly watchSeconds?: number;
  /** Whether a sample of values of a database is looked at for undeclared keys. Default: yes. */
  readonly values?: boolean;
  /** Who owns what today: CODEOWNERS, or lines of `table: owner`. */
  readonly ownersFile?: string;
  /** How many services to suggest. Default: as many as the structure shows. */
  readonly services?: number;
  readonly minTables?: number;
  readonly maxTables?: number;
  /** Groups of tables that stay together, and groups of which no two share a service. */
  readonly keep?: readonly (readonly string[])[];
  readonly apart?: readonly (readonly string[])[];
  /** Another division to compare with. */
  readonly againstFile?: string;
  readonly outDir?: string;
}

export interface AnalyzeResult {
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly shared: readonly string[];
  readonly cuts: readonly { readonly from: string; readonly to: string; readonly constraint: string; readonly remedy: string }[];
  readonly transactions: { readonly total: number; readonly distributed: readonly unknown[] };
  readonly cycles: readonly (readonly string[])[];
  readonly order: readonly string[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly details?: {
    readonly alternatives: readonly { readonly name: string; readonly trades: string }[];
    readonly against?: {
      readonly file: string;
      readonly ari: number;
      readonly nmi: number;
      readonly f1: number;
      readonly moved: readonly { readonly table: string; readonly theirs: string; readonly ours: string; readonly why: string }[];
    };
  };
  /** Written under `outDir`; empty without it. */
  readonly files?: readonly string[];
}
