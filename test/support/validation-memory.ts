import type { RecordedStanding, RecordedTable, ValidationStore } from '../../src/ports/validation-store.ts';

/** A validation store that several watches of one process can share. */
export class ValidationMemory implements ValidationStore {
  readonly runs: RecordedTable[] = [];
  readonly #lasts = new Map<string, number>();
  readonly #standings = new Map<string, RecordedStanding>();
  readonly #told = new Map<string, { readonly service: string; readonly webhook: string; readonly table: RecordedStanding['table']; readonly severity: string }>();
  readonly #busy = new Set<string>();

  install(): Promise<void> {
    return Promise.resolve();
  }

  last(service: string, schedule: string): Promise<number | undefined> {
    return Promise.resolve(this.#lasts.get(`${service} ${schedule}`));
  }

  async note(service: string, schedule: string, atMs: number): Promise<void> {
    this.#lasts.set(`${service} ${schedule}`, atMs);
  }

  async alone(service: string, work: () => Promise<void>): Promise<boolean> {
    if (this.#busy.has(service)) return false;
    this.#busy.add(service);
    try {
      await work();
    } finally {
      this.#busy.delete(service);
    }
    return true;
  }

  async record(tables: readonly RecordedTable[]): Promise<void> {
    this.runs.push(...tables);
  }

  history(): Promise<readonly RecordedTable[]> {
    return Promise.resolve([...this.runs].reverse());
  }

  standings(service: string): Promise<readonly RecordedStanding[]> {
    return Promise.resolve([...this.#standings].filter(([key]) => key.startsWith(`${service} `)).map(([, standing]) => standing));
  }

  async stand(service: string, standing: RecordedStanding): Promise<void> {
    this.#standings.set(`${service} ${standing.table}`, standing);
  }

  told(service: string): ReturnType<ValidationStore['told']> {
    return Promise.resolve([...this.#told.values()].filter((each) => each.service === service));
  }

  async tell(...[service, webhook, table, severity]: Parameters<ValidationStore['tell']>): Promise<void> {
    const key = `${service} ${webhook} ${table}`;
    if (severity === undefined) this.#told.delete(key);
    else this.#told.set(key, { service, webhook, table, severity });
  }
}
