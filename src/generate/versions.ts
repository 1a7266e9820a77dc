/** The pinned packages of a generated project; the same that Banyan is built and tested with. */
export const DEPENDENCIES = {
  fastify: '5.12.8',
  pg: '8.23.1',
  'prom-client': '15.1.3',
  typebox: '1.4.3',
} as const;

export const DEV_DEPENDENCIES = {
  '@types/node': '20.19.43',
  '@types/pg': '8.23.1',
  tsx: '4.23.15',
  typescript: '7.0.2',
} as const;

/** fastify's light-my-request allows a cookie that needs Node 22. */
export const OVERRIDES = { 'light-my-request': { cookie: '^1.0.2' } } as const;
