import { systemClock } from '../../core/clock.ts';
import { FaultProxy, isFault } from './fault-proxy.ts';

/** The demo's fault proxy as a program: it says where it listens, and is told by messages what to break. */
const proxy = new FaultProxy({ clock: systemClock, delayMs: Number(process.argv[2]) });
const url = await proxy.listen();
process.send?.({ type: 'listening', url });
process.on('message', (message: unknown) => {
  if (typeof message !== 'object' || message === null) return;
  if ('fault' in message && isFault(message.fault)) proxy.fault = message.fault;
  if ('target' in message && typeof message.target === 'string') proxy.target = message.target;
});
