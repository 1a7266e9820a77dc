import type { Convention } from './convention.ts';
import type { SignalDetails } from './document.ts';
import { combine } from './graph.ts';
import type { Monolith } from './input.ts';
import { at, count } from './lookup.ts';
import type { Partition } from './leiden.ts';
import { round } from './metrics.ts';
import type { AnalyzeOptions } from './options.ts';
import { decompose } from './partition.ts';
import type { Evidence } from './signals.ts';

/**
 * What each signal is worth here: which tables would be elsewhere without it. The whole division is
 * made anew without the signal and compared with one made just so with all of them, so that nothing
 * but the signal differs; both at one start and without variants, which is all that time allows.
 */
export function describeSignals(
  monolith: Monolith,
  evidence: Evidence,
  context: { readonly options: AnalyzeOptions; readonly convention: Convention; readonly partition: Partition; readonly names: readonly string[] },
): SignalDetails[] {
  const { partition, names } = context;
  // A fixed number of services would hide what a signal does to their number.
  const { services: _asked, ...options } = context.options;
  const active = evidence.signals.filter((signal) => signal.factor > 0);
  const without = (id?: string): Partition => {
    const signals = evidence.signals.map((signal) => (signal.id === id ? { ...signal, factor: 0 } : signal));
    const rest = { ...evidence, signals, pairs: combine(monolith.tables.length, signals) };
    return decompose(monolith, rest, options, { quick: true, ...(id === 'names' ? { ignoreNames: true } : {}) }).partition;
  };
  const whole = active.length > 1 ? without() : partition;
  const nameOf = (numbers: Partition): ((table: number) => string | undefined) => {
    const match = matched(numbers, partition);
    return (table) => names[match.get(at(numbers, table)) ?? -1];
  };
  const before = nameOf(whole);
  return evidence.signals.map((signal): SignalDetails => {
    const changed = active.length > 1 && signal.factor > 0 ? without(signal.id) : whole;
    const after = nameOf(changed);
    const groups = matched(changed, whole);
    const moves = monolith.tables.flatMap(({ name }, table) => {
      if (changed === whole || groups.get(at(changed, table)) === at(whole, table)) return [];
      const [from, to] = [before(table), after(table)];
      return [{ table: name, ...(from === undefined ? {} : { from }), ...(to === undefined || to === from ? {} : { to }) }];
    });
    return {
      signal: signal.id, title: signal.title, pairs: signal.pairs.size, agreement: round(signal.agreement), weight: round(signal.factor),
      sensitivity: round(moves.length / monolith.tables.length), moves,
    };
  });
}

/** For each group of one division the group of the other with which it shares most; each of the other at most once. */
function matched(groups: Partition, others: Partition): Map<number, number> {
  const shared = new Map<string, number>();
  groups.forEach((group, table) => count(shared, `${group} ${at(others, table)}`));
  const ranked = [...shared].map(([key, tables]) => ({ pair: key.split(' ').map(Number), tables }));
  ranked.sort((a, b) => b.tables - a.tables || at(a.pair, 0) - at(b.pair, 0) || at(a.pair, 1) - at(b.pair, 1));
  const match = new Map<number, number>([[-1, -1]]);
  const taken = new Set<number>([-1]);
  for (const { pair } of ranked) {
    const [group, other] = [at(pair, 0), at(pair, 1)];
    if (match.has(group) || taken.has(other)) continue;
    match.set(group, other);
    taken.add(other);
  }
  return match;
}
