import type { GivenDivision } from './given-division.ts';

/** What the asker wants of the cut. Everything is optional; the data decides the rest. */
export interface AnalyzeOptions {
  /** Exactly this many services. Default: chosen from the data. */
  readonly services?: number;
  /** Tables a service should have at least; smaller ones join their closest neighbour. Default 2. */
  readonly minTables?: number;
  /** Tables a service may have at most; larger ones are split. Default: no limit. */
  readonly maxTables?: number;
  /** Groups of tables that must stay together, named as in psql. */
  readonly keep?: readonly (readonly string[])[];
  /** Groups of tables of which no two may share a service. */
  readonly apart?: readonly (readonly string[])[];
  /** Another division, to compare the one found with. */
  readonly against?: GivenDivision;
  /** Seed of the visiting orders. The same seed gives the same answer. Default 1. */
  readonly seed?: number;
}
