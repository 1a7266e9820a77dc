import type { TableName } from '../model/names.ts';
import type { WorkloadSource } from '../model/workload.ts';
import type { TenantColumn } from './tenancy.ts';

/** The answer of an analysis, as `banyan analyze --json` prints it. */
export interface BoundaryDocument {
  /** Tables of each service, in the order in which the services are best extracted. */
  readonly services: Readonly<Record<string, readonly TableName[]>>;
  /** Tables that several services need: reference data, logs, framework tables. Each also has an owner above. */
  readonly shared: readonly TableName[];
  readonly cuts: readonly Cut[];
  readonly transactions: Transactions;
  /** Services that need each other in a circle. */
  readonly cycles: readonly (readonly string[])[];
  /** The services, the easiest to take out first. */
  readonly order: readonly string[];
  readonly metrics: Metrics;
  readonly details: Details;
}

/** The tables of a service of the document. */
export function tablesOf(document: BoundaryDocument, service: string): readonly TableName[] {
  return document.services[service] ?? [];
}

/** What becomes of a key that crosses: an id and a check, a read copy, events, a question to the owner, or a table of its own. */
export type RemedyKind = 'id' | 'replicate' | 'event' | 'api' | 'own';

export interface Cut {
  readonly from: TableName;
  readonly to: TableName;
  readonly constraint: string;
  readonly remedy: string;
  readonly fromService: string;
  readonly toService: string;
  readonly columns: readonly string[];
  /** False: no constraint says so; names and types do. */
  readonly declared: boolean;
  readonly remedyKind: RemedyKind;
  readonly why: string;
  /** Calls of transactions with a statement that joins across it. */
  readonly joins: number;
  /** Calls of transactions that write the table it leaves, each of which the constraint checked. */
  readonly childWrites: number;
  readonly parentWrites: number;
}

export interface Transactions {
  /** Kinds of transactions in the workload. */
  readonly total: number;
  readonly calls: number;
  readonly writing: number;
  /** Those that write in more than one service. */
  readonly distributed: readonly DistributedTransaction[];
  /** Statements that join tables of several services. */
  readonly crossingReads: readonly CrossingRead[];
}

export interface DistributedTransaction {
  readonly transaction: string;
  readonly calls: number;
  /** Where the workload says in what time it ran. */
  readonly callsPerDay?: number;
  readonly services: readonly string[];
  readonly writes: readonly TableName[];
  readonly pattern: 'outbox' | 'saga';
  /** The step of each service in turn, and what undoes it. */
  readonly steps: readonly SagaStep[];
  readonly remedy: string;
}

/** One service's part in a transaction that is no longer one. */
export interface SagaStep {
  /** From 1. */
  readonly order: number;
  readonly service: string;
  /** `compensable`: can be undone; `pivot`: decides; `retriable`: repeated until it succeeds. */
  readonly kind: 'compensable' | 'pivot' | 'retriable';
  readonly tables: readonly TableName[];
  readonly action: string;
  readonly compensation: string;
  /** Why it stands where it stands. */
  readonly why: string;
  /** What a reader can see after it and before the next. */
  readonly between: string;
}

export interface CrossingRead {
  readonly tables: readonly TableName[];
  readonly services: readonly string[];
  readonly calls: number;
  readonly callsPerDay?: number;
  /** The service that would answer, with most of the tables. */
  readonly home: string;
  readonly remedyKind: 'replicate' | 'compose' | 'read-model';
  readonly remedy: string;
  readonly why: string;
}

export interface Metrics {
  /** Share of writing transactions, by calls, that stay within one service; 1 without a workload. */
  readonly writesKeptWhole: number;
  /** Share of foreign keys inside services. */
  readonly keysKept: number;
  readonly modularity: number;
  readonly structuralModularity: number;
  /** Inter-partition calls: share of joined pairs, by calls, that cross services. */
  readonly interPartitionCalls: number;
  /** Interface number: mean count of a service's tables that others need. */
  readonly interfaceNumber: number;
  /** Non-extreme distribution: share of tables in services of 5 to 20 tables. */
  readonly nonExtremeDistribution: number;
  /** Business-context purity: mean entropy (bits) of the transactions a service takes part in; lower is purer. */
  readonly businessContextPurity: number;
  readonly services: number;
  readonly tables: number;
}

