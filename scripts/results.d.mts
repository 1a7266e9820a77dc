export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
export function readResults(file: string): TestCounts;
export function summaryLine(counts: TestCounts): string;
