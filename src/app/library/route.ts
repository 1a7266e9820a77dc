export { HealthChecker } from '../../route/health-checker.ts';
export { TrafficRouter, type RouterStatus, type ShiftOptions, type ShiftResult, type TrafficRouterOptions, type Upstreams } from '../../route/router.ts';
export type { RouteRule, RouteStatus } from '../../route/service-route.ts';
export type { TriggerRule } from '../../route/triggers.ts';
