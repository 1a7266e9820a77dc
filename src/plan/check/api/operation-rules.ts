import type { FindingSeverity } from '../finding.ts';
import { DELIVERY_RULES } from './delivery-rules.ts';
import type { Rule } from './rules.ts';

/** Where a parameter is sent. */
export const LOCATIONS = ['path', 'query', 'header', 'cookie'] as const;
export type Location = (typeof LOCATIONS)[number];

const rule = (id: string, type: string, severity: FindingSeverity, impact: string, remedy: string): Rule => ({ id, type, severity, impact, remedy });

const NOTHING = 'Nothing to do.';
const DEPRECATE = 'Mark it deprecated with a sunset, log who still calls it, and remove it when nobody does.';
const LOG = 'Log who still uses it, and remove it when nobody does.';
const OPTIONAL_FIRST = 'Accept requests without it and fill in a default; require it when every client sends it.';

const ENDPOINTS: readonly Rule[] = [
  rule('endpoint-removed', 'endpoint_removed', 'breaking', 'Clients get 404.', DEPRECATE),
  rule('deprecated-endpoint-removed', 'endpoint_removed', 'potentially_breaking', 'It was deprecated; clients that stayed get 404.', 'Look into the access log before it is deployed.'),
  rule('endpoint-removed-before-sunset', 'endpoint_removed', 'breaking', 'Clients that planned by the announced day get 404 before it.', 'Keep it until its sunset has passed.'),
  rule('endpoint-removed-after-sunset', 'endpoint_removed', 'non_breaking', 'The announced day has passed; who stayed gets 404.', 'Look into the access log before it is deployed.'),
  rule('endpoint-added', 'endpoint_added', 'additive', 'Nobody calls it yet.', NOTHING),
  rule('method-removed', 'method_removed', 'breaking', 'Clients get 405.', DEPRECATE),
  rule('deprecated-method-removed', 'method_removed', 'potentially_breaking', 'It was deprecated; clients that stayed get 405.', 'Look into the access log before it is deployed.'),
  rule('method-removed-before-sunset', 'method_removed', 'breaking', 'Clients that planned by the announced day get 405 before it.', 'Keep it until its sunset has passed.'),
  rule('method-removed-after-sunset', 'method_removed', 'non_breaking', 'The announced day has passed; who stayed gets 405.', 'Look into the access log before it is deployed.'),
  rule('method-added', 'method_added', 'additive', 'Nobody calls it yet.', NOTHING),
  rule('endpoint-deprecated', 'endpoint_deprecated', 'non_breaking', 'It still answers; clients should begin to leave.', 'Say in `sunset` until when it answers.'),
  rule('endpoint-undeprecated', 'endpoint_undeprecated', 'non_breaking', 'Clients may stay.', NOTHING),
  rule('sunset-added', 'sunset_changed', 'non_breaking', 'Clients know until when it answers.', NOTHING),
  rule('sunset-removed', 'sunset_changed', 'potentially_breaking', 'Clients no longer know until when it answers.', 'Keep the day that was announced.'),
  rule('sunset-earlier', 'sunset_changed', 'breaking', 'Clients that planned by the announced day are too late.', 'Keep the day that was announced.'),
  rule('sunset-later', 'sunset_changed', 'non_breaking', 'Clients have more time.', NOTHING),
  rule('operation-id-changed', 'operation_id_changed', 'potentially_breaking', 'Functions of generated clients get another name.', 'Keep the operationId.'),
  rule('operation-id-removed', 'operation_id_changed', 'potentially_breaking', 'Functions of generated clients get another name.', 'Keep the operationId.'),
  rule('operation-id-added', 'operation_id_changed', 'non_breaking', 'Generated clients may name their function by it.', NOTHING),
  rule('tag-removed', 'tag_removed', 'non_breaking', 'Generated clients may group their functions otherwise.', NOTHING),
  rule('tag-added', 'tag_added', 'non_breaking', 'Generated clients may group their functions otherwise.', NOTHING),
  rule('webhook-removed', 'webhook_removed', 'breaking', 'Receivers wait for calls that never come.', DEPRECATE),
  rule('webhook-added', 'webhook_added', 'additive', 'Nobody waits for it yet.', NOTHING),
  rule('callback-removed', 'callback_removed', 'breaking', 'Receivers wait for calls that never come.', DEPRECATE),
  rule('callback-added', 'callback_added', 'potentially_breaking', 'Receivers get calls that they do not know.', 'Call only those who asked for it.'),
  rule('server-removed', 'server_removed', 'potentially_breaking', 'Clients that use its address find nobody.', 'Keep the address answering, or redirect it.'),
  rule('server-added', 'server_added', 'additive', 'Nobody uses it yet.', NOTHING),
];

