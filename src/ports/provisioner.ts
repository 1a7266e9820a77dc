import type { TableName } from '../model/names.ts';
import type { ForeignKeyAction } from '../model/schema.ts';
import type { TableMapping } from '../model/table-mapping.ts';

/** One statement that a database lacks. */
export interface ProvisionStatement {
  /** Without the final semicolon. */
  readonly sql: string;
  /** What it makes, for people: `table shop.users`. */
  readonly object: string;
}

/** An object that exists on both sides and differs. */
export interface ProvisionMismatch {
  /** `column shop.users.email`. */
  readonly object: string;
  /** What differs: `type`. */
  readonly property: string;
  readonly monolith: string;
  readonly service: string;
}

/** A foreign key that can't follow its table, because its target stays behind. */
export interface CutForeignKey {
  readonly table: TableName;
  readonly name: string;
  readonly columns: readonly string[];
  readonly references: TableName;
  readonly onDelete: ForeignKeyAction;
  readonly definition: string;
}

/** A trigger of the monolith, which is not copied. */
export interface TriggerLeftBehind {
  readonly table: TableName;
  readonly name: string;
  readonly calls: string;
  readonly definition: string;
}

/** The numbers that the service draws from a sequence: from `start` on. The monolith's stay below. */
export interface SequenceBlock {
  /** The service's sequence, as `schema.name`. */
  readonly sequence: TableName;
  /** The highest number in use when this was planned; of a block that was placed before, the last that the monolith drew. */
  readonly highest: bigint;
  readonly start: bigint;
  /** The highest number that sequence and columns can hold. */
  readonly limit: bigint;
  /** Whether the block had been set aside before; then there is no statement for it. */
  readonly alreadyPlaced: boolean;
}

/** A sequence whose numbers are not kept apart, and why. */
export interface SequenceShared {
  readonly sequence: TableName;
  readonly reason: string;
}

export interface ProvisionPlan {
  /** Schemas, extensions, types, sequences with their blocks, tables, primary keys. */
  readonly beforeCopy: readonly ProvisionStatement[];
  /** Everything that a bulk copy is faster without: indexes, uniques, checks, foreign keys, replica identities. */
  readonly afterCopy: readonly ProvisionStatement[];
  /** If there is any, nothing is executed. */
  readonly mismatches: readonly ProvisionMismatch[];
  readonly cuts: readonly CutForeignKey[];
  readonly triggers: readonly TriggerLeftBehind[];
  readonly sequences: readonly SequenceBlock[];
  readonly sharedSequences: readonly SequenceShared[];
}

/**
 * Gives the service's database what it lacks to hold the monolith's tables. Safe to run at any time:
 * what is there is left as it is.
 */
export interface Provisioner {
  /** What would be done. Changes nothing. */
  plan(options: ProvisionScope): Promise<ProvisionPlan>;
  /**
   * Executes `beforeCopy` of a fresh plan, which it returns.
   * @throws BANYAN_PROVISION_MISMATCH before anything is changed; BANYAN_PROVISION_FAILED after the
   * phase was rolled back.
   */
  beforeCopy(options: ProvisionScope): Promise<ProvisionPlan>;
  /** The same for `afterCopy`. */
  afterCopy(options: ProvisionScope): Promise<ProvisionPlan>;
}

export interface ProvisionScope {
  /** The monolith's tables that the service gets; partitions follow their parent. */
  readonly tables: readonly TableName[];
  /** What the service calls them and their columns. Default: the same. */
  readonly mappings?: readonly TableMapping[];
}
