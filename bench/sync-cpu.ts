/** Processor time of processes, from Linux's /proc: on a shared machine it is steadier than the wall clock. */
import { readdir, readFile } from 'node:fs/promises';

const TICK_MS = 10;

interface Times {
  readonly parent: number;
  readonly ownMs: number;
  /** Of children that have ended. */
  readonly childrenMs: number;
}

async function timesOf(pid: number): Promise<Times | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
    const [parent = 0, user = 0, system = 0, childUser = 0, childSystem = 0] = [fields[1], fields[11], fields[12], fields[13], fields[14]];
    return { parent, ownMs: (user + system) * TICK_MS, childrenMs: (childUser + childSystem) * TICK_MS };
  } catch {
    // Ended meanwhile, or not Linux.
    return undefined;
  }
}

/** Milliseconds that the processes and their children, living and ended, have used so far; 0 where there is no /proc. */
export async function cpuMs(roots: readonly number[]): Promise<number> {
  let sum = 0;
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 0);
  for (const pid of pids) {
    const times = await timesOf(pid);
    if (!times) continue;
    if (roots.includes(pid)) sum += times.ownMs + times.childrenMs;
    else if (roots.includes(times.parent)) sum += times.ownMs;
  }
  return sum;
}

/** The same by what the processes do: the servers' by name and the server they belong to, others by number. */
export async function cpuByProcess(roots: Readonly<Record<string, number>>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 0);
  for (const pid of pids) {
    const times = await timesOf(pid);
    const root = Object.entries(roots).find(([, number]) => number === pid || number === times?.parent);
    if (!times || !root) continue;
    const name = `${root[0]} ${root[1] === pid ? 'itself' : await titleOf(pid)}`;
    found.set(name, (found.get(name) ?? 0) + times.ownMs);
  }
  return found;
}

/** `walsender`, `logical replication apply worker`, `checkpointer`; sessions are all `session`. */
async function titleOf(pid: number): Promise<string> {
  const title = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim();
  const what = title.replace(/^postgres: /, '');
  for (const name of ['walsender', 'logical replication apply', 'checkpointer', 'walwriter', 'background writer', 'io worker', 'autovacuum']) {
    if (what.includes(name)) return name;
  }
  return 'session';
}