const BODIES: readonly Rule[] = [
  rule('required-request-body-added', 'request_body_added', 'breaking', 'Clients that send no body are refused.', OPTIONAL_FIRST),
  rule('request-body-added', 'request_body_added', 'additive', 'Clients may leave it out.', NOTHING),
  rule('request-body-removed', 'request_body_removed', 'potentially_breaking', 'What clients send is dropped, or refused.', LOG),
  rule('request-body-made-required', 'request_body_made_required', 'breaking', 'Clients that send no body are refused.', OPTIONAL_FIRST),
  rule('request-body-made-optional', 'request_body_made_optional', 'non_breaking', 'What was accepted still is.', NOTHING),
  rule('request-content-type-removed', 'request_content_type_removed', 'breaking', 'Clients that send it get 415.', LOG),
  rule('request-content-type-added', 'request_content_type_added', 'additive', 'What was accepted still is.', NOTHING),
  rule('request-content-type-generalised', 'request_content_type_changed', 'non_breaking', 'What was accepted still is; what differs in its schema is told by itself.', NOTHING),
  rule('request-content-type-specified', 'request_content_type_changed', 'non_breaking', 'It was accepted before; what differs in its schema is told by itself.', NOTHING),
  rule('request-encoding-changed', 'request_encoding_changed', 'potentially_breaking', 'The parts of the body are read otherwise than clients send them.', 'Accept both forms.'),
  rule('response-success-removed', 'response_removed', 'breaking', 'Clients wait for a status that is never answered.', 'Answer the old status in the old version.'),
  rule('response-error-removed', 'response_removed', 'potentially_breaking', 'Clients that handle this status no longer see it.', 'See that another status tells the same.'),
  rule('response-success-added', 'response_added', 'potentially_breaking', 'Clients that compare the status with the known ones take it for a failure.', 'Answer it only to clients that ask for it.'),
  rule('response-error-added', 'response_added', 'non_breaking', 'Clients meet a failure under a new status.', NOTHING),
  rule('response-status-generalised', 'response_status_changed', 'non_breaking', 'The status may still be answered; what differs in its body is told by itself.', NOTHING),
  rule('response-status-specified', 'response_status_changed', 'non_breaking', 'The status could be answered before; what differs in its body is told by itself.', NOTHING),
  rule('response-body-removed', 'response_body_removed', 'breaking', 'Readers get nothing where they read a body.', 'Go on answering the body; leave it out in a new version.'),
  rule('response-body-added', 'response_body_added', 'additive', 'Readers that expected nothing ignore it.', NOTHING),
  rule('response-content-type-removed', 'response_content_type_removed', 'breaking', 'Clients that accept only it get 406, or what they can not read.', 'Go on answering it to those who ask for it.'),
  rule('response-content-type-added', 'response_content_type_added', 'additive', 'Clients that name what they accept see no difference.', NOTHING),
  rule('response-content-type-generalised', 'response_content_type_changed', 'potentially_breaking', 'Clients may get another type of the range, which they can not read.', 'Answer the old type to those who ask for it, and to those who ask for nothing.'),
  rule('response-content-type-specified', 'response_content_type_changed', 'non_breaking', 'It could be answered before; what differs in its schema is told by itself.', NOTHING),
  rule('response-link-removed', 'response_link_removed', 'potentially_breaking', 'Clients that follow the link do not know where to go on.', 'Keep the link as long as what it leads to is there.'),
  rule('response-link-added', 'response_link_added', 'additive', 'Clients ignore what they do not know.', NOTHING),
  rule('response-link-changed', 'response_link_changed', 'potentially_breaking', 'Clients that follow the link come elsewhere, or with other values.', 'Give the new way another name, and keep the old one.'),
  rule('required-response-header-removed', 'response_header_removed', 'breaking', 'Readers miss a header that they were promised.', 'Go on sending it.'),
  rule('response-header-removed', 'response_header_removed', 'potentially_breaking', 'Readers that use the header miss it.', 'Find out who reads it.'),
  rule('response-header-added', 'response_header_added', 'additive', 'Readers ignore what they do not know.', NOTHING),
  rule('response-header-made-required', 'response_header_made_required', 'non_breaking', 'Readers always find it now.', NOTHING),
  rule('response-header-made-optional', 'response_header_made_optional', 'breaking', 'Readers that count on it miss it.', 'Go on sending it always.'),
  rule('response-header-deprecated', 'response_header_deprecated', 'non_breaking', 'It is still sent.', NOTHING),
  rule('response-header-undeprecated', 'response_header_undeprecated', 'non_breaking', 'Readers may stay.', NOTHING),
];

