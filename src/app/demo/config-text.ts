/** Where the demo's programs listen. */
export interface DemoAddresses {
  readonly listen: string;
  readonly admin: string;
  readonly metrics: string;
  /** The shop. */
  readonly monolith: string;
  /** The accounts service, through the proxy that can break it. */
  readonly upstream: string;
}

/** The demo's banyan.yaml: what a production user would write. Secrets come from the environment. */
export function configText(options: {
  readonly service: string;
  readonly tables: readonly string[];
  readonly paths: readonly string[];
  readonly addresses: DemoAddresses;
}): string {
  const { service, tables, paths, addresses } = options;
  return `version: 1
monolith:
  url: \${MONOLITH_URL}
services:
  ${service}:
    url: \${ACCOUNTS_URL}
    tables: [${tables.join(', ')}]
    upstream: ${addresses.upstream}
    match: [${paths.map((path) => `{ path: ${path} }`).join(', ')}]
    health: { path: /healthz }
sync:
  mode: bidirectional
route:
  listen: ${addresses.listen}
  admin: ${addresses.admin}
  monolith: ${addresses.monolith}
  key: [{ cookie: vid }]
  shadow: { percent: 50 }
  fence: { timeoutMs: 30000 }
metrics:
  listen: ${addresses.metrics}
`;
}
