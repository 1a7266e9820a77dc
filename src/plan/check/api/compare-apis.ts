import type { Comparison, Finding } from '../finding.ts';
import { finding } from './api-finding.ts';
import type { ContentOptions } from './compare-content.ts';
import { compareDelivery } from './compare-deliveries.ts';
import { compareOperation, removalRule } from './compare-operation.ts';
import { SchemaComparison } from './compare-schemas.ts';
import { compareSecurity, compareSecuritySchemes, schemesInUse, type SecurityUse } from './compare-security.ts';
import { compareServers } from './compare-servers.ts';
import { member, type Node } from './form.ts';
import { openApi, type OpenApi } from './open-api.ts';
import { methodsOf, pairedPaths, operationName } from './endpoints.ts';
import { schemasOf } from './schema-view.ts';

export interface CompareApisOptions {
  /** Parsed JSON or YAML. */
  readonly before: unknown;
  readonly after: unknown;
  /** What they are called in messages. */
  readonly names?: { readonly before: string; readonly after: string };
  /** Now: what announced its sunset may be removed after it. Absent: no sunset has passed. */
  readonly at?: Date;
}

/**
 * What changed between two OpenAPI documents (3.0 or 3.1), and which clients it hurts: what is sent to the API and what
 * is read from it are told apart, since narrowing the one and widening the other breaks them.
 * @throws BANYAN_DOCUMENT if one of both is no such document, or refers to another one.
 */
export function compareApis({ before, after, names = { before: 'before', after: 'after' }, at }: CompareApisOptions): Comparison {
  const [old, fresh] = [openApi(names.before, before), openApi(names.after, after)];
  const schemas = new SchemaComparison({ before: schemasOf(old), after: schemasOf(fresh), form: fresh.form });
  const findings: Finding[] = [];
  const uses: SecurityUse[] = [];
  const operations: string[] = [];
  for (const { before, after } of pairedPaths(old, fresh)) {
    const place = `paths.${(before ?? after).path}`;
    if (!before || !after) {
      const gone = before !== undefined;
      const endpoint = before ?? after;
      const methods = methodsOf(endpoint);
      findings.push(finding({ rule: gone ? removalRule({ api: old, operations: [...methods.values()], at, path: place, what: 'endpoint' }) : 'endpoint-added', path: place, description: `the endpoint was ${gone ? 'removed' : 'added'}`, ...(gone ? { old: endpoint.path } : { fresh: endpoint.path }) }, [...methods.keys()].map((method) => operationName(method, endpoint.path))));
      continue;
    }
    const [from, to] = [methodsOf(before), methodsOf(after)];
    const named = [...from.keys()].map((method) => operationName(method, before.path));
    findings.push(...compareServers({ before: member(before.item, 'servers'), after: member(after.item, 'servers'), path: place, operations: named, form: fresh.form }));
    for (const method of new Set([...from.keys(), ...to.keys()])) {
      const [was, is] = [from.get(method), to.get(method)];
      const [path, operation] = [`${place}.${method}`, operationName(method, before.path)];
      if (!was || !is) {
        const rule = is ? 'method-added' : removalRule({ api: old, operations: was ? [was] : [], at, path, what: 'method' });
        findings.push(finding({ rule, path, description: `${operation} was ${is ? 'added' : 'removed'}`, ...(is ? { fresh: operation } : { old: operation }) }, [operation]));
        continue;
      }
      operations.push(operation);
      findings.push(...compareOperation({ old, fresh, before: { ...before, operation: was }, after: { ...after, operation: is }, path, operation, schemas }));
      uses.push({ before: member(was, 'security'), after: member(is, 'security'), path: `${path}.security`, operation });
    }
  }
  findings.push(
    ...compareServers({ before: member(old.root, 'servers'), after: member(fresh.root, 'servers'), path: '', operations, form: fresh.form }),
    ...compareSecurity({ old, fresh, uses }), ...compareSecuritySchemes(old, fresh, schemesInUse(old, uses.map(({ before }) => before ?? member(old.root, 'security')))), ...compareWebhooks({ old, fresh, schemas }),
    ...schemas.findings(),
  );
  return { findings, scripts: [] };
}

/** What the API sends by itself is read by the receivers; what they answer is sent. */
function compareWebhooks({ old, fresh, schemas }: Pick<ContentOptions, 'old' | 'fresh' | 'schemas'>): Finding[] {
  const named = (api: OpenApi): Map<string, Node> => new Map(Object.entries(api.form.optionalObject(member(api.root, 'webhooks'), 'webhooks')).map(([name, item]) => [name, api.resolve(item, `webhooks.${name}`)]));
  const [before, after] = [named(old), named(fresh)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [from, to] = [before.get(name), after.get(name)];
    const path = `webhooks.${name}`;
    if (!from || !to) return [finding({ rule: to ? 'webhook-added' : 'webhook-removed', path, description: `the webhook was ${to ? 'added' : 'removed'}`, ...(to ? { fresh: name } : { old: name }) }, [name])];
    return compareDelivery({ old, fresh, schemas, before: { path: name, item: from }, after: { path: name, item: to }, path });
  });
}
