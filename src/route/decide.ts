import type { Side } from '../model/side.ts';
import { xxh32Modulo } from './xxh32.ts';

/** A bucket is a hundredth of a percent of all users. */
export const BUCKETS = 10_000;

/** The bucket of a user's key, 0 to 9,999: xxh32 of the key's UTF-8 bytes, seed 0, modulo 10,000. */
export function bucketOf(key: string): number {
  return xxh32Modulo(key, 0, BUCKETS);
}

/** A percentage as a number of buckets: 12.34 gives 1,234. */
export function bucketsOf(percent: number): number {
  return Math.round(percent * 100);
}

/** Whether `percent` is one a route can have: 0 to 100 in steps of a hundredth. */
export function isPercent(percent: number): boolean {
  return percent >= 0 && percent <= 100 && Math.abs(percent * 100 - Math.round(percent * 100)) < 1e-6;
}

/**
 * Which side serves the user with this key at this percentage. Pure, and monotone: whom the service
 * serves at one percentage it serves at every higher one.
 */
export function decide(key: string, percent: number): Side {
  return homeOf(bucketOf(key), percent);
}

/** {@link decide} for a bucket that is already known. */
export function homeOf(bucket: number, percent: number): Side {
  return bucket < bucketsOf(percent) ? 'service' : 'monolith';
}
