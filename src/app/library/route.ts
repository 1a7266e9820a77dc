export { HealthChecker } from '../../route/health-checker.ts';
export { TrafficRouter, type RouterStatus, type ShiftOptions, type ShiftResult, type TrafficRouterOptions, type Upstreams } from '../../route/router.ts';
export type { RouteRule, RouteStatus } from '../../route/service-route.ts';
export type { TriggerRule } from '../../route/triggers.ts';
export { flagProvider } from './flags.ts';
export { BanyanFlagProvider, type FlagProviderOptions } from '../../route/flags/flag-provider.ts';
export type { OutsideProvider } from '../../route/flags/open-feature.ts';
export type { DecisionChange } from '../../route/decision/change.ts';
export type { Audience, AudienceRule, FlagStage, RouteDecision, ScheduledStep, Strategy } from '../../model/route-decision.ts';
