import { conformance } from './suite.ts';
import { postgresPair } from './postgres-pair.ts';

conformance('the write-ahead log', (options) => postgresPair(options));
