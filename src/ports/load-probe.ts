/** How busy a server is, as far as it says. */
export interface ServerLoad {
  /** Statements of users that run at this moment, Banyan's own left out. */
  readonly activeSessions: number;
  /** How far the slowest of its standbys is behind in replaying, in milliseconds; 0 without one. */
  readonly replicationLagMs: number;
}

export interface LoadProbe {
  read(): Promise<ServerLoad>;
}
