import type { Usage } from './advice/usage.ts';
import { bindingInWords } from './advice/reasons.ts';
import type { Cut, RemedyKind } from './document.ts';
import { compareText, type Monolith, type Reference } from './input.ts';
import { bindingOf } from './key-signal.ts';
import type { SharedKind } from './shared-tables.ts';
import { shortName } from './text.ts';

/** A table this much more often joined or asked for than written may as well be copied. */
const WORTH_COPYING = 10;

interface CutContext {
  readonly monolith: Monolith;
  readonly usage: Usage;
  readonly sharedKindOf: (table: number) => SharedKind | undefined;
}

/** Every key whose two ends are in different services, with what to do about it and why. */
export function findCuts(
  options: CutContext & {
    readonly references: readonly Reference[];
    readonly serviceOf: (table: number) => string | undefined;
  },
): Cut[] {
  const { usage } = options;
  const cuts: Cut[] = [];
  for (const reference of options.references) {
    const child = options.monolith.tables[reference.child];
    const parent = options.monolith.tables[reference.parent];
    const fromService = options.serviceOf(reference.child);
    const toService = options.serviceOf(reference.parent);
    if (!child || !parent || fromService === undefined || toService === undefined || fromService === toService) continue;
    const { kind, remedy, why } = remedyFor(reference, options, { fromService, toService });
    cuts.push({
      from: child.name,
      to: parent.name,
      constraint: reference.name,
      remedy: `${kind}: ${remedy}`,
      remedyKind: kind,
      why,
      fromService,
      toService,
      columns: reference.columns,
      declared: reference.declared,
      joins: usage.joined(reference.child, reference.parent),
      childWrites: usage.writes(reference.child),
      parentWrites: usage.writes(reference.parent),
    });
  }
  return cuts.sort((a, b) => compareText(a.from, b.from) || compareText(a.to, b.to) || compareText(a.constraint, b.constraint));
}

interface Remedy {
  readonly kind: RemedyKind;
  readonly remedy: string;
  readonly why: string;
}

function remedyFor(
  reference: Reference,
  context: CutContext,
  { fromService, toService }: { readonly fromService: string; readonly toService: string },
): Remedy {
  const { monolith, usage, sharedKindOf } = context;
  const columns = reference.columns.join(', ');
  const child = shortName(monolith.tables[reference.child]?.name ?? '');
  const parent = shortName(monolith.tables[reference.parent]?.name ?? '');
  const joins = usage.joined(reference.child, reference.parent);
  const [asked, changed] = [usage.writes(reference.child), usage.writes(reference.parent)];
  const copy = `keep a read-only copy of ${parent} in ${fromService}; ${toService} stays its owner`;
  const id = `keep ${columns} without the constraint; \`banyan validate\` checks that it exists in ${toService}`;
  const changes = changed === 0 ? `${parent} is never written in the workload` : `${parent} is written ${usage.times(changed)}`;
  const joined = joins === 0 ? 'no statement of the workload joins across it' : `statements join across it ${usage.times(joins)}`;
  const known = usage.calls > 0;
  const shared = sharedKindOf(reference.parent);
  if (shared === 'framework') return { kind: 'own', remedy: `give ${fromService} its own ${parent}`, why: `${parent} belongs to a framework: each deployment has its own rows` };
  if (shared === 'reference') return { kind: 'replicate', remedy: copy, why: known ? `${parent} is reference data; ${changes}, ${joined}` : `${parent} is reference data, which changes rarely` };
  if (sharedKindOf(reference.child) === 'log') {
    return { kind: 'event', remedy: `${toService} tells what happened, and ${child} appends it, naming ${parent} by its id`, why: `${child} is a log: it records, and nothing waits for it` };
  }
  if (joins >= WORTH_COPYING * Math.max(1, changed)) {
    return { kind: 'replicate', remedy: copy, why: `${joined}, and ${changes}: a copy answers where it is asked, and little has to be carried over` };
  }
  if (bindingOf(reference) === 'composition') {
    const bound = bindingInWords(monolith, reference);
    const deletions = reference.cascades ? `, and follow its deletions as events` : '';
    if (known && asked >= WORTH_COPYING * Math.max(1, changed)) {
      return { kind: 'replicate', remedy: `${copy}, and check ${columns} against it before writing${deletions}`, why: `${bound}; ${child} is written ${usage.times(asked)} while ${changes}: asking each time costs more than a copy` };
    }
    const often = !known ? '; if that is often, keep both together' : asked === 0 ? '; nothing in the workload writes it' : `; that is ${usage.says(asked)}`;
    return { kind: 'api', remedy: `ask ${toService} before writing ${columns}${deletions}`, why: `${bound}, so it must not name what is not there${often}` };
  }
  if (reference.cascades) {
    const deletes = usage.deletes(reference.parent);
    const seen = !known ? '' : deletes === 0 ? ', though none is in the workload' : `: ${usage.says(deletes)}`;
    return { kind: 'event', remedy: `keep ${columns} as an id and follow deletions in ${toService} as events`, why: `rows of ${child} go when their ${parent} is deleted (ON DELETE CASCADE)${seen}` };
  }
  if (!known) return { kind: 'id', remedy: id, why: 'nothing but the constraint is lost, and validation finds what it would have refused' };
  const torn = usage.writtenTogether(reference.child, reference.parent);
  const together = torn === 0 ? 'nothing but the constraint is lost' : `the transaction that writes both is what it costs (${usage.says(torn)})`;
  return {
    kind: 'id',
    remedy: joins === 0 ? id : `${id}; statements that join ask ${toService} by the ids they found`,
    why: joins === 0 ? `${joined}: ${together}` : `${joined}, but ${changes}: a copy would change too often to pay`,
  };
}
