import { splitTableName } from '../../model/names.ts';
import type { Monolith, Reference } from '../input.ts';
import { itemAt } from '../lookup.ts';
import type { Evidence, Signal } from '../signals.ts';
import { listed, shortName } from '../text.ts';
import { bindingOf } from '../key-signal.ts';
import { visibleWords } from '../words.ts';
import type { Usage } from './usage.ts';

/** What a reason is made of. */
export interface ReasonContext {
  readonly monolith: Monolith;
  readonly evidence: Evidence;
  readonly usage: Usage;
}

/** A signal that gives a pair less than this share of its bond is not worth a reader's time, unless it is a fact of the data. */
const WORTH_SAYING = 0.08;
const FACTS = new Set(['keys', 'writes']);

/** Why two tables belong together, strongest first, in words with numbers. */
export function explainPair(context: ReasonContext, a: number, b: number): string {
  const parts: { readonly signal: Signal; readonly weight: number }[] = [];
  let total = 0;
  for (const signal of context.evidence.signals) {
    const weight = signal.pairs.get(a, b) * signal.factor;
    if (weight > 0) parts.push({ signal, weight });
    total += weight;
  }
  parts.sort((x, y) => y.weight - x.weight);
  const worth = parts.filter(({ signal, weight }, index) => index === 0 || FACTS.has(signal.id) || weight >= total * WORTH_SAYING);
  const said = worth.map(({ signal }) => inWords(context, signal, [a, b]));
  return [...new Set(said)].filter((text) => text !== '').join('; ');
}

function inWords(context: ReasonContext, signal: Signal, pair: readonly [number, number]): string {
  switch (signal.id) {
    case 'keys':
    case 'values':
    case 'inferred':
      return keyInWords(context, pair, signal.id === 'keys');
    case 'writes':
      return together(context, pair, { word: 'written', calls: context.usage.writtenTogether(...pair), of: (table) => context.usage.writes(table) });
    case 'joins':
      return together(context, pair, {
        word: 'joined', calls: context.usage.joined(...pair), of: (table) => Math.max(context.usage.reads(table), context.usage.writes(table)),
      });
    case 'use':
      return together(context, pair, {
        word: 'used in one transaction', calls: context.usage.usedTogether(...pair), of: (table) => Math.max(context.usage.reads(table), context.usage.writes(table)),
      });
    case 'names':
      return namesInWords(context, pair);
    case 'code':
      return 'a view, function or trigger names both';
    case 'owners':
      return `both are owned by ${context.monolith.owners[pair[0]] ?? 'one owner'}`;
    default:
      return signal.title;
  }
}

/** How a key binds its child to its parent. */
export function keyInWords({ monolith, evidence }: Omit<ReasonContext, 'usage'>, [a, b]: readonly [number, number], declared: boolean): string {
  const rank = { composition: 0, required: 1, optional: 2 } as const;
  const [key] = evidence.references
    .filter((item) => item.declared === declared && ((item.child === a && item.parent === b) || (item.child === b && item.parent === a)))
    .sort((x, y) => rank[bindingOf(x)] - rank[bindingOf(y)]);
  return key ? bindingInWords(monolith, key) : '';
}

/** One key in a clause: `order_lines is part of orders (order_id is inside its primary key)`. */
export function bindingInWords(monolith: Monolith, key: Reference): string {
  const child = shortName(itemAt(monolith.tables, key.child).name);
  const parent = shortName(itemAt(monolith.tables, key.parent).name);
  const columns = listed(key.columns);
  const be = key.columns.length === 1 ? 'is' : 'are';
  if (!key.declared) return `${child}.${columns} looks like a key to ${parent}, though no constraint says so`;
  if (key.inPrimaryKey && key.oneToOne) return `${child} extends ${parent} (${columns} ${be} the primary key of both)`;
  if (key.inPrimaryKey) return `${child} is part of ${parent} (${columns} ${be} inside its primary key)`;
  if (!key.nullable && key.cascades) return `${child} is deleted with ${parent} (${columns}, required, ON DELETE CASCADE)`;
  if (!key.nullable) return `${child} always refers to ${parent} (${columns} ${be} NOT NULL)`;
  return `${child} may refer to ${parent} (${columns} may be null)`;
}

/** `written together 1,204 times of the 1,210 that write order_lines`: of the rarer of the two. */
function together(
  { monolith, usage }: ReasonContext,
  [a, b]: readonly [number, number],
  { word, calls, of }: { readonly word: string; readonly calls: number; readonly of: (table: number) => number },
): string {
  if (calls === 0) return '';
  const rarer = of(a) <= of(b) ? a : b;
  const all = Math.max(of(rarer), calls);
  const verb = word === 'written' ? 'write' : 'use';
  const said = word === 'used in one transaction' ? word : `${word} together`;
  return `${said} ${usage.times(calls)} of the ${usage.number(all)} that ${verb} ${shortName(itemAt(monolith.tables, rarer).name)}`;
}

function namesInWords({ monolith }: ReasonContext, [a, b]: readonly [number, number]): string {
  const words = (table: number): string[] => [...new Set(visibleWords(splitTableName(itemAt(monolith.tables, table).name).table))];
  const others = new Set(words(b));
  const shared = words(a).filter((word) => others.has(word));
  return shared.length === 0 ? 'alike in name' : `both are named for "${shared.join(' ')}"`;
}
