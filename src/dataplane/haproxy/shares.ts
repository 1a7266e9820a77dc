import type { PlaneShare } from '../../ports/data-plane.ts';
import { bucketsOf } from '../check-plan.ts';

/*
 * The map from services to buckets: `accounts 1000` serves the buckets below 1,000 from the service,
 * `accounts 200001000` (2000 and 01000) sends those from 1,000 to 1,999 through Banyan's router
 * besides. Both bounds are one number, because HAProxy looks values up one by one and a change may come
 * between two; and a number, because texts cost it more.
 */
export const MOVING = 100_000;

/** The value of one service. */
export function shareValue({ percent, movingUpTo }: PlaneShare): string {
  const low = bucketsOf(percent);
  const high = movingUpTo === undefined ? low : bucketsOf(movingUpTo);
  return String(high > low ? high * MOVING + low : low);
}

/** The map as a file. */
export function mapText(shares: readonly PlaneShare[]): string {
  return shares.map((share) => `${share.service} ${shareValue(share)}\n`).join('');
}

/** Reads lines of `service value`, which may begin with the pointer that `show map` prints. Others are left out. */
export function parseMap(text: string): PlaneShare[] {
  return [...text.matchAll(/^(?:0x[0-9a-f]+ )?([a-z][a-z0-9_-]*) (\d{1,10})$/gm)].map(([, service = '', value]) => {
    const high = Math.floor(Number(value) / MOVING);
    const share = { service, percent: (Number(value) % MOVING) / 100 };
    return high === 0 ? share : { ...share, movingUpTo: high / 100 };
  });
}
