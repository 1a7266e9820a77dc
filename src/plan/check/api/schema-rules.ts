import type { FindingSeverity } from '../finding.ts';
import type { Rule } from './rules.ts';

/** Where a schema stands. What stands in requests and parameters is sent by clients; what stands in responses and their headers is read by them. */
export const PLACES = ['request', 'response', 'parameter', 'response-header'] as const;
export type Place = (typeof PLACES)[number];

/** Whom the schema of a message breaks: new consumers of old messages, or old consumers of new messages. */
export const MESSAGE_SIDES = ['backward', 'forward'] as const;
export type MessageSide = (typeof MESSAGE_SIDES)[number];

export function isMessageSide(place: Place | MessageSide): place is MessageSide {
  return place === 'backward' || place === 'forward';
}

export type Side = 'request' | 'response';

export function sideOf(place: Place | MessageSide): Side {
  return place === 'request' || place === 'parameter' || place === 'backward' ? 'request' : 'response';
}

export interface Effect {
  readonly severity: FindingSeverity;
  readonly impact: string;
  readonly remedy: string;
}

/** What a change does to those who send (request) and to those who read (response). */
export type Direction = 'narrows' | 'widens' | 'widens-values' | 'changes' | 'unsure' | 'informs';

const STAYS: Pick<Effect, 'remedy'> = { remedy: 'Nothing to do.' };
const ACCEPT_BOTH = 'Go on accepting the old form, log who still sends it, and refuse it only in a new version.';
const ANSWER_OLD = 'Go on answering the old form; answer the new one under a new version, or to clients that ask for it.';
const ASK = 'Find out who depends on it before it is deployed; bring it in a new version if somebody does.';

const EFFECTS: Readonly<Record<Direction, Readonly<Record<Side, Effect>>>> = {
  narrows: {
    request: { severity: 'breaking', impact: 'Clients are refused with what was accepted before.', remedy: ACCEPT_BOTH },
    response: { severity: 'non_breaking', impact: 'Readers see fewer forms than they are prepared for.', ...STAYS },
  },
  widens: {
    request: { severity: 'non_breaking', impact: 'What was accepted still is.', ...STAYS },
    response: { severity: 'breaking', impact: 'Readers meet what they were promised never to see.', remedy: ANSWER_OLD },
  },
  'widens-values': {
    request: { severity: 'non_breaking', impact: 'What was accepted still is.', ...STAYS },
    response: { severity: 'potentially_breaking', impact: 'Readers that rely on the old limits meet values beyond them.', remedy: 'Have readers ignore or pass on what they do not know first; then answer it.' },
  },
  changes: {
    request: { severity: 'breaking', impact: 'Clients are refused with the form that they send.', remedy: ACCEPT_BOTH },
    response: { severity: 'breaking', impact: 'Readers can not read the new form.', remedy: ANSWER_OLD },
  },
  unsure: {
    request: { severity: 'potentially_breaking', impact: 'Some of what clients send may be refused or understood otherwise.', remedy: ASK },
    response: { severity: 'potentially_breaking', impact: 'Readers may not understand some of what is answered.', remedy: ASK },
  },
  informs: {
    request: { severity: 'non_breaking', impact: 'Nobody breaks.', ...STAYS },
    response: { severity: 'non_breaking', impact: 'Nobody breaks.', ...STAYS },
  },
};

export interface SchemaChange {
  readonly id: string;
  readonly type: string;
  readonly direction: Direction;
  /** What is otherwise than the direction says. */
  readonly request?: Partial<Effect>;
  readonly response?: Partial<Effect>;
  /** Default: all. */
  readonly places?: readonly Place[];
}

