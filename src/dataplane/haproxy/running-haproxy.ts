import type { Clock } from '../../core/clock.ts';
import { BanyanError } from '../../core/errors.ts';
import type { PlaneShare, RunningPlane } from '../../ports/data-plane.ts';
import { replaceFile } from '../replace-file.ts';
import { newest, parseStreams, underWay } from './streams.ts';
import type { HaproxyCommand } from './runtime-socket.ts';
import { mapText, parseMap, shareValue } from './shares.ts';

export interface RunningHaproxyOptions {
  readonly name: string;
  readonly command: HaproxyCommand;
  /** The map's file, which a restart reads. */
  readonly mapFile: string;
  readonly clock: Clock;
}

/**
 * A HAProxy that runs with the exported configuration. All shares change in one transaction of its
 * runtime socket: no request sees one route changed and another not.
 *
 * The file is written between the preparation and the commit. If the commit fails it is put back; a
 * process that dies in between leaves a file that is ahead, which the next `apply` or restart evens out.
 */
export class RunningHaproxy implements RunningPlane {
  readonly name: string;
  readonly #command: HaproxyCommand;
  readonly #mapFile: string;
  readonly #clock: Clock;

  constructor({ name, command, mapFile, clock }: RunningHaproxyOptions) {
    this.name = name;
    this.#command = command;
    this.#mapFile = mapFile;
    this.#clock = clock;
  }

  async apply(shares: readonly PlaneShare[], signal?: AbortSignal): Promise<void> {
    const map = await this.#map(signal);
    const before = await this.read(signal);
    const answer = await this.#command(`prepare map ${map}`, signal);
    const version = /version created: (\d+)/.exec(answer)?.[1];
    if (version === undefined) throw this.#refused(`the preparation of ${map}`, answer);
    for (const share of shares) {
      await this.#silent(`add map @${version} ${map} ${share.service} ${shareValue(share)}`, signal);
    }
    await replaceFile(this.#mapFile, mapText(shares));
    try {
      // From here on it is not given up: either all of it holds, or none.
      await this.#silent(`commit map @${version} ${map}`);
      const inForce = await this.read();
      if (!sameShares(inForce, shares)) throw this.#refused('the new shares', mapText(inForce));
    } catch (error) {
      await replaceFile(this.#mapFile, mapText(before));
      throw error;
    }
  }

  async read(signal?: AbortSignal): Promise<readonly PlaneShare[]> {
    return parseMap(await this.#command(`show map ${await this.#map(signal)}`, signal));
  }

  async drained({ timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<boolean> {
    const deadline = this.#clock.monotonic() + timeoutMs;
    const all = async () => parseStreams(await this.#command('show sess all', signal));
    // Requests are numbered as they come, this command among them: what has a lower number is older.
    const limit = newest(await all());
    if (limit === undefined) throw this.#refused('to tell which requests it has', 'its own command is not among them');
    for (;;) {
      if (underWay(await all(), limit) === 0) return true;
      if (this.#clock.monotonic() >= deadline) return false;
      await this.#clock.sleep(20, signal);
    }
  }

  /** By number, because HAProxy names the map as its configuration does, in one form or another. */
  async #map(signal?: AbortSignal): Promise<string> {
    const list = await this.#command('show map', signal);
    const file = this.#mapFile.split('/').at(-1) ?? '';
    const found = [...list.matchAll(/^(-?\d+) \((.*?)\) pattern loaded from file/gm)].filter(([, , name = '']) => name === this.#mapFile || name.split('/').at(-1) === file);
    const exact = found.find(([, , name]) => name === this.#mapFile) ?? (found.length === 1 ? found[0] : undefined);
    if (exact?.[1] !== undefined) return `#${exact[1]}`;
    throw this.#refused(found.length === 0 ? `the map ${this.#mapFile}, which it does not use` : `the map ${file}, of which it has several`, list);
  }

  async #silent(command: string, signal?: AbortSignal): Promise<void> {
    const answer = await this.#command(command, signal);
    if (answer.trim() !== '') throw this.#refused(command, answer);
  }

  #refused(what: string, answer: string): BanyanError {
    return new BanyanError('BANYAN_PLANE_APPLY', { message: `${this.name} did not take ${what}: ${answer.trim().slice(0, 300) || 'no reason given'}` });
  }
}

function sameShares(left: readonly PlaneShare[], right: readonly PlaneShare[]): boolean {
  const values = new Map(left.map((share) => [share.service, shareValue(share)]));
  return left.length === right.length && right.every((share) => values.get(share.service) === shareValue(share));
}
