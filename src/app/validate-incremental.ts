import type { ServiceConfig } from '../config/config.ts';
import { redactUrl } from '../core/redact.ts';
import { heldRows } from '../postgres/held-rows.ts';
import { PostgresMarkStore } from '../state/mark-store.ts';
import type { IncrementalOptions } from '../validate/incremental/incremental.ts';
import type { Session } from './session.ts';

/** What the streams of a service note, where banyan.yaml has them do so. */
export function marksOf(session: Session, service: ServiceConfig): { readonly marks?: IncrementalOptions } {
  if (!session.config.validate.incremental) return {};
  const pools = session.pools(service);
  return {
    marks: {
      store: new PostgresMarkStore({ pool: session.statePool }), service: service.name,
      of: [session.config.monolith.url, service.url].map(redactUrl).join(' '),
      held: (table) => heldRows([pools.monolith, pools.service], service.name, [table, ...service.tables.filter(({ as }) => as === table).map((each) => each.table)]),
    },
  };
}
