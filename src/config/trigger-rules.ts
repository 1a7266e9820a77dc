import type { TriggerRule } from '../model/trigger-rule.ts';
import type { ConfigFile } from './schema.ts';

type FileTrigger = NonNullable<NonNullable<ConfigFile['route']>['rollback']['triggers']>[number];

/** A trigger as the router wants it: times in milliseconds. */
export function resolveTrigger(trigger: FileTrigger): TriggerRule {
  const { duration_seconds: duration, window_seconds: window, min_samples: minSamples, ...rest } = trigger;
  return {
    ...rest,
    ...(duration === 0 ? {} : { durationMs: duration * 1000 }),
    ...(window === undefined ? {} : { windowMs: window * 1000 }),
    ...(minSamples === undefined ? {} : { minSamples }),
  };
}
