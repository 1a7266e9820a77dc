import { conformance } from './suite.ts';
import { triggerPair } from './postgres-pair.ts';

conformance('triggers', (options) => triggerPair(options));

/** Where the order of a unit is made by the database instead. */
const OF_ORDER =
  /emptied|triggers of the application|many rows by one|again and again by one|trade places|between partitions|rolled back|older transaction|goes on after|own replays/;

conformance('triggers, with units too large for memory', (options) => triggerPair(options, { paged: true }), (test) => OF_ORDER.test(test));
