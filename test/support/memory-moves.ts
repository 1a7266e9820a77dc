import { versionsIn, type CommonMove } from '../../src/model/common-move.ts';
import type { MoveChange, MoveReport, MoveView, RouteMoves, RouteState } from '../../src/ports/route-store.ts';

/** Common moves in memory: what the tables of the state database do, at once. */
export class MemoryMoves implements RouteMoves {
  readonly #documents = new Map<string, { readonly sequence: number; readonly move: CommonMove }>();
  readonly #reports = new Map<string, MoveReport>();
  readonly #decisions: (service: string) => readonly RouteState[];
  readonly #live: () => readonly string[];
  readonly #changed: () => void;
  writes = 0;

  constructor(options: {
    readonly decisions: (service: string) => readonly RouteState[];
    readonly live: () => readonly string[];
    readonly changed: () => void;
  }) {
    this.#decisions = options.decisions;
    this.#live = options.live;
    this.#changed = options.changed;
  }

  now(): MoveView[] {
    return [...this.#documents].map(([service, { sequence, move }]) => ({
      service, sequence, move,
      reports: [...this.#reports.values()].filter((report) => report.service === service),
      decisions: this.#decisions(service).filter(({ version }) => versionsIn(move).includes(version)),
      live: this.#live(),
    }));
  }

  async read(): Promise<readonly MoveView[]> {
    return this.now();
  }

  async write({ service, expected, move, without = [] }: MoveChange): Promise<boolean> {
    if (without.some((router) => this.#live().includes(router))) return false;
    if ((this.#documents.get(service)?.sequence ?? 0) !== expected) return false;
    this.#documents.set(service, { sequence: expected + 1, move });
    this.writes++;
    this.#changed();
    return true;
  }

  async report(report: MoveReport): Promise<void> {
    this.#reports.set(`${report.service}/${report.router}`, report);
    this.#changed();
  }
}
