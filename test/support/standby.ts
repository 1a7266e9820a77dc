import { appendFile, chmod, chown, cp, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts';
import { createPool } from '../../src/postgres/connect.ts';
import { until } from './condition.ts';

/**
 * A physical standby of an embedded server that follows it, and synchronises its failover slots if asked to.
 * @param options.maxConnections at least its primary's.
 * @param parent where its folder is made; the caller removes it.
 */
export async function standbyOf(primary: EmbeddedPostgres, parent: string, options: { readonly slots: boolean; readonly maxConnections?: number }): Promise<EmbeddedPostgres> {
  // The server may run under another account than the tests.
  await chmod(parent, 0o755);
  const folder = join(parent, 'standby');
  const pool = createPool({ url: primary.url(), max: 1 });
  await pool.query("SELECT pg_create_physical_replication_slot('standby', true)");
  await pool.end();
  // There is no pg_basebackup beside the embedded server; of one that is stopped, the files are a backup.
  await primary.stop();
  const owner = await stat(join(primary.folder, 'data'));
  await mkdir(folder);
  await cp(primary.folder, folder, { recursive: true, preserveTimestamps: true, filter: (path) => !path.includes('.s.PGSQL') });
  await primary.start();
  const data = join(folder, 'data');
  await writeFile(join(data, 'standby.signal'), '');
  const { username, password, hostname, port } = new URL(primary.url());
  await appendFile(
    join(data, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=${hostname} port=${port} user=${username} password=${password} dbname=postgres'\nprimary_slot_name = 'standby'\n` +
      `hot_standby_feedback = on\nsync_replication_slots = ${options.slots ? 'on' : 'off'}\nwal_receiver_status_interval = 1s\n`,
  );
  await own(folder, owner);
  return EmbeddedPostgres.start({ folder, ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }) });
}

/** Whether the standby has replayed what its primary has written by now. */
export async function caughtUpWith(standby: EmbeddedPostgres, primary: EmbeddedPostgres): Promise<void> {
  const pools = { standby: createPool({ url: standby.url(), max: 1 }), primary: createPool({ url: primary.url(), max: 1 }) };
  try {
    const end = await pools.primary.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
    await until(async () => (await pools.standby.query<{ there: string }>('SELECT pg_last_wal_replay_lsn() >= $1 AS there', [end.rows[0]?.lsn])).rows[0]?.there === 't');
  } finally {
    await Promise.all([pools.standby.end(), pools.primary.end()]);
  }
}

async function own(folder: string, owner: { readonly uid: number; readonly gid: number }): Promise<void> {
  if (process.getuid?.() !== 0) return;
  for (const entry of await readdir(folder, { recursive: true })) await chown(join(folder, entry), owner.uid, owner.gid);
  await chown(folder, owner.uid, owner.gid);
}
