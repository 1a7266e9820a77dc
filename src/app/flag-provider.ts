import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BanyanError, messageOf } from '../core/errors.ts';
import type { OutsideProvider } from '../route/flags/open-feature.ts';

/**
 * The OpenFeature provider that a module exports as its default, or makes with a function.
 * @throws BANYAN_FLAG_PROVIDER
 */
export async function loadFlagProvider(module: string): Promise<OutsideProvider> {
  const wrong = (message: string, cause?: unknown): BanyanError => new BanyanError('BANYAN_FLAG_PROVIDER', { message: `${module} ${message}`, cause });
  let made: unknown;
  try {
    const loaded: unknown = await import(isAbsolute(module) ? pathToFileURL(module).href : module);
    const exported: unknown = typeof loaded === 'object' && loaded !== null ? Reflect.get(loaded, 'default') : undefined;
    made = typeof exported === 'function' ? await Reflect.apply(exported, undefined, []) : exported;
  } catch (error) {
    throw wrong(`could not be loaded: ${messageOf(error)}`, error);
  }
  if (isProvider(made)) return made;
  throw wrong('exports no provider; expected a default export with resolveNumberEvaluation, resolveBooleanEvaluation and resolveObjectEvaluation, or a function that makes one.');
}

function isProvider(value: unknown): value is OutsideProvider {
  if (typeof value !== 'object' || value === null) return false;
  return ['resolveNumberEvaluation', 'resolveBooleanEvaluation', 'resolveObjectEvaluation'].every((name) => typeof Reflect.get(value, name) === 'function');
}
