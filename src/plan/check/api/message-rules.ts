import type { Rule } from './rules.ts';
import { MESSAGE_SIDES, SCHEMA_CHANGES, type Direction, type Effect, type MessageSide } from './schema-rules.ts';

const NOTHING = 'Nothing to do.';
const OLD_FIRST = 'Go on accepting the old form; refuse it when no old message is left, also in topics that are read again.';
const CONSUMERS_FIRST = 'Bring the new schema to every consumer first; then let producers write what it allows.';
const FINE: Readonly<Record<MessageSide, Effect>> = {
  backward: { severity: 'non_breaking', impact: 'New consumers accept every old message.', remedy: NOTHING },
  forward: { severity: 'non_breaking', impact: 'Old consumers accept every new message.', remedy: NOTHING },
};
const BREAKS: Readonly<Record<MessageSide, Effect>> = {
  backward: { severity: 'breaking', impact: 'New consumers refuse messages that were written by the old schema.', remedy: OLD_FIRST },
  forward: { severity: 'breaking', impact: 'Old consumers refuse messages that are written by the new schema.', remedy: CONSUMERS_FIRST },
};
const UNSURE: Readonly<Record<MessageSide, Effect>> = {
  backward: { severity: 'potentially_breaking', impact: 'New consumers may refuse some of the old messages.', remedy: 'Hold old messages against the new schema before it is deployed.' },
  forward: { severity: 'potentially_breaking', impact: 'Old consumers may refuse some of the new messages.', remedy: 'Hold new messages against the old schema before they are written.' },
};

const EFFECTS: Readonly<Record<Direction, Readonly<Record<MessageSide, Effect>>>> = {
  narrows: { backward: BREAKS.backward, forward: FINE.forward },
  widens: { backward: FINE.backward, forward: BREAKS.forward },
  'widens-values': { backward: FINE.backward, forward: BREAKS.forward },
  changes: BREAKS, unsure: UNSURE, informs: FINE,
};

interface MessageChange {
  readonly id: string;
  readonly type: string;
  readonly direction: Direction;
  readonly backward?: Partial<Effect>;
  readonly forward?: Partial<Effect>;
}

/** What is otherwise with messages than with APIs: who validates refuses what the schema does not allow. */
const OWN: readonly MessageChange[] = [
  { id: 'property-added', type: 'property_added', direction: 'narrows', backward: { ...UNSURE.backward, impact: 'New consumers refuse old messages that hold something else under this name: the old schema allowed it.' }, forward: { severity: 'additive' } },
  { id: 'closed-property-added', type: 'property_added', direction: 'widens', backward: { severity: 'additive' }, forward: { impact: 'Old consumers refuse messages that have it: their schema allows no other properties.' } },
  { id: 'property-removed', type: 'property_removed', direction: 'widens', forward: { ...UNSURE.forward, impact: 'Old consumers refuse new messages that hold something else under this name: the new schema allows it.' } },
  { id: 'closed-property-removed', type: 'property_removed', direction: 'narrows', backward: { impact: 'New consumers refuse messages that have it: their schema allows no other properties.' } },
  { id: 'required-property-added', type: 'required_property_added', direction: 'narrows', backward: { impact: 'New consumers refuse old messages, which lack it.', remedy: 'Add it as optional, have every producer write it, and require it when no old message is left.' } },
  { id: 'required-property-removed', type: 'required_property_removed', direction: 'widens', forward: { impact: 'Old consumers refuse new messages, which lack it.', remedy: 'Make it optional for every consumer first; then leave it out.' } },
  { id: 'format-added', type: 'format_changed', direction: 'narrows', backward: { severity: 'potentially_breaking' } },
  { id: 'format-removed', type: 'format_changed', direction: 'widens', forward: { severity: 'potentially_breaking' } },
  { id: 'schema-changed', type: 'message_schema_changed', direction: 'changes' },
  { id: 'one-of-changed', type: 'choice_changed', direction: 'unsure' },
];

/** Of bodies and parameters only. */
const NOT_OF_MESSAGES = /^(?:discriminator-|property-made-(?:read-only|writable|write-only|readable)$)/;

const CHANGES: readonly MessageChange[] = [
  ...OWN,
  ...SCHEMA_CHANGES.filter(({ id }) => !NOT_OF_MESSAGES.test(id) && !OWN.some((own) => own.id === id)).map(({ id, type, direction }) => ({ id, type, direction })),
];

/** Every rule of `banyan check --type schema`; docs/check-messages.md is written from it. */
export const MESSAGE_RULES: readonly Rule[] = CHANGES.flatMap(({ id, type, direction, ...own }) => MESSAGE_SIDES.map((side) => ({ id: `${side}-${id}`, type, ...EFFECTS[direction][side], ...own[side] })));