export interface ServiceDetails {
  readonly tables: number;
  /** Share of the evidence at its tables that stays inside. */
  readonly cohesion: number;
  readonly incomingCuts: number;
  readonly outgoingCuts: number;
  /** The table that most of its others refer to. */
  readonly centre: TableName;
  /** Calls of transactions that write its tables, and of those that write nowhere else. */
  readonly writes: { readonly calls: number; readonly whole: number };
  /** What it needs of, or gives to, each other service. */
  readonly leaves: readonly Leaving[];
  readonly distributedCalls: number;
  /** Rows and bytes where the server's estimates were at hand, else -1 and 0. */
  readonly rows: number;
  readonly bytes: number;
  /** How long the copy of its rows takes; absent: sizes are not known. */
  readonly extraction?: ExtractionTime;
  /** The strongest bonds that hold it together. */
  readonly reasons: readonly string[];
  /** Columns whose names say that they hold personal data. */
  readonly personalData: readonly string[];
}

/** What ties a service to one other. */
export interface Leaving {
  readonly service: string;
  readonly keysOut: number;
  readonly keysIn: number;
  /** Calls of transactions with joins across, and of transactions that write in both. */
  readonly joins: number;
  readonly transactions: number;
  readonly says: string;
}

/** Seconds that copying takes. */
export interface ExtractionTime {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
  /** `measured`: by reading the tables; `stated`: by rates from elsewhere. */
  readonly basis: 'measured' | 'stated';
  readonly arithmetic: string;
}

/** Why a service stands where it does in the order of extraction. */
export interface OrderStep {
  readonly service: string;
  readonly reasons: readonly string[];
}

/** A table that is copied into services that do not own it. */
export interface Duplicate {
  readonly table: TableName;
  readonly owner: string;
  readonly into: readonly string[];
  readonly why: string;
  /** How old a copy may be, and why. */
  readonly staleness: string;
}

/** Services that need each other in a circle, and the edges that open it. */
export interface Cycle {
  readonly services: readonly string[];
  /** A key of the cheapest edge. */
  readonly cheapest: Cut;
  /** Without these no circle is left among them; the cheapest first. */
  readonly breaks: readonly CycleBreak[];
}

export interface CycleBreak {
  readonly from: string;
  readonly to: string;
  readonly keys: number;
  /** What breaking it costs, in words. */
  readonly cost: string;
}

export interface TableDetails {
  readonly service: string;
  /** 0 to 1: how clearly its bonds favour its service over the next best. */
  readonly confidence: number;
  readonly runnerUp?: string;
  readonly reasons: readonly string[];
  /** What speaks for the runner-up. */
  readonly against?: readonly string[];
}

export interface SharedTable {
  readonly table: TableName;
  readonly kind: 'reference' | 'log' | 'framework';
  readonly owner?: string;
  readonly usedBy: readonly string[];
  readonly remedy: string;
}

