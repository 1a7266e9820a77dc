import { ConsistencyValidator as Validator, type ValidatorOptions } from '../../validate/validator.ts';
import type { Database } from './database.ts';

export type { TableReport, ValidationReport, Level } from '../../validate/report.ts';
export type { ValidateOptions, ValidatorOptions } from '../../validate/validator.ts';
export type { Watch, WatchOptions } from '../../validate/watch.ts';
export { postgres, type Database } from './database.ts';

/** Finds every difference between two databases, and blames no row that is only on its way. */
export class ConsistencyValidator extends Validator {
  constructor(monolith: Database, service: Database, options: ValidatorOptions = {}) {
    super({ checksummer: monolith.checksummer }, { checksummer: service.checksummer }, options);
  }
}
