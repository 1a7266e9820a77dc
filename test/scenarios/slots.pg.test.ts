import { expect, it } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { isStreamSlot, readSlots } from '../../src/postgres/slot-watch.ts';

describePostgres('the slots of a server', () => {
  it('are read with what is kept for them, and with the loss of it', async () => {
    await using server = await EmbeddedPostgres.start({ durable: false, settings: { max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', wal_keep_size: '0' } });
    const pool = createPool({ url: server.url(), max: 1 });
    try {
      await pool.query("SELECT pg_create_logical_replication_slot('banyan_accounts_m2s_5', 'pgoutput')");
      await pool.query("SELECT pg_create_logical_replication_slot('for_a_moment', 'pgoutput', true)");
      const [fresh, ...others] = await readSlots(pool);
      expect(others).toEqual([]);
      expect(fresh).toMatchObject({ name: 'banyan_accounts_m2s_5', active: false, walStatus: 'reserved' });
      expect(fresh?.safeBytes).toBeGreaterThan(0);
      await pool.query("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 300000))");
      const [later] = await readSlots(pool);
      expect((later?.retainedBytes ?? 0) - (fresh?.retainedBytes ?? 0)).toBeGreaterThan(300_000);
      expect(later?.safeBytes).toBeLessThan(fresh?.safeBytes ?? 0);

      // The server would end the session that has it.
      await pool.query("SELECT pg_drop_replication_slot('for_a_moment')");
      for (let i = 0; i < 3; i++) await pool.query("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1000000)), pg_switch_wal()");
      expect((await readSlots(pool))[0]?.walStatus).toBe('unreserved');
      await pool.query('CHECKPOINT');
      expect((await readSlots(pool))[0]).toMatchObject({ walStatus: 'lost', safeBytes: null });
    } finally {
      await pool.end();
    }
  });

  it('are told from others by their names', () => {
    expect(['banyan_accounts_m2s_5', 'banyan_accounts_m2s', 'banyan2_accounts_s2m_5', 'other'].filter((name) => isStreamSlot(name, 'banyan'))).toEqual(['banyan_accounts_m2s_5']);
  });
});
