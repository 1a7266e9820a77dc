import type { SagaStep } from '../document.ts';
import { compareText, type Monolith, type Operation, type Reference } from '../input.ts';
import { append, itemAt } from '../lookup.ts';
import type { SharedKind } from '../shared-tables.ts';
import { listed, shortName } from '../text.ts';
import { compensations, pendingColumn, tableEffect, type TableEffect } from './write-effects.ts';

export interface SagaContext {
  readonly monolith: Monolith;
  readonly references: readonly Reference[];
  readonly serviceOf: (table: number) => string | undefined;
  readonly sharedKindOf: (table: number) => SharedKind | undefined;
}

export interface Saga {
  readonly pattern: 'outbox' | 'saga';
  readonly remedy: string;
  readonly steps: readonly SagaStep[];
}

interface Part {
  readonly service: string;
  readonly effects: readonly TableEffect[];
  readonly kind: SagaStep['kind'];
  readonly why: string;
}

/**
 * A transaction that would write in several services, as steps that each commit alone. Steps that
 * can be undone come first, then the one that decides (the pivot), then those that can be repeated
 * until they succeed (C. Richardson, "Microservices Patterns", 2018, chapter 4). With nothing to
 * undo, an outbox is enough: the first service commits its rows and the events in one transaction.
 */
export function proposeSaga(context: SagaContext, writes: readonly number[], operations: readonly Operation[]): Saga {
  const parts = arrange(context, writes, operations);
  const first = parts.find((part) => part.kind !== 'retriable') ?? itemAt(parts, 0);
  const undone = parts.filter((part) => part.kind === 'compensable');
  const pivot = parts.findIndex((part) => part.kind === 'pivot');
  const steps = parts.map((part, index): SagaStep => ({
    order: index + 1,
    service: part.service,
    kind: part.kind,
    tables: part.effects.map(({ table }) => itemAt(context.monolith.tables, table).name),
    action: action(part, { index, told: index < parts.length - 1 }),
    compensation: part.kind === 'compensable' ? listedSteps(compensations(context.monolith, part.effects, context.references)) : noCompensation(part),
    why: part.why,
    between: between(context, parts, { index, pivot }),
  }));
  const rest = parts.filter((part) => part !== first).map((part) => part.service);
  if (undone.length === 0) {
    return {
      pattern: 'outbox',
      remedy: `outbox: ${first.service} commits its rows and an event in one transaction; ${listed(rest)} ${rest.length === 1 ? 'applies' : 'apply'} it, each once`,
      steps,
    };
  }
  return {
    pattern: 'saga',
    remedy: `saga: ${listed(undone.map((part) => part.service))} can be undone until ${itemAt(parts, pivot).service} has committed; after that the rest is repeated until it succeeds`,
    steps,
  };
}

function arrange(context: SagaContext, writes: readonly number[], operations: readonly Operation[]): Part[] {
  const byService = new Map<string, TableEffect[]>();
  for (const table of writes) {
    const effect = tableEffect(context.monolith, table, operations.filter((operation) => operation.table === table));
    append(byService, context.serviceOf(table) ?? 'monolith', effect);
  }
  const refused = new Map([...byService].map(([service, effects]) => [service, refusalOf(context, effects)]));
  const open = [...byService].filter(([service]) => refused.get(service) !== undefined);
  const ordered = inKeyOrder(context, open.length > 0 ? open : [largest(byService)]);
  // The step that is hardest to take back decides, and comes last of those that can fail.
  const pivot = ordered.reduce((best, part) => (hardness(part[1]) > hardness(best[1]) ? part : best));
  const before = ordered.filter((part) => part !== pivot);
  const settled = new Set(ordered.map(([service]) => service));
  const after = inKeyOrder(context, [...byService].filter(([service]) => !settled.has(service)));
  return [
    ...before.map(([service, effects]): Part => ({ service, effects, kind: 'compensable', why: `${refused.get(service) ?? ''}: it has to be known before the transaction is decided` })),
    { service: pivot[0], effects: pivot[1], kind: 'pivot', why: whyPivot(pivot, refused.get(pivot[0])) },
    ...after.map(([service, effects]): Part => ({ service, effects, kind: 'retriable', why: whyRetriable(effects) })),
  ];
}

/** Why a service's part may fail for good; undefined: it can be repeated until it succeeds. */
function refusalOf(context: SagaContext, effects: readonly TableEffect[]): string | undefined {
  const mine = effects.filter(({ table, sent }) => !sent && context.sharedKindOf(table) !== 'log');
  const money = mine.find(({ binding }) => binding);
  return money ? `${money.name} records what moves outside the database` : mine.find(({ refusedBy }) => refusedBy !== undefined)?.refusedBy;
}