/** What may change in a schema, wherever it stands. */
export const SCHEMA_CHANGES: readonly SchemaChange[] = [
  { id: 'type-changed', type: 'property_type_changed', direction: 'changes' },
  { id: 'type-narrowed', type: 'property_type_changed', direction: 'narrows' },
  { id: 'type-widened', type: 'property_type_changed', direction: 'widens' },
  ...PLACES.map((place): SchemaChange => ({ id: 'schema-changed', type: `${place.replace('-', '_')}_schema_changed`, direction: 'changes', places: [place] })),
  { id: 'made-not-nullable', type: 'nullability_restriction', direction: 'narrows' },
  { id: 'made-nullable', type: 'nullability_relaxation', direction: 'widens' },
  { id: 'format-changed', type: 'format_changed', direction: 'unsure' },
  { id: 'format-added', type: 'format_changed', direction: 'narrows', request: { severity: 'potentially_breaking' } },
  { id: 'format-removed', type: 'format_changed', direction: 'widens-values' },
  { id: 'format-widened', type: 'format_changed', direction: 'widens-values' },
  { id: 'format-narrowed', type: 'format_changed', direction: 'narrows' },
  { id: 'enum-value-removed', type: 'enum_value_removed', direction: 'narrows' },
  { id: 'enum-value-added', type: 'enum_value_added', direction: 'widens-values', request: { severity: 'additive' } },
  { id: 'enum-added', type: 'enum_added', direction: 'narrows' },
  { id: 'enum-removed', type: 'enum_removed', direction: 'widens-values' },
  ...['min-length', 'minimum', 'min-items', 'min-properties'].flatMap((bound): SchemaChange[] => [
    { id: `${bound}-raised`, type: `${underscored(bound)}_raised`, direction: 'narrows' },
    { id: `${bound}-lowered`, type: `${underscored(bound)}_lowered`, direction: 'widens-values' },
  ]),
  ...['max-length', 'maximum', 'max-items', 'max-properties'].flatMap((bound): SchemaChange[] => [
    { id: `${bound}-lowered`, type: bound === 'max-length' ? 'length_reduction' : `${underscored(bound)}_lowered`, direction: 'narrows' },
    { id: `${bound}-raised`, type: `${underscored(bound)}_raised`, direction: 'widens-values' },
  ]),
  { id: 'multiple-of-added', type: 'multiple_of_changed', direction: 'narrows' },
  { id: 'multiple-of-removed', type: 'multiple_of_changed', direction: 'widens-values' },
  { id: 'multiple-of-changed', type: 'multiple_of_changed', direction: 'unsure' },
  { id: 'multiple-of-relaxed', type: 'multiple_of_changed', direction: 'widens-values' },
  { id: 'multiple-of-tightened', type: 'multiple_of_changed', direction: 'narrows' },
  { id: 'pattern-added', type: 'pattern_changed', direction: 'narrows' },
  { id: 'pattern-removed', type: 'pattern_changed', direction: 'widens-values' },
  { id: 'pattern-changed', type: 'pattern_changed', direction: 'unsure' },
  { id: 'unique-items-added', type: 'unique_items_changed', direction: 'narrows' },
  { id: 'unique-items-removed', type: 'unique_items_changed', direction: 'widens-values' },
  ...['added', 'removed', 'changed'].map((what): SchemaChange => ({
    id: `default-${what}`, type: 'default_changed', direction: 'informs',
    request: { severity: 'potentially_breaking', impact: 'Who leaves the value out gets another behaviour.', remedy: 'Send the value explicitly in every client first.' },
  })),
  {
    id: 'property-removed', type: 'property_removed', direction: 'changes',
    request: { severity: 'potentially_breaking', impact: 'What clients send in it is dropped without a word, or refused.', remedy: 'Deprecate it, log who still sends it, and remove it when nobody does.' },
    response: { impact: 'Readers miss a property that they were given.', remedy: 'Deprecate it, go on answering it until no reader needs it, and remove it in a new version.' },
  },
  {
    id: 'closed-property-removed', type: 'property_removed', direction: 'changes', places: ['request', 'parameter'],
    request: { impact: 'Clients that send it are refused: the object allows no other properties.', remedy: 'Deprecate it, log who still sends it, and remove it when nobody does.' },
  },
  {
    id: 'property-added', type: 'property_added', direction: 'informs',
    request: { severity: 'additive', impact: 'Clients may leave it out.' }, response: { severity: 'additive', impact: 'Readers ignore what they do not know.' },
  },
  {
    id: 'required-property-added', type: 'required_property_added', direction: 'narrows',
    request: { impact: 'Clients that do not send it are refused.', remedy: 'Add it as optional with a default, have every client send it, then require it.' },
    response: { severity: 'additive', impact: 'Readers ignore what they do not know.' },
  },
  {
    id: 'property-made-required', type: 'property_made_required', direction: 'narrows',
    request: { impact: 'Clients that leave it out are refused.', remedy: 'Fill in a default on the server, have every client send it, then require it.' },
    response: { impact: 'Readers always find it now.' },
  },
  { id: 'property-made-optional', type: 'property_made_optional', direction: 'widens', response: { impact: 'Readers that count on it miss it.', remedy: 'Go on answering it always; make it optional in a new version.' } },
  ...deprecations('property'),
  { id: 'additional-properties-forbidden', type: 'additional_properties_changed', direction: 'narrows' },
  { id: 'additional-properties-allowed', type: 'additional_properties_changed', direction: 'widens-values' },
  { id: 'property-made-read-only', type: 'property_made_read_only', direction: 'unsure', places: ['request', 'parameter'] },
  { id: 'property-made-writable', type: 'property_made_writable', direction: 'informs', places: ['request', 'parameter'], request: { severity: 'additive', impact: 'Clients may send it now.' } },
  { id: 'property-made-write-only', type: 'property_made_write_only', direction: 'changes', places: ['response', 'response-header'], response: { impact: 'Readers miss a property that they were given.' } },
  { id: 'property-made-readable', type: 'property_made_readable', direction: 'informs', places: ['response', 'response-header'], response: { severity: 'additive', impact: 'Readers ignore what they do not know.' } },
  { id: 'variant-added', type: 'variant_added', direction: 'widens', request: { severity: 'additive' } },
  { id: 'variant-removed', type: 'variant_removed', direction: 'narrows' },
  { id: 'choice-added', type: 'choice_added', direction: 'unsure' },
  { id: 'choice-removed', type: 'choice_removed', direction: 'unsure' },
  { id: 'choice-kind-changed', type: 'choice_kind_changed', direction: 'unsure' },
  { id: 'discriminator-added', type: 'discriminator_changed', direction: 'unsure' },
  { id: 'discriminator-removed', type: 'discriminator_changed', direction: 'unsure' },
  { id: 'discriminator-changed', type: 'discriminator_changed', direction: 'changes' },
  { id: 'discriminator-mapping-removed', type: 'discriminator_mapping_changed', direction: 'narrows' },
  { id: 'discriminator-mapping-added', type: 'discriminator_mapping_changed', direction: 'widens-values', request: { severity: 'additive' } },
  { id: 'discriminator-mapping-changed', type: 'discriminator_mapping_changed', direction: 'changes' },
  { id: 'dependency-added', type: 'dependency_changed', direction: 'narrows' },
  { id: 'dependency-removed', type: 'dependency_changed', direction: 'widens' },
  { id: 'exclusion-added', type: 'exclusion_changed', direction: 'narrows' },
  { id: 'exclusion-removed', type: 'exclusion_changed', direction: 'widens-values' },
  { id: 'contains-added', type: 'contains_changed', direction: 'narrows' },
  { id: 'contains-removed', type: 'contains_changed', direction: 'widens-values' },
  { id: 'min-contains-raised', type: 'contains_changed', direction: 'narrows' },
  { id: 'min-contains-lowered', type: 'contains_changed', direction: 'widens-values' },
  { id: 'max-contains-lowered', type: 'contains_changed', direction: 'narrows' },
  { id: 'max-contains-raised', type: 'contains_changed', direction: 'widens-values' },
  { id: 'keyword-changed', type: 'schema_keyword_changed', direction: 'unsure' },
];

export const SCHEMA_RULES: readonly Rule[] = SCHEMA_CHANGES.flatMap(({ id, type, direction, places = PLACES, ...own }) =>
  places.map((place) => {
    const side = sideOf(place);
    return { id: `${place}-${id}`, type, ...EFFECTS[direction][side], ...own[side] };
  }),
);

function deprecations(what: string): SchemaChange[] {
  return [
    { id: `${what}-deprecated`, type: `${what}_deprecated`, direction: 'informs' },
    { id: `${what}-undeprecated`, type: `${what}_undeprecated`, direction: 'informs' },
  ];
}

function underscored(id: string): string {
  return id.replaceAll('-', '_');
}
