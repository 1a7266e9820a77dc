/** One request that HAProxy has under way, of `show sess all`. */
export interface HaproxyStream {
  /** Counts up with every request of the process. */
  readonly id: number;
  /** Whether it is a command of the runtime socket. */
  readonly command: boolean;
  /**
   * Whether nothing it will still do matters to a move: a read whose answer's head was sent wrote
   * nothing, and a WebSocket stays with its side until it is closed.
   */
  readonly harmless: boolean;
}

/** HAProxy's numbers of OPTIONS, GET and HEAD. */
const SAFE_METHODS = new Set(['0', '1', '2']);

/** Reads the answer of `show sess all`. A request that can't be read counts as one that matters. */
export function parseStreams(text: string): HaproxyStream[] {
  return text.split(/^(?=0x[0-9a-f]+: \[)/m).flatMap((block) => {
    const id = /^0x[0-9a-f]+: \[[^\]]*\] id=(\d+) /.exec(block)?.[1];
    if (id === undefined) return [];
    const transaction = /^ +txn=.* meth=(\d+) +status=(-?\d+)/m.exec(block);
    const status = Number(transaction?.[2] ?? -1);
    const read = SAFE_METHODS.has(transaction?.[1] ?? '');
    return [{ id: Number(id), command: /^ +frontend=GLOBAL /m.test(block), harmless: status === 101 || (read && status >= 200) }];
  });
}

/** The number of the newest request there is: the command itself that asked. Undefined if it can't be told. */
export function newest(streams: readonly HaproxyStream[]): number | undefined {
  const commands = streams.filter((stream) => stream.command).map((stream) => stream.id);
  return commands.length === 0 ? undefined : Math.max(...commands);
}

/** How many requests from before number `limit` may still write, or read what is past. */
export function underWay(streams: readonly HaproxyStream[], limit: number): number {
  return streams.filter((stream) => !stream.command && !stream.harmless && stream.id < limit).length;
}