function hardness(effects: readonly TableEffect[]): number {
  let most = 0;
  for (const { binding, operations } of effects) {
    if (binding) most = Math.max(most, 5);
    for (const { kind, relative } of operations) most = Math.max(most, kind === 'delete' ? 3 : kind === 'update' && relative.length === 0 ? 2 : 1);
  }
  return most;
}

function largest(parts: ReadonlyMap<string, readonly TableEffect[]>): [string, readonly TableEffect[]] {
  return itemAt([...parts].sort((a, b) => b[1].length - a[1].length || compareText(a[0], b[0])), 0);
}

/** Services whose tables others refer to first, so that no step names what is not there yet. */
function inKeyOrder<T extends readonly [string, readonly TableEffect[]]>(context: SagaContext, parts: readonly T[]): T[] {
  const left = [...parts].sort((a, b) => compareText(a[0], b[0]));
  const waitsFor = (part: T, other: T): boolean => {
    const [children, parents] = [new Set(part[1].map(({ table }) => table)), new Set(other[1].map(({ table }) => table))];
    return context.references.some(({ child, parent }) => children.has(child) && parents.has(parent));
  };
  const ordered: T[] = [];
  while (left.length > 0) {
    const ready = left.findIndex((part) => left.every((other) => other === part || !waitsFor(part, other)));
    ordered.push(...left.splice(Math.max(0, ready), 1));
  }
  return ordered;
}

function whyPivot([service, effects]: readonly [string, readonly TableEffect[]], refused: string | undefined): string {
  const money = effects.find(({ binding }) => binding);
  if (money) return `${money.name} records what moves outside the database, which no step takes back: it decides`;
  return refused === undefined ? `${service} writes most of it, and nothing of the rest can be refused` : `${refused}; it is the hardest to take back, so it decides`;
}

function whyRetriable(effects: readonly TableEffect[]): string {
  const sent = effects.find((effect) => effect.sent);
  if (sent) return `${sent.name} tells somebody, which cannot be unsaid: only once the transaction is decided`;
  const rising = effects.find(({ operations }) => operations.some(({ relative }) => relative.length > 0));
  if (rising) return `what is added to ${rising.name} is never refused; the event's id sees to it that it is added once`;
  return 'nothing refuses it for good: inserts by a known key, deletions and set values come out the same when repeated';
}

const VERBS = { insert: 'inserts into', update: 'updates', delete: 'deletes from' } as const;

function action(part: Part, { index, told }: { readonly index: number; readonly told: boolean }): string {
  const did = part.effects.map(({ name, operations }) => {
    const kinds = [...new Set(operations.map(({ kind }) => kind))];
    return kinds.length === 0 ? `writes ${name}` : kinds.map((kind) => `${VERBS[kind]} ${name}`).join(' and ');
  });
  const how = part.kind === 'retriable' ? 'takes the event and ' : index === 0 ? '' : 'is asked and ';
  return `${how}${did.join(', ')}${part.kind === 'pivot' && told ? ', and its event, in one transaction' : ''}`;
}

function noCompensation(part: Part): string {
  if (part.kind === 'pivot') return 'none: if it fails, the steps before it are undone, the last one first; once it has committed, the rest is only a matter of time';
  return 'none: repeated until it succeeds; the event\'s id as a unique key makes a repetition harmless';
}

function between(context: SagaContext, parts: readonly Part[], { index, pivot }: { readonly index: number; readonly pivot: number }): string {
  const missing = parts.slice(index + 1);
  if (missing.length === 0) return 'nothing: all is written';
  const own = listed(parts.slice(0, index + 1).flatMap((part) => part.effects.map(({ name }) => name)), 5);
  const others = listed(missing.flatMap((part) => part.effects.map(({ name }) => name)), 5);
  const seen = `a reader sees what was done to ${own}, but not yet to ${others}`;
  if (index >= pivot) return `${seen}; it will come`;
  const marked = parts.slice(0, index + 1).flatMap((part) => part.effects.flatMap(({ table, name, operations }) => {
    const column = pendingColumn(itemAt(context.monolith.tables, table), operations);
    return column === undefined ? [] : [`${shortName(name)}.${column}`];
  }));
  return `${seen}, and it may be undone${marked.length === 0 ? '; mark the rows as pending in a column of their own' : `; keep ${listed(marked)} at pending until the pivot`}`;
}

function listedSteps(steps: readonly string[]): string {
  return steps.length === 1 ? itemAt(steps, 0) : steps.map((step, index) => `${index + 1}. ${step}`).join('; ');
}
