import { monitorEventLoopDelay } from 'node:perf_hooks';
import { FlipLoad } from '../support/flip-load.ts';

/*
 * `npm run soak:flips`: 2,000 single steps from 0 to 100 % and 400 flips between the two, under clients with
 * kept connections, uploads, downloads, server-sent events and WebSockets; once over HTTP/1.1, once over HTTPS
 * with every other client on HTTP/2 (and smaller bodies: a window of 64 KiB makes them slow here). Prints one JSON document for each; exit code 1 if any request failed, any
 * body was not whole or anybody was moved back. Clients, router and sides are one process: `longestStallMs`
 * says for how long the machine kept all of them from running, and timeouts are to be read beside it.
 *
 * SOAK_STEPS (default 2,000), SOAK_FLIPS (400), SOAK_ONLY=plain or encrypted.
 */
const STEPS = Number(process.env['SOAK_STEPS'] ?? 2000);
const FLIPS = Number(process.env['SOAK_FLIPS'] ?? 400);
const ONLY = process.env['SOAK_ONLY'];

for (const encrypted of [false, true]) {
  if (ONLY !== undefined && ONLY !== (encrypted ? 'encrypted' : 'plain')) continue;
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 100) / 10;
  const stalls = monitorEventLoopDelay({ resolution: 10 });
  stalls.enable();
  const load = await FlipLoad.start({
    clients: { small: 8, uploads: 2, slowUploads: 2, downloads: 2, events: 4, sockets: 4 }, bytes: (encrypted ? 1 : 4) * 1024 * 1024, encrypted,
  });
  await load.rise(STEPS);
  const risen = seconds();
  await load.flip(FLIPS);
  const ok = load.failures.length === 0 && load.movedBack.length === 0;
  console.log(JSON.stringify({
    ok, encrypted, steps: STEPS, stepsSeconds: risen, flips: FLIPS, seconds: seconds(), longestStallMs: Math.round(stalls.max / 1e6), finished: load.counts,
    failures: { count: load.failures.length, first: load.failures.slice(0, 5) }, movedBack: { count: load.movedBack.length, first: load.movedBack.slice(0, 5) },
  }));
  await load.stop();
  if (!ok) process.exitCode = 1;
}
