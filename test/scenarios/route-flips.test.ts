import { afterEach, describe, expect, it } from 'vitest';
import { FlipLoad, type FlipLoadOptions } from '../support/flip-load.ts';

let load: FlipLoad | undefined;
afterEach(async () => {
  await load?.stop();
  load = undefined;
});

const CLIENTS: FlipLoadOptions['clients'] = { small: 4, uploads: 1, slowUploads: 2, downloads: 1, events: 2, sockets: 2 };

describe.each([
  ['over HTTP/1.1', false],
  ['over HTTPS, half of them HTTP/2', true],
])('clients of every kind, %s', (_name, encrypted) => {
  it('lose no request, no byte, no event and no socket while users are moved, and a raised percentage moves nobody back', async () => {
    load = await FlipLoad.start({ clients: CLIENTS, bytes: 1024 * 1024, encrypted });
    await load.rise(40);
    await load.flip(10);
    expect(load.failures).toEqual([]);
    expect(load.movedBack).toEqual([]);
    const { seen } = load.fixture.service;
    expect(seen.length).toBeGreaterThan(0);
  });
});
