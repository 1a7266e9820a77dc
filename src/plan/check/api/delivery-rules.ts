import type { Rule } from './rules.ts';

const NOTHING = 'Nothing to do.';
const GO_ON = 'Go on sending it until no receiver needs it; let receivers choose the new form.';
const ACCEPT = 'Go on accepting the old answer, and ask receivers for the new one.';

const rule = (id: string, severity: Rule['severity'], impact: string, remedy: string, type = id): Rule => ({ id, type: type.replaceAll('-', '_'), severity, impact, remedy });

/**
 * What may change in the requests that the API makes itself, of webhooks and callbacks: here receivers read what is sent,
 * and the API reads what they answer.
 */
export const DELIVERY_RULES: readonly Rule[] = [
  rule('delivery-method-removed', 'breaking', 'Receivers wait for calls that never come.', GO_ON),
  rule('delivery-method-added', 'potentially_breaking', 'Receivers get calls that they do not know.', 'Call only those who asked for it.'),
  rule('delivery-body-removed', 'breaking', 'Receivers get nothing where they read a body.', GO_ON),
  rule('delivery-body-added', 'additive', 'Receivers that expected nothing ignore it.', NOTHING),
  rule('delivery-body-made-optional', 'breaking', 'Receivers that count on a body miss it.', 'Go on sending it always.'),
  rule('delivery-body-made-required', 'non_breaking', 'Receivers always find it now.', NOTHING),
  rule('delivery-content-type-added', 'potentially_breaking', 'Receivers can not say what they accept, and get what they may not read.', 'Send it only to receivers that asked for it.', 'delivery-content-type-changed'),
  rule('delivery-content-type-generalised', 'potentially_breaking', 'Receivers can not say what they accept, and get what they may not read.', 'Send it only to receivers that asked for it.', 'delivery-content-type-changed'),
  rule('required-delivery-parameter-removed', 'breaking', 'Receivers miss what they were always sent, such as a signature.', GO_ON, 'delivery-parameter-removed'),
  rule('delivery-parameter-removed', 'potentially_breaking', 'Receivers that use it miss it.', GO_ON),
  rule('delivery-parameter-added', 'additive', 'Receivers ignore what they do not know.', NOTHING),
  rule('delivery-parameter-made-optional', 'breaking', 'Receivers that count on it miss it.', 'Go on sending it always.'),
  rule('delivery-parameter-made-required', 'non_breaking', 'Receivers always find it now.', NOTHING),
  rule('delivery-parameter-form-changed', 'breaking', 'Receivers read the value in the old form.', 'Send the new form under another name.'),
  rule('delivery-answer-removed', 'breaking', 'Receivers that answer this status are taken to have failed.', ACCEPT),
  rule('error-delivery-answer-removed', 'potentially_breaking', 'Receivers that refuse by this status may not be understood.', ACCEPT, 'delivery-answer-removed'),
  rule('delivery-answer-added', 'additive', 'The answers that were understood still are.', NOTHING),
  rule('delivery-answer-body-added', 'potentially_breaking', 'Receivers that answer without a body may be taken to have failed.', ACCEPT),
  rule('delivery-answer-body-removed', 'non_breaking', 'What receivers answer is not read any more.', NOTHING),
  rule('delivery-answer-header-demanded', 'breaking', 'Receivers that do not answer it are taken to have failed.', ACCEPT),
  rule('delivery-security-changed', 'breaking', 'Receivers that ask for the old proof of who calls refuse the call.', 'Send the old proof beside the new one until every receiver knows the new one.'),
  rule('delivery-security-added', 'non_breaking', 'Receivers that ask for the old proof still get it.', NOTHING, 'delivery-security-changed'),
];
