import type { PrerequisiteCheck } from '../../ports/prerequisites.ts';

/** A check that holds. `expected` is empty for a mere fact. */
export const holds = (id: string, found: string, expected = ''): PrerequisiteCheck => ({ id, ok: true, found, expected, remedy: '' });

/** A check with its remedy, which counts only when `ok` is false. */
export function prerequisite(check: PrerequisiteCheck): PrerequisiteCheck {
  return check.ok ? { ...check, remedy: '' } : check;
}
