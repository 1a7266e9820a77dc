import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/app/plane-plan.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Envoy } from '../../src/dataplane/envoy.ts';
import { GatewayApi } from '../../src/dataplane/gateway-api.ts';
import { Haproxy } from '../../src/dataplane/haproxy/haproxy.ts';
import { Istio } from '../../src/dataplane/istio.ts';
import { Nginx } from '../../src/dataplane/nginx.ts';
import { PLAIN_DECISION, type RouteDecision } from '../../src/model/route-decision.ts';
import type { DataPlane, PlanePlan } from '../../src/ports/data-plane.ts';
import { fences } from '../support/markdown.ts';

const page = await readFile(join(import.meta.dirname, '../../docs/routing-planes.md'), 'utf8');
const configuration = fences(page).find(({ text }) => text.startsWith('version:'))?.text ?? '';

function planned(decision: Partial<RouteDecision> = {}): PlanePlan {
  const url = 'postgres://127.0.0.1/x';
  const config = parseConfig({ file: 'banyan.yaml', env: { MONOLITH_URL: url, ACCOUNTS_URL: `${url}y` }, text: configuration });
  const state = { service: 'accounts', version: 1, percent: 12.34, by: 'me', why: '', at: '', decision: { ...PLAIN_DECISION, ...decision } };
  return planOf(config, [state], { direct: false, router: 'http://banyan.shop:8080' });
}

const withoutMargins = (text: string): string => text.split('\n').map((line) => line.trim()).join('\n');

describe('docs/routing-planes.md', () => {
  it.each<[string, DataPlane]>([
    ['HAProxy', new Haproxy({ socket: '/run/banyan.sock' })],
    ['NGINX', new Nginx()],
    ['Envoy', new Envoy()],
    ['Istio', new Istio()],
    ['Gateway API', new GatewayApi()],
  ])('shows what is exported for %s', (name, plane) => {
    const part = page.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? '';
    const [example] = fences(part);
    expect(example?.text.length).toBeGreaterThan(50);
    const { files } = plane.render(planned());
    const all = withoutMargins(files.map(({ content }) => content).join('\n'));
    expect(all).toContain(withoutMargins(example?.text ?? '').trim());
  });
});

describe('what was decided', () => {
  it('goes over if it is a share, also by a rollback', () => {
    expect(planned().routes).toMatchObject([{ service: 'accounts', percent: 12.34, match: [{ methods: null }, { methods: ['POST'] }] }]);
    expect(planned({ pinned: 'monolith' }).routes).toMatchObject([{ percent: 0 }]);
    expect(planned({ pinned: 'service' }).routes).toMatchObject([{ percent: 100 }]);
  });

  it.each<[string, Partial<RouteDecision>]>([
    ['lists of users', { allow: ['ann'] }],
    ['lists of users', { deny: ['ann'] }],
    ['rules', { rules: [{ when: { path: '/a' }, percent: 1 }] }],
    ['variants', { variants: [{ name: 'a', weight: 1, ranges: [[0, 10_000]] }] }],
  ])('is refused if it is %s', (what, decision) => {
    expect(() => planned(decision)).toThrow(expect.objectContaining({ code: 'BANYAN_PLANE_UNSUPPORTED', message: expect.stringContaining(what) as string }));
  });
});
