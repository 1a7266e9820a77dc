import type { Path } from './issue.ts';
import type { ConfigFile } from './schema.ts';

type Add = (path: Path, found: string, expected: string) => void;
type Routing = ConfigFile['services'][string]['routing'];

/** Whether what is said of how users are shared fits together. */
export function checkRouting(file: ConfigFile, add: Add): void {
  for (const [service, { routing }] of Object.entries(file.services)) {
    const path = ['services', service, 'routing'];
    checkStrategy(routing, path, add);
    for (const key of routing.allow.filter((each) => routing.deny.includes(each))) {
      add([...path, 'allow'], `${key}, which stands in deny too`, 'each key in one of both');
    }
    for (const [index, { when, percent }] of routing.rules.entries()) {
      checkPercent([...path, 'rules', index, 'percent'], percent, add);
      for (const name of ['tenant', 'region'] as const) {
        if (when[name] === undefined || (file.route?.[name] ?? []).length > 0) continue;
        add([...path, 'rules', index, 'when', name], `a rule by ${name}`, `route.${name}, which says where requests tell it`);
      }
    }
    for (const [index, { percent, at, after }] of routing.schedule.entries()) {
      const step = [...path, 'schedule', index];
      checkPercent([...step, 'percent'], percent, add);
      if (at === undefined && after === undefined) add(step, 'a step without a time', '`at: …` or `after: …` beside its percent');
      if (routing.strategy === 'blue-green' && percent !== 0 && percent !== 100) add([...step, 'percent'], `${percent} with the strategy blue-green`, '0 or 100');
    }
  }
}

function checkStrategy(routing: Routing, path: Path, add: Add): void {
  const { strategy, variants, flag, schedule } = routing;
  if (strategy === 'variants' && Object.keys(variants).length === 0) add(path, 'the strategy variants without variants', '`variants: …` beside it');
  if (Object.keys(variants).length > 0 && Object.values(variants).every(({ weight }) => weight === 0)) {
    add([...path, 'variants'], 'no variant with a weight above 0', 'one at least');
  }
  if ((strategy === 'flag') !== (flag !== undefined)) {
    add(flag === undefined ? path : [...path, 'flag'], flag === undefined ? 'the strategy flag without a flag' : `a flag for the strategy ${strategy}`, flag === undefined ? '`flag: …` beside it' : 'it only with the strategy flag');
  }
  if (strategy === 'flag' && schedule.length > 0) add([...path, 'schedule'], 'a schedule for the strategy flag', 'one of both: two would decide against each other');
  if (strategy === 'canary' && schedule.length === 0) add(path, 'the strategy canary without a schedule', '`schedule: …` beside it');
}

function checkPercent(path: Path, percent: number, add: Add): void {
  if (Math.abs(percent * 100 - Math.round(percent * 100)) > 1e-6) add(path, `${percent}`, 'a percentage in steps of 0.01');
}
