import { BanyanError } from '../core/errors.ts';
import { isPercent } from './decide.ts';
import type { RouteRule } from './service-route.ts';
import { promiseHeader } from './shadow/write-copy.ts';
import { wrongRule } from '../model/trigger-rule.ts';

/** @throws BANYAN_ROUTE_INVALID, with what was found and what was expected. */
export function checkRule(rule: RouteRule): void {
  const wrong = (message: string): BanyanError => new BanyanError('BANYAN_ROUTE_INVALID', { message });
  if (rule.service === '') throw wrong('A route needs the name of its service.');
  if (rule.percent !== undefined && !isPercent(rule.percent)) throw notAPercentage(rule.percent);
  for (const trigger of rule.triggers ?? []) {
    const fault = wrongRule(trigger);
    if (fault) throw wrong(`A trigger of ${rule.service}: found ${fault.found}; expected ${fault.expected}.`);
  }
  const { writes } = rule.shadow ?? {};
  if (writes && (writes.mode === 'dry-run-header' || writes.header !== undefined) && promiseHeader(writes).length === 0) {
    throw wrong(`The writes in the shadow of ${rule.service} (${writes.mode}) need a header such as x-dry-run: 1, found ${writes.header ?? 'none'}.`);
  }
  for (const { path } of rule.match ?? []) {
    if (!path.startsWith('/')) throw wrong(`The path ${path} of ${rule.service} must begin with /.`);
  }
  for (const { from, to } of rule.adapt ?? []) {
    if (!from.startsWith('/') || !to.startsWith('/')) throw wrong(`The adapter ${from} to ${to} must have paths that begin with /.`);
    const names = new Set(from.match(/\{[^}]+\}/g));
    const unknown = (to.match(/\{[^}]+\}/g) ?? []).filter((name) => !names.has(name));
    if (unknown.length > 0) throw wrong(`The adapter to ${to} uses ${unknown.join(', ')}, which ${from} does not have.`);
    if (to.endsWith('/**') && !from.endsWith('/**')) throw wrong(`The adapter to ${to} ends in /**, but ${from} does not.`);
  }
}

/** The error for a percentage that a route can't have. */
export function notAPercentage(percent: number): BanyanError {
  return new BanyanError('BANYAN_ROUTE_INVALID', {
    message: `${percent} is no percentage of a route; expected 0 to 100 in steps of 0.01.`,
  });
}
