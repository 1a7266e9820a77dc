import { describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { loadSource, signalReader } from './route-signals.ts';

const answering = (...answers: (string | number)[]): typeof fetch => async () => {
  const answer = answers.shift() ?? '';
  return typeof answer === 'number' ? new Response('', { status: answer }) : new Response(answer);
};
const signal = new AbortController().signal;

describe('the load of a side', () => {
  it('is read from Prometheus’ text, counters by their growth', async () => {
    let now = 0;
    const clock: Clock = { ...systemClock, monotonic: () => now };
    const text = (cpu: number): string => `# HELP x\nprocess_cpu_seconds_total{pod="a"} ${cpu}\nprocess_cpu_seconds_total{pod="b"} 1\nprocess_resident_memory_bytes 5e7 1700000000\n`;
    const source = loadSource(
      { url: 'http://h', cpu: 'process_cpu_seconds_total', memory: 'process_resident_memory_bytes' },
      { clock, fetch: answering(text(10), text(13), text(2), text(3)) },
    );
    expect(await source.read()).toEqual({ memory: 5e7 });
    now = 2000;
    expect(await source.read()).toEqual({ cpu: 1.5, memory: 5e7 });
    now = 4000;
    // It was restarted.
    expect(await source.read()).toEqual({ memory: 5e7 });
    now = 5000;
    expect(await source.read()).toEqual({ cpu: 1, memory: 5e7 });
  });

  it('is read of one series, if that is named, or from JSON', async () => {
    const named = loadSource({ url: 'http://h', cpu: 'load{pod="b"}', memory: 'none' }, { clock: systemClock, fetch: answering('load{pod="a"} 1\nload{pod="b"} 0.7\n') });
    expect(await named.read()).toEqual({ cpu: 0.7 });
    const json = loadSource({ url: 'http://h', cpu: 'system.cpu', memory: 'system.text' }, { clock: systemClock, fetch: answering('{"system":{"cpu":0.4,"text":"x"}}') });
    expect(await json.read()).toEqual({ cpu: 0.4 });
  });
});

describe('what triggers look at', () => {
  it('is read each by itself: what fails is not known, and the rest is', async () => {
    const load = { url: 'http://h', cpu: 'cpu', memory: 'memory' };
    const reader = signalReader({
      logger: silentLogger,
      sources: () => ({
        syncLagMs: async () => 12,
        validatorDrift: async () => Promise.reject(new Error('no database')),
        load: {
          monolith: loadSource(load, { clock: systemClock, fetch: answering(500) }),
          service: loadSource(load, { clock: systemClock, fetch: answering('cpu 0.5\nmemory 7\n') }),
        },
      }),
    });
    expect(await reader.read('accounts', signal)).toEqual({ syncLagMs: 12, cpu: { service: 0.5 }, memory: { service: 7 } });
  });
});
