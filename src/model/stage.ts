/** The stages of taking one service out, in order. Each is reached through its gates, and left backwards by a rollback. */
export const STAGES = ['planned', 'prepared', 'provisioned', 'synced', 'validated', 'routed', 'canary', 'half', 'live'] as const;

export type Stage = (typeof STAGES)[number];
