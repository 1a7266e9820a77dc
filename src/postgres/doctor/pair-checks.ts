import type pg from 'pg';
import { readClock, type ClockOffset } from '../read-clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Schema } from '../../model/schema.ts';
import type { PrerequisiteCheck } from '../../ports/prerequisites.ts';
import { holds, prerequisite } from './check.ts';
import type { ServerFacts } from './server-facts.ts';

/** Beyond this, "the last write" of two people is decided by the clocks, not by them. */
const MOST_SKEW_MS = 1_000;

/** What two servers have to agree on. Pure. */
export function pairChecks(monolith: ServerFacts, service: ServerFacts): readonly PrerequisiteCheck[] {
  const same =
    monolith.systemIdentifier !== null &&
    monolith.systemIdentifier === service.systemIdentifier &&
    monolith.database === service.database;
  return [
    prerequisite({
      id: 'pair.two_databases',
      ok: !same,
      found: same ? `both URLs are database ${monolith.database} of one server` : 'two',
      expected: 'two different databases',
      remedy: 'Give the service a database of its own, and its URL in the configuration.',
    }),
    prerequisite({
      id: 'pair.encoding',
      ok: monolith.encoding === service.encoding,
      found: `${monolith.encoding} and ${service.encoding}`,
      expected: 'the same on both sides',
      remedy: `Create the service's database anew: CREATE DATABASE … ENCODING '${monolith.encoding}' TEMPLATE template0;`,
    }),
    holds(
      'pair.collation',
      monolith.collation === service.collation
        ? monolith.collation
        : `${monolith.collation} and ${service.collation}: ORDER BY on text may differ; rows do not`,
    ),
  ];
}

/** The service's server must have, or be able to install, each extension that the tables use. Pure. */
export function extensionCheck(source: Schema, service: ServerFacts): PrerequisiteCheck {
  const missing = source.extensions.filter((name) => !service.extensions.includes(name));
  return prerequisite({
    id: 'service.extensions',
    ok: missing.length === 0,
    found: missing.length === 0 ? 'available' : `missing: ${missing.join(', ')}`,
    expected: source.extensions.length === 0 ? 'none needed' : source.extensions.join(', '),
    remedy: `Install the package of ${missing.join(', ')} on the service's server, or allow it in the provider's console.`,
  });
}

/** The best of five measurements, that is the one with the shortest round trip. */
export async function measureClock(pool: Pick<pg.Pool, 'query'>, clock: Clock): Promise<ClockOffset> {
  let best: ClockOffset | undefined;
  for (let n = 0; n < 5; n++) {
    const reading = await readClock(pool, clock);
    if (best === undefined || reading.uncertaintyMs < best.uncertaintyMs) best = reading;
  }
  return best ?? { offsetMs: 0, uncertaintyMs: 0 };
}

/** Pure. */
export function clockSkewCheck(monolith: ClockOffset, service: ClockOffset): PrerequisiteCheck {
  const skew = Math.abs(monolith.offsetMs - service.offsetMs);
  const uncertainty = monolith.uncertaintyMs + service.uncertaintyMs;
  return prerequisite({
    id: 'pair.clock_skew',
    ok: skew - uncertainty <= MOST_SKEW_MS,
    found: `${skew.toFixed(1)} ms, to within ${uncertainty.toFixed(1)} ms`,
    expected: `at most ${MOST_SKEW_MS} ms: where both sides changed a row, the later commit wins`,
    remedy: 'Run NTP (chrony) on both servers, or decide conflicts without clocks: sync.conflicts.default: prefer-monolith.',
  });
}
