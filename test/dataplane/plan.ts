import { parseTemplate } from '../../src/route/path-template.ts';
import type { PlaneMatch, PlanePlan, PlaneRoute } from '../../src/ports/data-plane.ts';

export const matching = (path: string, ...methods: string[]): PlaneMatch => ({ path: parseTemplate(path), methods: methods.length > 0 ? methods : null });

export function route(service: string, upstream: string, options: Partial<PlaneRoute> = {}): PlaneRoute {
  return { service, upstream, percent: 0, match: [matching(`/api/${service}/**`)], adapt: [], ...options };
}

export function plan(options: Partial<PlanePlan> & Pick<PlanePlan, 'routes'>): PlanePlan {
  return {
    listen: { host: '127.0.0.1', port: 8000 },
    monolith: 'http://127.0.0.1:3000',
    key: [{ cookie: 'uid' }],
    shadowPercent: 0,
    timeouts: { connectMs: 2000, headersMs: 30_000 },
    ...options,
  };
}
