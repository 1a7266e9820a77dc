import type { Audience, MigrationProgress } from './progress.ts';

/** `on track`: nothing waits for anybody. `attention`: somebody has to look. `stopped`: nothing goes on until somebody does. */
export type ProgressStatus = 'done' | 'on track' | 'attention' | 'stopped';

/** Something that waits for somebody. */
export interface Waiting {
  readonly what: string;
  /** What ends it: for technical readers a command. */
  readonly action: string;
}

export interface ServiceProgressReport {
  readonly service: string;
  readonly status: ProgressStatus;
  readonly stage: string;
  readonly stage_number: number;
  readonly stages: number;
  readonly percent_complete: number;
  readonly headline: string;
  readonly numbers: readonly { readonly name: string; readonly value: number | string | null; readonly unit: string }[];
  /** Since when it is at this stage; null: since ever. */
  readonly since: string | null;
  readonly since_last_stage: readonly string[];
  /** Null: it is done. */
  readonly next: { readonly stage: string; readonly what: string; readonly needs: readonly string[]; readonly command?: string } | null;
  readonly waiting: readonly Waiting[];
  readonly way_back: { readonly open: boolean; readonly how: string; readonly command?: string };
  // For technical readers only.
  readonly history?: MigrationProgress['history'];
  readonly streams?: MigrationProgress['streams'];
  readonly tables?: MigrationProgress['compared'];
  /** What could not be asked, and why. */
  readonly not_known: readonly string[];
}

export interface ProgressReport {
  readonly report_type: 'migration_status';
  readonly audience: Audience;
  readonly generated_at: string;
  readonly services: readonly ServiceProgressReport[];
}
