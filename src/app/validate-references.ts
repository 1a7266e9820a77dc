import type pg from 'pg';
import type { ServiceConfig } from '../config/config.ts';
import type { Side } from '../model/side.ts';
import type { FenceOptions } from '../ports/fence.ts';
import type { ReferenceFinder } from '../ports/references.ts';
import { PostgresReferenceFinder, type OtherOwner } from '../postgres/structure/find-references.ts';
import { PostgresReferenceReader } from '../postgres/structure/reference-reader.ts';
import type { Session } from './session.ts';
import { declaredReferences, mappingsToCompare } from './validate-structure.ts';

/** The references of two databases that nothing else is known of. */
export function referencesBetween({ source, target }: { readonly source: pg.Pool; readonly target: pg.Pool }): ReferenceFinder {
  return new PostgresReferenceFinder({ source, target, readers: readersOf(source, target) });
}

function readersOf(source: pg.Pool, target: pg.Pool) {
  return { source: new PostgresReferenceReader({ pool: source }), target: new PostgresReferenceReader({ pool: target }) };
}

/**
 * The references of a service's tables: to each other, to what stays in the monolith, and to other services.
 * @param pools where the two sides are read; other services are read at their primaries.
 * @param fenceOf of a service's streams; empty where they do not run.
 */
export async function referencesOf(
  session: Session,
  service: ServiceConfig,
  pools: Readonly<Record<Side, pg.Pool>>,
  fenceOf: (service: ServiceConfig) => Promise<{ readonly fence?: FenceOptions }>,
): Promise<ReferenceFinder> {
  const { monolith, service: target } = pools;
  const others: OtherOwner[] = [];
  for (const other of session.config.services.values()) {
    if (other.name === service.name) continue;
    const reader = new PostgresReferenceReader({ pool: session.pools(other).service });
    others.push({ name: other.name, mappings: mappingsToCompare(other), reader, ...(await fenceOf(other)) });
  }
  return new PostgresReferenceFinder({
    source: monolith, target, mappings: mappingsToCompare(service), readers: readersOf(monolith, target),
    others, declared: declaredReferences(session.config),
  });
}