const SECURITY: readonly Rule[] = [
  rule('security-introduced', 'security_introduced', 'breaking', 'Clients without credentials get 401.', 'Accept requests without credentials until every client sends them; log who does not.'),
  rule('security-lifted', 'security_lifted', 'non_breaking', 'Who has credentials may go on sending them; see that it is meant.', 'See that it is meant: anybody may call it now.'),
  rule('security-alternative-removed', 'security_alternative_removed', 'breaking', 'Clients that use this way to sign in get 401.', 'Keep the old way beside the new one until nobody uses it.'),
  rule('security-alternative-added', 'security_alternative_added', 'additive', 'The ways that were accepted still are.', NOTHING),
  rule('security-scheme-demanded', 'security_scheme_demanded', 'breaking', 'Clients that sign in as before get 401: something more is needed.', 'Accept requests without it until every client sends it; log who does not.'),
  rule('security-scheme-not-demanded', 'security_scheme_not_demanded', 'non_breaking', 'Who sends all that was needed is still let in.', 'See that it is meant.'),
  rule('security-scope-added', 'security_scope_added', 'breaking', 'Tokens without the scope get 403.', 'Give the scope to every client first.'),
  rule('security-scope-removed', 'security_scope_removed', 'non_breaking', 'Tokens that were accepted still are.', NOTHING),
  rule('security-scheme-changed', 'security_scheme_changed', 'breaking', 'Clients send their credentials in the old form.', 'Offer the new form as a scheme of its own beside the old one.'),
  rule('unused-security-scheme-changed', 'security_scheme_changed', 'non_breaking', 'No operation asked for it.', NOTHING),
  rule('security-scheme-removed', 'security_scheme_removed', 'non_breaking', 'Where it was in use, that is told at the operations.', NOTHING),
  rule('security-scheme-added', 'security_scheme_added', 'additive', 'Nobody uses it yet.', NOTHING),
];

function parameterRules(location: Location): Rule[] {
  const id = (what: string): string => `${location}-parameter-${what}`;
  const form = (what: string, word: string): Rule => rule(id(`${what}-changed`), `parameter_${what.replaceAll('-', '_')}_changed`, 'breaking', `The server reads the ${word} that clients send otherwise.`, 'Accept both forms, or give the new one another name.');
  return [
    ...(location === 'path'
      ? [rule(id('renamed'), 'parameter_renamed', 'non_breaking', 'Requests look the same; generated clients may name their argument otherwise.', NOTHING)]
      : [
          rule(`required-${id('added')}`, 'required_parameter_added', 'breaking', 'Requests without it are refused.', OPTIONAL_FIRST),
          rule(id('added'), 'parameter_added', 'additive', 'Clients may leave it out.', NOTHING),
          rule(`required-${id('removed')}`, 'required_parameter_removed', 'potentially_breaking', 'What clients send in it is ignored, or refused.', LOG),
          rule(id('removed'), 'parameter_removed', 'potentially_breaking', 'What clients send in it is ignored, or refused.', LOG),
          rule(id('made-required'), 'parameter_made_required', 'breaking', 'Requests without it are refused.', OPTIONAL_FIRST),
          rule(id('made-optional'), 'parameter_made_optional', 'non_breaking', 'What was accepted still is.', NOTHING),
        ]),
    form('style', 'lists and objects'), form('explode', 'lists and objects'), form('content-type', 'value'),
    ...(location === 'query'
      ? [
          rule(id('empty-value-forbidden'), 'parameter_empty_value_changed', 'breaking', 'Requests that name it without a value are refused.', LOG),
          rule(id('empty-value-allowed'), 'parameter_empty_value_changed', 'non_breaking', 'What was accepted still is.', NOTHING),
          rule(id('reserved-forbidden'), 'parameter_reserved_changed', 'breaking', 'Requests with reserved signs in it are refused.', LOG),
          rule(id('reserved-allowed'), 'parameter_reserved_changed', 'non_breaking', 'What was accepted still is.', NOTHING),
        ]
      : []),
    rule(id('deprecated'), 'parameter_deprecated', 'non_breaking', 'It is still read; clients should leave it out.', NOTHING),
    rule(id('undeprecated'), 'parameter_undeprecated', 'non_breaking', 'Clients may go on sending it.', NOTHING),
  ];
}

/** What may change around the schemas. */
export const OPERATION_RULES: readonly Rule[] = [...ENDPOINTS, ...LOCATIONS.flatMap(parameterRules), ...BODIES, ...SECURITY, ...DELIVERY_RULES];
