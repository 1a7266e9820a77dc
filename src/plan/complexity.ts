import type { Specification } from './specification.ts';

export type Complexity = 'low' | 'medium' | 'high' | 'critical';

/** What a specification's complexity is made of. */
export interface Points {
  readonly of: 'data volume' | 'dependencies' | 'downtime' | 'special requirements';
  readonly points: number;
  /** `1,200 GB, more than 1,000`. */
  readonly because: string;
}

interface Threshold {
  readonly bound: number;
  readonly points: number;
}

const VOLUME_GB: readonly Threshold[] = [{ bound: 10_000, points: 3 }, { bound: 1000, points: 2 }, { bound: 100, points: 1 }];
const DEPENDENCIES: readonly Threshold[] = [{ bound: 10, points: 3 }, { bound: 5, points: 2 }, { bound: 2, points: 1 }];
const DOWNTIME_MINUTES: readonly Threshold[] = [{ bound: 60, points: 3 }, { bound: 240, points: 2 }, { bound: 480, points: 1 }];

/** Who says nothing of downtime may take a night. */
const DEFAULT_DOWNTIME_MINUTES = 480;

/** The points of the reference estimate (INTERFACE), each with its reason. */
export function complexityPoints({ constraints = {} }: Specification): readonly Points[] {
  const { data_volume_gb: volume = 0, dependencies = [], max_downtime_minutes: downtime = DEFAULT_DOWNTIME_MINUTES, special_requirements: special = [] } = constraints;
  return [
    { of: 'data volume', ...above(volume, VOLUME_GB, 'GB') },
    { of: 'dependencies', ...above(dependencies.length, DEPENDENCIES, 'dependencies') },
    { of: 'downtime', ...below(downtime, DOWNTIME_MINUTES, 'minutes of downtime') },
    { of: 'special requirements', points: special.length, because: `${special.length} special requirements` },
  ];
}

/** Low to critical, from the sum of the points. */
export function complexityOf(specification: Specification): Complexity {
  const sum = complexityPoints(specification).reduce((total, { points }) => total + points, 0);
  return sum >= 8 ? 'critical' : sum >= 5 ? 'high' : sum >= 3 ? 'medium' : 'low';
}

function above(value: number, thresholds: readonly Threshold[], unit: string): Pick<Points, 'points' | 'because'> {
  const met = thresholds.find(({ bound }) => value > bound);
  return { points: met?.points ?? 0, because: `${value} ${unit}${met ? `, more than ${met.bound}` : ''}` };
}

function below(value: number, thresholds: readonly Threshold[], unit: string): Pick<Points, 'points' | 'because'> {
  const met = thresholds.find(({ bound }) => value < bound);
  return { points: met?.points ?? 0, because: `${value} ${unit}${met ? `, less than ${met.bound}` : ''}` };
}
