import { expect, it } from 'vitest';
import { until } from '../../test/support/condition.ts';
import { describePostgres, testDatabase } from '../../test/support/postgres.ts';
import { connect } from './connect.ts';
import { PostgresLoadProbe } from './load-probe.ts';

describePostgres('PostgresLoadProbe', () => {
  it("counts running statements of users, and not Banyan's own", async () => {
    const database = await testDatabase();
    const probe = new PostgresLoadProbe({ pool: database.pool });
    const [own] = await database.query('SHOW application_name');
    const users = await Promise.all(['shop', own?.['application_name'] ?? ''].map((applicationName) => connect({ url: database.url, applicationName })));
    try {
      const before = (await probe.read()).activeSessions;
      const waiting = users.map((user) => user.query('SELECT pg_sleep(60)').catch(() => {}));
      await until(async () => (await probe.read()).activeSessions > before);
      expect((await probe.read()).replicationLagMs).toBeGreaterThanOrEqual(0);
      await database.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'");
      await Promise.all(waiting);
      await until(async () => (await probe.read()).activeSessions <= before);
    } finally {
      await Promise.all(users.map((user) => user.end()));
    }
  });
});