export interface Details {
  readonly method: string;
  readonly convention: {
    readonly source: string;
    readonly followed: boolean;
    readonly coverage: number;
    readonly agreement: number;
  };
  readonly signals: readonly SignalDetails[];
  /** Columns that say to which tenant or region a row belongs, in so many tables that they hold none together. */
  readonly tenancy: readonly TenantColumn[];
  /** The tables that each owner of the owners' file claims; empty without one. */
  readonly owners: Readonly<Record<string, readonly TableName[]>>;
  readonly services: Readonly<Record<string, ServiceDetails>>;
  readonly tables: Readonly<Record<string, TableDetails>>;
  readonly shared: readonly SharedTable[];
  /** Tables that nothing binds to any other; they are in no service. */
  readonly unplaced: readonly TableName[];
  /** Keys inside services, for drawing. */
  readonly keysInside: readonly { readonly from: TableName; readonly to: TableName }[];
  /** Partitions, which follow their parents. */
  readonly partitions: Readonly<Record<string, TableName>>;
  readonly cycles: readonly Cycle[];
  /** Why the services are taken out in the order given. */
  readonly order: readonly OrderStep[];
  readonly duplicates: readonly Duplicate[];
  /** Other divisions worth considering; empty where none is better in anything that counts. */
  readonly alternatives: readonly Alternative[];
  /** What each number of services would mean; `--services N` picks one. */
  readonly levels: readonly Level[];
  /** From all tables down to the services and below them. */
  readonly hierarchy: HierarchyNode;
  /** The resolutions scanned, where names did not decide. */
  readonly resolutions: readonly { readonly resolution: number; readonly services: number; readonly stability: number }[];
  /** How it compares with the division that was given. */
  readonly against?: Comparison;
  /** Tables the workload names and the schema lacks. */
  readonly unknownTables: readonly string[];
  /** Where the workload was learned; absent without one. */
  readonly workload?: WorkloadSummary;
}

/** The workload's sources, and their sums. */
export interface WorkloadSummary extends Pick<WorkloadSource, 'transactions' | 'rolledBack' | 'unfinished' | 'statements' | 'forms' | 'unread' | 'from' | 'to'> {
  /** The time to which the calls refer; absent: not known. */
  readonly seconds?: number;
  readonly sources: readonly WorkloadSource[];
}

export interface SignalDetails {
  readonly signal: string;
  readonly title: string;
  readonly pairs: number;
  readonly agreement: number;
  readonly weight: number;
  /** Share of tables that would change service if this signal were left out. */
  readonly sensitivity: number;
  /** Which, from where, and where to; without `to`: to a service of their own, or to none. */
  readonly moves: readonly { readonly table: TableName; readonly from?: string; readonly to?: string }[];
}

/** A different division, whole. */
export interface Alternative {
  /** What it is better in. */
  readonly name: string;
  readonly services: Readonly<Record<string, readonly TableName[]>>;
  readonly order: readonly string[];
  readonly metrics: Metrics;
  readonly cuts: number;
  readonly distributedCalls: number;
  readonly largest: number;
  /** What it gains and what that costs, in a sentence. */
  readonly trades: string;
}

/** One level of the hierarchy. */
export interface Level {
  readonly services: number;
  readonly largest: number;
  readonly writesKeptWhole: number;
  readonly keysKept: number;
}

/** A group of the hierarchy; each is made of its children. */
export interface HierarchyNode {
  readonly tables: number;
  /** The service of the answer that it is. */
  readonly service?: string;
  /**
   * Its parts are better together below this resolution of the modularity; 0: nothing binds them.
   * Absent where there are no parts, or names alone bind them.
   */
  readonly resolution?: number;
  readonly parts?: readonly HierarchyNode[];
  /** Of a group that is not divided further. */
  readonly members?: readonly TableName[];
}

/** Two divisions of the same monolith. */
export interface Comparison {
  readonly file: string;
  readonly ari: number;
  readonly nmi: number;
  /** Of pairs of tables: together here that are together there, and the other way. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Tables compared. */
  readonly tables: number;
  /** Their service and the one found that is most like it. */
  readonly match: Readonly<Record<string, string>>;
  readonly moved: readonly Moved[];
  /** Tables that the file names and the monolith lacks. */
  readonly unknown: readonly TableName[];
  /** Tables that the file says nothing of. */
  readonly unassigned: readonly TableName[];
  /** Tables that the file gives to several; the first counts. */
  readonly twice: readonly TableName[];
  readonly metrics: { readonly ours: Metrics; readonly theirs: Metrics };
  readonly cuts: { readonly ours: number; readonly theirs: number };
  readonly distributedCalls: { readonly ours: number; readonly theirs: number };
}

export interface Moved {
  readonly table: TableName;
  readonly theirs: string;
  /** Empty: in no service. */
  readonly ours: string;
  readonly why: string;
}
