import type { Cut } from './document.ts';
import type { Monolith, Reference } from './input.ts';
import { bindingOf } from './key-signal.ts';
import type { SharedKind } from './shared-tables.ts';

/** Every key whose two ends are in different services, with what to do about it. */
export function findCuts(options: {
  readonly monolith: Monolith;
  readonly references: readonly Reference[];
  readonly serviceOf: (table: number) => string | undefined;
  readonly sharedKindOf: (table: number) => SharedKind | undefined;
}): Cut[] {
  const cuts: Cut[] = [];
  for (const reference of options.references) {
    const child = options.monolith.tables[reference.child];
    const parent = options.monolith.tables[reference.parent];
    const fromService = options.serviceOf(reference.child);
    const toService = options.serviceOf(reference.parent);
    if (!child || !parent || fromService === undefined || toService === undefined || fromService === toService) continue;
    cuts.push({
      from: child.name,
      to: parent.name,
      constraint: reference.name,
      remedy: remedyFor(reference, {
        toService,
        parent: parent.name,
        shared: options.sharedKindOf(reference.parent),
        child: options.sharedKindOf(reference.child),
      }),
      fromService,
      toService,
      columns: reference.columns,
      declared: reference.declared,
    });
  }
  return cuts.sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to) || compare(a.constraint, b.constraint));
}

function remedyFor(
  reference: Reference,
  context: {
    readonly toService: string;
    readonly parent: string;
    readonly shared: SharedKind | undefined;
    readonly child: SharedKind | undefined;
  },
): string {
  const columns = reference.columns.join(', ');
  if (context.shared === 'reference') {
    return `replicate: keep a read-only copy of ${context.parent}; ${context.toService} stays its owner`;
  }
  if (context.shared === 'framework') return `own: give the service its own ${context.parent}`;
  if (context.child === 'log') return `event: ${context.toService} is named by its id; append what happened as an event`;
  if (bindingOf(reference) === 'composition') {
    const deletes = reference.cascades ? ', and follow its deletions as events' : '';
    return `api: ask ${context.toService} before writing ${columns}${deletes}; if that is often, keep both together`;
  }
  if (reference.cascades) return `event: keep ${columns} as an id and follow deletions in ${context.toService} as events`;
  return `id: keep ${columns} without the constraint; \`banyan validate\` checks that it exists in ${context.toService}`;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
