import { complexityOf, type Complexity } from './complexity.ts';
import type { Specification } from './specification.ts';

export interface Recommendation {
  readonly pattern: string;
  readonly because: string;
}

type DowntimeAllowed = 'none' | 'minutes' | 'hours';

interface Rule {
  readonly types: readonly Specification['type'][];
  /** What must be there; absent: any. */
  readonly complexity?: readonly Complexity[];
  readonly downtime?: readonly DowntimeAllowed[];
  readonly when?: (specification: Specification) => boolean;
  readonly pattern: string;
  readonly because: string;
}

const said = (word: RegExp) => ({ description = '', constraints = {}, source, target }: Specification): boolean =>
  [description, source, target, ...(constraints.special_requirements ?? [])].some((text) => word.test(text));

/** Kind of change × complexity × downtime allowed; the first that fits. */
const MATRIX: readonly Rule[] = [
  { types: ['database', 'data'], when: said(/event.?sourc|event store/i), pattern: 'event_sourcing', because: 'the target keeps events' },
  { types: ['database', 'data'], when: ({ schema_changes: changes = [], tables_to_migrate: tables = [] }) => changes.length > 0 && tables.length === 0, complexity: ['low', 'medium'], pattern: 'schema_change', because: 'tables change where they are, and old and new code can share them for a while' },
  { types: ['database', 'data'], when: ({ schema_changes: changes = [], tables_to_migrate: tables = [] }) => changes.length > 0 && tables.length === 0, pattern: 'parallel_schema', because: 'tables change where they are, and too much at once for one expand and contract' },
  { types: ['database', 'data'], downtime: ['none', 'minutes'], pattern: 'change_data_capture', because: 'both sides are written while the data is copied' },
  { types: ['database', 'data'], pattern: 'data_migration', because: 'there is time for a copy, a catch-up and a cutover' },
  { types: ['service', 'api'], complexity: ['low'], downtime: ['minutes', 'hours'], pattern: 'blue_green', because: 'one switch moves everybody, and one moves them back' },
  { types: ['service', 'api'], complexity: ['low', 'medium'], pattern: 'canary', because: 'few users see the new side first' },
  { types: ['service', 'api'], when: ({ service_details: details }) => (details?.legacy_service?.endpoints ?? []).length > 1, pattern: 'strangler_fig', because: 'it can be taken out endpoint by endpoint' },
  { types: ['service', 'api'], pattern: 'parallel_run', because: 'both sides answer until their answers agree' },
  { types: ['infrastructure'], when: said(/multi.?cloud/i), pattern: 'multi_cloud', because: 'it runs with several providers' },
  { types: ['infrastructure'], when: said(/hybrid/i), pattern: 'hybrid_cloud', because: 'a part of it stays' },
  { types: ['infrastructure'], when: said(/on.?prem|data.?cent(er|re)/i), complexity: ['medium', 'high', 'critical'], pattern: 'on_prem_to_cloud', because: 'it leaves machines of your own' },
  { types: ['infrastructure'], complexity: ['low'], pattern: 'lift_and_shift', because: 'it can be moved as it is' },
  { types: ['infrastructure'], pattern: 'cloud_migration', because: 'it is worth while to make it fit where it goes' },
];

/** The pattern that fits a specification best, whatever it names. */
export function recommend(specification: Specification): Recommendation {
  const complexity = complexityOf(specification);
  const downtime = downtimeOf(specification);
  const rule = MATRIX.find(
    (each) =>
      each.types.includes(specification.type) && (each.complexity?.includes(complexity) ?? true) &&
      (each.downtime?.includes(downtime) ?? true) && (each.when?.(specification) ?? true),
  );
  const { pattern, because } = rule ?? { pattern: 'default', because: 'nothing says more' };
  return { pattern, because: `${because} (${complexity} complexity, ${DOWNTIME_WORDS[downtime]})` };
}

const DOWNTIME_WORDS: Readonly<Record<DowntimeAllowed, string>> = { none: 'no downtime allowed', minutes: 'minutes of downtime allowed', hours: 'hours of downtime allowed' };

function downtimeOf({ constraints }: Specification): DowntimeAllowed {
  const minutes = constraints?.max_downtime_minutes ?? 480;
  return minutes < 5 ? 'none' : minutes < 60 ? 'minutes' : 'hours';
}
