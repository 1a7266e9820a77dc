import { once } from 'node:events';
import net from 'node:net';
import { ROOT_CONTEXT, trace, type Attributes, type Context, type Span, type SpanContext, type SpanStatus } from '@opentelemetry/api';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../test/support/condition.ts';
import { routerFixture, type RouterFixture } from '../../test/support/route-fixture.ts';
import { bucketOf } from './decide.ts';
import type { TracingApi } from './request-span.ts';

let fixture: RouterFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

interface Ended {
  readonly name: string;
  readonly kind: number;
  readonly attributes: Attributes;
  readonly status: SpanStatus | undefined;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
}

/** A tracer that keeps the spans that were ended; the contexts are those of OpenTelemetry itself. */
class Recorder {
  readonly ended: Ended[] = [];
  begun = 0;
  readonly api: TracingApi = {
    ROOT_CONTEXT,
    trace: { getTracer: () => ({ startSpan: (name, options, context) => this.#start(name, options, context) }), setSpanContext: trace.setSpanContext },
  };

  #start(name: string, options: { readonly kind: number; readonly attributes: Attributes }, parentContext: Context): Pick<Span, 'spanContext' | 'setAttributes' | 'setStatus' | 'end'> {
    const number = ++this.begun;
    const parent = trace.getSpanContext(parentContext);
    const context: SpanContext = { traceId: parent?.traceId ?? number.toString(16).padStart(32, 'a'), spanId: number.toString(16).padStart(16, 'b'), traceFlags: parent?.traceFlags ?? 1 };
    let attributes = { ...options.attributes };
    let status: SpanStatus | undefined;
    const span = {
      spanContext: () => context,
      setAttributes: (more: Attributes) => {
        attributes = { ...attributes, ...more };
        return whole;
      },
      setStatus: (given: SpanStatus) => {
        status = given;
        return whole;
      },
      end: () => {
        this.ended.push({ name, kind: options.kind, attributes, status, context, parent });
      },
    };
    const whole = Object.assign(trace.wrapSpanContext(context), span);
    return whole;
  }
}

async function traced(path: string, headers: Record<string, string> = {}): Promise<{ status: number; traceparent: string | undefined }> {
  const { statusCode, body } = await request(`${fixture!.url}${path}`, { headers });
  const text = await body.text();
  if (statusCode !== 200) return { status: statusCode, traceparent: undefined };
  const { headers: seen } = JSON.parse(text) as { headers: Record<string, string> };
  return { status: statusCode, traceparent: seen['traceparent'] };
}

describe('the span of a request', () => {
  it('says what was decided, and goes on to the side as the parent of its spans', async () => {
    const recorder = new Recorder();
    fixture = await routerFixture({ tracing: recorder.api, rule: { percent: 100 } });
    const { version } = await fixture.router.shift('accounts', 100);
    const { traceparent } = await traced('/api/users/1?token=secret', { cookie: 'uid=7', 'x-request-id': 'r1' });
    await until(() => recorder.ended.length === 1);
    const [span] = recorder.ended;
    expect(span).toMatchObject({
      name: 'GET accounts', kind: 1, status: undefined, parent: undefined,
      attributes: {
        'http.request.method': 'GET', 'url.path': '/api/users/1', 'http.response.status_code': 200, 'banyan.route': 'accounts', 'banyan.side': 'service',
        'banyan.bucket': bucketOf('7'), 'banyan.version': version, 'banyan.request_id': 'r1',
      },
    });
    expect(traceparent).toBe(`00-${span!.context.traceId}-${span!.context.spanId}-01`);
  });

  it('is a child of the client’s, and keeps its word on sampling', async () => {
    const recorder = new Recorder();
    fixture = await routerFixture({ tracing: recorder.api });
    const { traceparent } = await traced('/elsewhere', { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-00` });
    await until(() => recorder.ended.length === 1);
    expect(recorder.ended[0]).toMatchObject({
      name: 'GET other', parent: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), isRemote: true }, attributes: { 'banyan.route': 'other', 'banyan.side': 'monolith' },
    });
    expect(recorder.ended[0]?.attributes).not.toHaveProperty('banyan.bucket');
    expect(traceparent).toBe(`00-${'c'.repeat(32)}-${recorder.ended[0]!.context.spanId}-00`);
    // What is no trace context is no parent.
    await traced('/elsewhere', { traceparent: '00-rubbish' });
    await until(() => recorder.ended.length === 2);
    expect(recorder.ended[1]?.parent).toBeUndefined();
  });

  it('is an error when the answer is one, names the side that answered, and ends though the client goes away', async () => {
    const recorder = new Recorder();
    fixture = await routerFixture({ tracing: recorder.api, rule: { percent: 100 } });
    fixture.service.handler = (_request, response) => response.writeHead(500).end();
    // A read is the monolith's then.
    expect((await traced('/api/users/1', { cookie: 'uid=1' })).status).toBe(200);
    await until(() => recorder.ended.length === 1);
    expect(recorder.ended[0]).toMatchObject({ status: undefined, attributes: { 'banyan.side': 'monolith', 'http.response.status_code': 200 } });
    const write = await request(`${fixture.url}/api/users/1`, { method: 'POST', headers: { cookie: 'uid=1' } });
    await write.body.dump();
    await until(() => recorder.ended.length === 2);
    expect(recorder.ended[1]).toMatchObject({ name: 'POST accounts', status: { code: 2 }, attributes: { 'banyan.side': 'service', 'http.response.status_code': 500 } });

    fixture.service.handler = () => {};
    const before = fixture.service.seen.length;
    const socket = net.connect(fixture.port, '127.0.0.1');
    socket.write('GET /api/users/2 HTTP/1.1\r\nhost: a\r\ncookie: uid=1\r\n\r\n');
    await until(() => (fixture?.service.seen.length ?? 0) > before);
    socket.destroy();
    await until(() => recorder.ended.length === 3);
    expect(recorder.ended[2]?.attributes['http.response.status_code']).toBe(499);
    expect(recorder.begun).toBe(3);
  });

  it('of a WebSocket ends with the answer to its handshake', async () => {
    const recorder = new Recorder();
    fixture = await routerFixture({ tracing: recorder.api, rule: { percent: 100 } });
    let traceparent: string | undefined;
    fixture.service.server.on('upgrade', (incoming, socket) => {
      traceparent = incoming.headers['traceparent'] as string;
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    });
    const socket = net.connect(fixture.port, '127.0.0.1');
    socket.resume();
    socket.write('GET /api/users/ws HTTP/1.1\r\nhost: a\r\ncookie: uid=1\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n\r\n');
    await Promise.all([once(socket, 'close'), until(() => recorder.ended.length === 1)]);
    const [span] = recorder.ended;
    expect(span).toMatchObject({ name: 'GET accounts', attributes: { 'http.response.status_code': 101, 'banyan.side': 'service', 'banyan.bucket': bucketOf('1') } });
    expect(traceparent).toBe(`00-${span!.context.traceId}-${span!.context.spanId}-01`);
  });

  it('leaves the trace as it is while no SDK is registered', async () => {
    const api: TracingApi = { ROOT_CONTEXT, trace };
    fixture = await routerFixture({ tracing: api });
    const given = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    expect((await traced('/elsewhere', { traceparent: given })).traceparent).toBe(given);
    expect((await traced('/elsewhere')).traceparent).toMatch(/^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-00$/);
  });
});
