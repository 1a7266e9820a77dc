export interface SettingsOptions {
  readonly port: number;
  readonly majorVersion: number;
  /** Undefined when the path would be too long for a socket. */
  readonly socketFolder: string | undefined;
  readonly maxConnections: number;
  readonly durable: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

/** The content of the server's settings file. The caller's own settings come last and win. */
export function settingsText(options: SettingsOptions): string {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: options.socketFolder ?? '',
    max_connections: String(options.maxConnections),
    wal_level: 'logical',
    track_commit_timestamp: 'on',
    max_replication_slots: '64',
    max_wal_senders: '64',
    max_prepared_transactions: '10',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %q%a ',
    // Until 17 the number of replication slots bounds the origins in use as well.
    ...(options.majorVersion >= 18 ? { max_active_replication_origins: options.settings['max_replication_slots'] ?? '64' } : {}),
    ...(options.durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
    ...options.settings,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${quote(value)}\n`)
    .join('');
}

function quote(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
