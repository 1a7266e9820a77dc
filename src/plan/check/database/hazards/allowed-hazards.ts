import { BanyanError } from '../../../../core/errors.ts';
import { nearest } from '../../../../core/nearest.ts';
import type { MigrationScript } from '../../finding.ts';
import { HAZARD_NAMES, isHazard, type HazardName } from './hazard-names.ts';

/**
 * The hazards that somebody allows by their names; `none` allows none.
 * @throws BANYAN_USAGE if one is not known.
 */
export function readAllowed(names: readonly string[]): ReadonlySet<HazardName> {
  const allowed = new Set<HazardName>();
  for (const name of names) {
    if (name === 'none') continue;
    if (!isHazard(name)) {
      const near = nearest(name, HAZARD_NAMES);
      throw new BanyanError('BANYAN_USAGE', { message: `--allow-hazard ${name}: there is no such hazard.${near === undefined ? '' : ` Did you mean ${near}?`} Expected none, or one of ${HAZARD_NAMES.join(', ')}.` });
    }
    allowed.add(name);
  }
  return allowed;
}

/** What the scripts may do that nobody has allowed. Pure. */
export function notAllowed(scripts: readonly MigrationScript[], allowed: ReadonlySet<string>): string[] {
  const found = new Set(scripts.flatMap(({ hazards }) => hazards));
  return HAZARD_NAMES.filter((name) => found.has(name) && !allowed.has(name));
}
