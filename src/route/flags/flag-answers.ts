import type { RouteState } from '../../ports/route-store.ts';
import { bucketOf } from '../decide.ts';
import { CompiledDecision } from '../decision/compiled-decision.ts';
import { CompiledVariants } from '../decision/compiled-variants.ts';
import { answersOf, stageFor } from '../decision/flag-stage.ts';
import { ContextFacts } from './context-facts.ts';
import { FlagError, type FlagContext, type FlagValue } from './open-feature.ts';

/** One version of a route, as flags. */
export class FlagAnswers {
  readonly version: number;
  readonly #service: string;
  readonly #compiled: CompiledDecision;
  readonly #variants: CompiledVariants;

  constructor({ service, version, percent, decision }: Pick<RouteState, 'service' | 'version' | 'percent' | 'decision'>) {
    this.version = version;
    this.#service = service;
    this.#compiled = new CompiledDecision(percent, decision);
    this.#variants = new CompiledVariants(decision);
  }

  /** The names of its flags. */
  get names(): string[] {
    return [this.#service, ...PARTS.map((part) => `${this.#service}.${part}`)];
  }

  /**
   * The value of one part (empty: of the flag itself, which has a value of each type).
   * @throws FlagError
   */
  value(part: string, type: 'boolean' | 'string' | 'number' | 'object', context: FlagContext): FlagValue {
    if (part === '' && type === 'number') return this.#compiled.percent;
    const whole = this.#all(part, context);
    if (part === '') return type === 'boolean' ? whole.side === 'service' : type === 'string' ? whole.side : { ...whole };
    if (!isPart(part)) throw new FlagError('FLAG_NOT_FOUND', `${this.#service} has no flag ${part}; it has ${PARTS.join(', ')}`);
    return whole[part];
  }

  #all(part: string, context: FlagContext) {
    const { stage } = this.#compiled.decision;
    const key = context.targetingKey;
    if (key === undefined || key === '') {
      // Up to shadow a stage is the same for everybody.
      if (STAGE_PARTS.has(part) && stageFor(stage, 'monolith') === stage) {
        return { ...answersOf(stage), side: 'monolith' as const, variant: '', percent: this.#compiled.percent, version: this.version };
      }
      throw new FlagError('TARGETING_KEY_MISSING', `the flags of ${this.#service} are asked of a user: give his key, as route.key finds it, as targetingKey`);
    }
    const side = this.#compiled.side({ key, bucket: bucketOf(key), facts: new ContextFacts(context) });
    const variant = side === 'service' ? (this.#variants.of(key) ?? '') : '';
    return { ...answersOf(stageFor(stage, side)), side, variant, percent: this.#compiled.percent, version: this.version };
  }
}

const PARTS = ['side', 'variant', 'percent', 'version', 'stage', 'readOld', 'readNew', 'writeOld', 'writeNew', 'dualWrite', 'shadow', 'authority'] as const;
const STAGE_PARTS: ReadonlySet<string> = new Set(['percent', 'version', 'stage', 'readOld', 'readNew', 'writeOld', 'writeNew', 'dualWrite', 'shadow', 'authority']);

const isPart = (text: string): text is (typeof PARTS)[number] => PARTS.some((part) => part === text);
