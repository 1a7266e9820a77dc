import type { Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import { compareContent, hasContent, type ContentOptions } from './compare-content.ts';
import { parametersOf } from './compare-parameters.ts';
import { coverOf, headersOf, responsesOf, schemaOf } from './compare-responses.ts';
import { compareDeliverySecurity } from './compare-security.ts';
import { bodyOf, methodsOf, operationName, type Endpoint } from './endpoints.ts';
import { member, type Node } from './form.ts';

/** A path item whose requests the API makes: of a webhook or a callback. */
export interface DeliveryOptions extends Pick<ContentOptions, 'old' | 'fresh' | 'schemas' | 'path'> {
  readonly before: Endpoint;
  readonly after: Endpoint;
}

/** One kind of request that the API makes, before and after. */
interface Delivery extends Omit<DeliveryOptions, 'before' | 'after'> {
  readonly was: Node;
  readonly is: Node;
  readonly before: Endpoint;
  readonly after: Endpoint;
  readonly operation: string;
}

/** Here the sides are turned round: receivers read the request, and what they answer is sent to the API. */
export function compareDelivery(options: DeliveryOptions): Finding[] {
  const { before, after, path } = options;
  const [from, to] = [methodsOf(before), methodsOf(after)];
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((method) => {
    const [was, is] = [from.get(method), to.get(method)];
    const [at, operation] = [`${path}.${method}`, operationName(method, before.path)];
    if (!was || !is) return [finding({ rule: `delivery-method-${is ? 'added' : 'removed'}`, path: at, description: `requests by ${method.toUpperCase()} were ${is ? 'added' : 'removed'}`, ...(is ? { fresh: operation } : { old: operation }) }, [operation])];
    const delivery: Delivery = { ...options, was, is, path: at, operation };
    return [...compareBody(delivery), ...compareSent(delivery), ...compareAnswers(delivery), ...compareProof(delivery)];
  });
}

function compareBody({ old, fresh, schemas, was, is, path, operation }: Delivery): Finding[] {
  const at = `${path}.request`;
  const [from, to] = [bodyOf(old, was, at), bodyOf(fresh, is, at)];
  const told = (what: string, description: string): Finding[] => [finding({ rule: `delivery-body-${what}`, path: at, description, old: from?.required ?? null, fresh: to?.required ?? null }, [operation])];
  if (!from || !to) return from ? told('removed', 'the body was removed') : to ? told('added', 'a body was added') : [];
  return [
    ...(from.required === to.required ? [] : told(to.required ? 'made-required' : 'made-optional', `the body is ${to.required ? 'always' : 'not always'} sent now`)),
    ...compareContent({ old, fresh, schemas, before: from.content, after: to.content, place: 'response', unasked: true, path: at, operation }),
  ];
}

/** The parameters that the API fills in. */
function compareSent({ old, fresh, schemas, before, after, was, is, path, operation }: Delivery): Finding[] {
  const [from, to] = [parametersOf(old, { ...before, operation: was }, path), parametersOf(fresh, { ...after, operation: is }, path)];
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((key) => {
    const [sent, sends] = [from.get(key), to.get(key)];
    const at = `${path}.parameters.${(sent ?? sends)?.name ?? ''}`;
    const told = (rule: string, description: string): Finding => finding({ rule, path: at, description, ...(sent ? { old: sent.name } : {}), ...(sends ? { fresh: sends.name } : {}) }, [operation]);
    if (!sent) return [told('delivery-parameter-added', 'the parameter was added')];
    if (!sends) return [told(sent.required ? 'required-delivery-parameter-removed' : 'delivery-parameter-removed', 'the parameter was removed')];
    schemas.add({ before: sent.schema, after: sends.schema, place: 'response', path: at, operation });
    const otherwise = sent.style !== sends.style || sent.explode !== sends.explode || sent.contentType !== sends.contentType;
    return [
      ...(sent.required === sends.required ? [] : [told(`delivery-parameter-made-${sends.required ? 'required' : 'optional'}`, `the parameter is ${sends.required ? 'always' : 'not always'} sent now`)]),
      ...(otherwise ? [told('delivery-parameter-form-changed', 'its values are written otherwise')] : []),
    ];
  });
}

/** What receivers answer: a status that the API no longer knows is a failure to it. */
function compareAnswers({ old, fresh, schemas, was, is, path, operation }: Delivery): Finding[] {
  const [from, to] = [responsesOf(old, was, path), responsesOf(fresh, is, path)];
  const compareAnswer = (before: Node, after: Node, at: string): Finding[] => {
    const [content, contentNow] = [member(before, 'content'), member(after, 'content')];
    const [had, has] = [hasContent(content), hasContent(contentNow)];
    const [headers, headersNow] = [headersOf(old, before, at), headersOf(fresh, after, at)];
    return [
      ...(had === has ? [] : [finding({ rule: `delivery-answer-body-${has ? 'added' : 'removed'}`, path: at, description: `the body of the answer was ${has ? 'added' : 'removed'}`, old: had, fresh: has }, [operation])]),
      ...compareContent({ old, fresh, schemas, before: content, after: contentNow, place: 'request', path: at, operation }),
      ...[...headersNow].flatMap(([key, { name, header }]) => {
        const known = headers.get(key)?.header;
        const where = `${at}.headers.${name}`;
        if (known) schemas.add({ before: schemaOf(known), after: schemaOf(header), place: 'request', path: where, operation });
        if (member(header, 'required') !== true || (known && member(known, 'required') === true)) return [];
        return [finding({ rule: 'delivery-answer-header-demanded', path: where, description: 'the header must be answered now', fresh: name }, [operation])];
      }),
    ];
  };
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((status) => {
    const [known, knows] = [from.get(status), to.get(status)];
    const at = `${path}.responses.${status}`;
    if (known && knows) return compareAnswer(known, knows, at);
    const general = known ? coverOf(to, status) : coverOf(from, status);
    if (general && known) return compareAnswer(known, general.response, at);
    if (general && knows) return compareAnswer(general.response, knows, at);
    const what = knows ? 'added' : 'removed';
    return [finding({ rule: `${knows || !/^[45d]/.test(status) ? '' : 'error-'}delivery-answer-${what}`, path: at, description: `the status ${status} was ${what}`, ...(knows ? { fresh: status } : { old: status }) }, [operation])];
  });
}

/** How the API proves to receivers who it is. That of the API itself is about its clients. */
function compareProof({ old, fresh, was, is, path, operation }: Delivery): Finding[] {
  const [before, after] = [member(was, 'security'), member(is, 'security')];
  return before === undefined && after === undefined ? [] : compareDeliverySecurity({ old, fresh, before, after, path: `${path}.security`, operation });
}
