import type { FindingSeverity } from '../finding.ts';

/** One kind of difference between two GraphQL schemas. */
export interface GraphqlRule {
  /** Stable: `graphql-field-removed`. */
  readonly id: string;
  /** `field_removed`. */
  readonly type: string;
  readonly severity: FindingSeverity;
  readonly impact: string;
  readonly remedy: string;
}

const NOTHING = 'Nothing to do.';
const DEPRECATE = 'Mark it @deprecated with what to use instead, see in the field usage that nobody asks for it, then remove it.';
const BESIDE = 'Add the new form under another name, deprecate the old one, and remove it when nobody asks for it.';
const OPTIONAL_FIRST = 'Add it as nullable or with a default; require it when every client sends it.';

const row = (type: string, severity: FindingSeverity, impact: string, remedy: string): GraphqlRule => ({ id: `graphql-${type.replaceAll('_', '-')}`, type, severity, impact, remedy });

/** Every rule of `banyan check --type graphql`. The first are those of graphql-js, by its own names; docs/check-api.md is written from it. */
export const GRAPHQL_RULES: readonly GraphqlRule[] = [
  row('type_removed', 'breaking', 'Queries that name it are refused.', DEPRECATE),
  row('type_changed_kind', 'breaking', 'Queries that use it are refused, or answered in another form.', BESIDE),
  row('type_removed_from_union', 'breaking', 'Queries with a fragment on it are refused.', DEPRECATE),
  row('value_removed_from_enum', 'breaking', 'Clients that send the value are refused.', DEPRECATE),
  row('required_input_field_added', 'breaking', 'Clients that do not send it are refused.', OPTIONAL_FIRST),
  row('implemented_interface_removed', 'breaking', 'Fragments on the interface no longer give the type.', BESIDE),
  row('field_removed', 'breaking', 'Queries that ask for it, or inputs that send it, are refused.', DEPRECATE),
  row('field_changed_kind', 'breaking', 'Clients can not read, or are refused with, the old type.', BESIDE),
  row('required_arg_added', 'breaking', 'Queries without it are refused.', OPTIONAL_FIRST),
  row('arg_removed', 'breaking', 'Queries that give it are refused.', DEPRECATE),
  row('arg_changed_kind', 'breaking', 'Queries that give the old type are refused.', BESIDE),
  row('directive_removed', 'breaking', 'Queries that use it are refused.', DEPRECATE),
  row('directive_arg_removed', 'breaking', 'Queries that give it are refused.', DEPRECATE),
  row('required_directive_arg_added', 'breaking', 'Queries that use the directive without it are refused.', OPTIONAL_FIRST),
  row('directive_repeatable_removed', 'breaking', 'Queries that use it twice in one place are refused.', 'Go on accepting it more than once.'),
  row('directive_location_removed', 'breaking', 'Queries that use it there are refused.', 'Go on accepting it there.'),
  row('value_added_to_enum', 'potentially_breaking', 'Clients that know every value meet another one.', 'Have clients treat unknown values first.'),
  row('type_added_to_union', 'potentially_breaking', 'Clients that know every type meet another one.', 'Have clients treat unknown types first.'),
  row('optional_input_field_added', 'additive', 'Clients may leave it out.', NOTHING),
  row('optional_arg_added', 'additive', 'Queries may leave it out.', NOTHING),
  row('implemented_interface_added', 'potentially_breaking', 'Clients that know every type of the interface meet another one.', 'Have clients treat unknown types first.'),
  row('arg_default_value_change', 'potentially_breaking', 'Queries that leave it out get another answer.', 'Have clients give the value themselves first.'),
  // Banyan's own: what graphql-js does not tell.
  row('arg_default_value_added', 'non_breaking', 'Queries that leave it out get the default.', NOTHING),
  row('input_field_default_changed', 'potentially_breaking', 'Clients that leave it out get another behaviour.', 'Have clients send the value themselves first.'),
  row('root_type_changed', 'breaking', 'Queries begin in another type.', 'Keep the name of the root type, or alias the old one in every client.'),
  row('type_added', 'additive', 'Nobody asks for it yet.', NOTHING),
  row('field_added', 'additive', 'Nobody asks for it yet.', NOTHING),
  row('field_type_narrowed', 'non_breaking', 'Readers find fewer nulls than they are prepared for.', NOTHING),
  row('input_type_widened', 'non_breaking', 'What was accepted still is.', NOTHING),
  row('directive_added', 'additive', 'Nobody uses it yet.', NOTHING),
  row('directive_arg_added', 'additive', 'Queries may leave it out.', NOTHING),
  row('directive_location_added', 'additive', 'Nobody uses it there yet.', NOTHING),
  row('directive_repeatable_added', 'additive', 'What was accepted still is.', NOTHING),
  row('deprecated', 'non_breaking', 'It still answers; clients should begin to leave.', 'Say in the reason what to use instead.'),
  row('undeprecated', 'non_breaking', 'Clients may stay.', NOTHING),
  row('deprecation_reason_changed', 'non_breaking', 'Nobody breaks.', NOTHING),
  row('input_made_one_of', 'breaking', 'Clients that send none or several of its fields are refused.', BESIDE),
  row('input_made_any_of', 'non_breaking', 'What was accepted still is.', NOTHING),
];
