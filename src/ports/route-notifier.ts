/** What is told when a trigger fires, or has stopped to. */
export interface RouteNotice {
  readonly event: 'triggered' | 'resolved';
  /** The same for one rule of one service: a receiver joins trigger and resolution by it. */
  readonly dedupKey: string;
  /** RFC 3339. */
  readonly at: string;
  readonly service: string;
  readonly metric: string;
  readonly action: 'automatic_rollback' | 'alert_team' | 'scale_up';
  /** The percentage of users that the service was to serve. */
  readonly percent: number;
  /** One sentence: what was measured, against what. */
  readonly why: string;
}

/** Tells people, or whatever starts more instances. */
export interface RouteNotifier {
  /** Returns at once and never throws; what can't be delivered is logged and counted. */
  tell(notice: RouteNotice): void;
  /** Waits for what is under way, for at most `ms` milliseconds. */
  close(ms: number): Promise<void>;
}
