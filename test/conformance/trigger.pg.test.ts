import { conformance } from './suite.ts';
import { triggerPair } from './postgres-pair.ts';

conformance('triggers', (options) => triggerPair(options));
