import type { IncomingHttpHeaders } from 'node:http';
import { messageOf } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import type { Side } from '../model/side.ts';
import { Answer, type AnswerOwner } from './answer.ts';
import { awaited, type Arrival } from './arrival.ts';
import { MOST_ADAPTED } from './body-adapter.ts';
import { Ticket } from './bucket-flow.ts';
import { bucketOf } from './decide.ts';
import { isSafe, keysGiven } from './key.ts';
import { Outgoing } from './outgoing.ts';
import { reportRequest } from './report.ts';
import type { Incoming } from './request.ts';
import type { ServiceRoute } from './service-route.ts';
import type { WriteCopy } from './shadow/write-copy.ts';
import { answeredBy, changeOfSide, rememberWrite, subjectOf, type Traffic } from './traffic.ts';
import type { Receiver, ResponseHead, Try } from './upstream.ts';
import { Verdict } from './verdict.ts';

/** Errors for which the client's request is to blame. */
const CLIENTS_FAULT = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']);
const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * One request on its way through the router: admitted by its bucket, held back by the barrier if it
 * must be, sent to its side, answered.
 *
 * Invariant: a request is sent a second time only if its method is safe, it has no body and no byte
 * of an answer went to the client, or if it was certainly not sent the first time.
 */
export class Visit implements Receiver, AnswerOwner {
  readonly #traffic: Traffic;
  readonly #incoming: Incoming;
  readonly #arrival: Arrival;
  readonly #answer: Answer;
  readonly #outgoing: Outgoing;
  readonly #method: string;
  readonly #safe: boolean;
  /** Whether it may be sent again after it may have been taken. */
  readonly #repeatable: boolean;
  /** A tester chose the side: it is that one, or none. */
  readonly #chosen: boolean;
  readonly #verdict: Verdict | null;
  #key: string | undefined;
  #newKey: string | undefined;
  #ticket: Ticket | null = null;
  #side: Side = 'monolith';
  #attempt: Try | null = null;
  /** Of a write that the other side is sent too, when this is over. */
  #copy: WriteCopy | undefined;
  #triedAgain = false;
  #secondTry = false;

  constructor(traffic: Traffic, incoming: Incoming, arrival: Arrival) {
    this.#traffic = traffic;
    this.#incoming = incoming;
    this.#arrival = arrival;
    this.#answer = new Answer(traffic, incoming, this);
    this.#outgoing = new Outgoing(traffic, incoming, arrival);
    this.#method = incoming.request.method ?? 'GET';
    this.#safe = isSafe(this.#method);
    this.#repeatable = this.#safe && incoming.body === null;
    this.#chosen = arrival.override !== undefined;
    this.#verdict = arrival.route ? new Verdict(arrival.route) : null;
    this.#key = arrival.key;
  }

  begin(): void {
    this.#answer.open();
    const { route, facts } = this.#arrival;
    if (!route) {
      this.#toward('monolith');
      return;
    }
    this.#key ??= this.#newKey = this.#traffic.ids.hex(16);
    const admitted = route.flow.admit(subjectOf(this.#key, facts), !this.#safe);
    if (admitted instanceof Ticket) {
      this.#admitted(route, admitted);
      return;
    }
    this.#traffic.metrics.count('banyan_route_held_requests_total', { service: route.service });
    void admitted.then((ticket) => {
      this.#admitted(route, ticket);
    });
  }

  #admitted(route: ServiceRoute, ticket: Ticket): void {
    this.#ticket = ticket;
    if (this.#answer.closed) {
      ticket.leave();
      return;
    }
    const { override } = this.#arrival;
    let side = override ?? ticket.home;
    if (side === 'service' && !override && !this.#verdict?.enterService(this.#repeatable)) {
      side = 'monolith';
      this.#secondTry = true;
      this.#countFallback('refused');
    }
    if (this.#key !== undefined) changeOfSide(this.#traffic, { route, key: this.#key, side });
    this.#toward(side);
  }

  /** Goes to a side, after the side has applied what this user wrote on the other. */
  #toward(side: Side): void {
    this.#side = side;
    const batches = awaited(this.#traffic, { side, route: this.#arrival.route, key: this.#key });
    if (!batches) {
      this.#send();
      return;
    }
    void this.#traffic.barrier?.wait(batches, side).then(() => {
      this.#send();
    });
  }

  #send(): void {
    if (this.#answer.closed) {
      this.#verdict?.nothing();
      return;
    }
    const side = this.#side;
    const upstream = this.#arrival.route?.upstream(side, this.#key) ?? this.#traffic.monolith;
    if (upstream.isFull) {
      this.#full();
      return;
    }
    if (this.#outgoing.mustBeWhole(side)) {
      this.continued();
      this.#readWhole();
      return;
    }
    if (!this.#safe) {
      this.#copy ??= this.#arrival.route?.shadow?.copyOf(this.#arrival.requestId);
      this.#copy?.sent(this.#outgoing.body);
    }
    this.#verdict?.sent(side, !this.#secondTry && !this.#chosen);
    this.#attempt = upstream.send(this.#outgoing.message(side), this);
  }

  /** The client may send the body that it holds back. */
  continued(): void {
    this.#outgoing.continued();
    if (!this.#answer.gone) this.#answer.askForBody();
  }

  /** Sends it on when all of its body is here. */
  #readWhole(): void {
    this.#outgoing.readWhole().then(
      (isWhole) => {
        if (isWhole) {
          this.#send();
          return;
        }
        this.#verdict?.nothing();
        if (!this.#answer.closed) this.#refuse(413, 'BANYAN_REQUEST_REFUSED', `a body whose fields are renamed must not be longer than ${MOST_ADAPTED} bytes`);
      },
      () => {
        // The client has gone in its middle: nothing was sent.
        this.#verdict?.nothing();
      },
    );
  }

  /** The side has as many requests under way as it may: a read is the monolith's, a write the client's to try again. */
  #full(): void {
    this.#verdict?.nothing();
    if (this.#side === 'service' && this.#repeatable && !this.#chosen) {
      this.#fallBack('full');
      return;
    }
    this.#traffic.metrics.count('banyan_route_full_total', { side: this.#side, service: this.#arrival.route?.service ?? 'other' });
    this.#refuse(503, 'BANYAN_UPSTREAM_FULL', 'too many requests are under way', ['retry-after', '1']);
  }

  head(head: ResponseHead): boolean {
    const failed = head.status >= 500;
    this.#verdict?.judge(failed);
    const side = this.#side;
    const service = side === 'service';
    if (failed && service && this.#repeatable && !this.#chosen) {
      this.#fallBack('status');
      return false;
    }
    this.#ticket?.answered();
    this.#copy?.head(head);
    const route = this.#arrival.route;
    if (route && this.#key !== undefined) answeredBy(this.#traffic, { route, key: this.#key, side });
    if (!this.#safe) this.#wrote(head.headers);
    const variant = service ? route?.variantOf(this.#key) : undefined;
    this.#answer.begin(head, { side, variant, newKey: this.#newKey, rename: this.#outgoing.renamed(side) });
    return true;
  }

  chunk(chunk: Buffer): boolean {
    this.#copy?.chunk(chunk);
    return this.#answer.write(chunk);
  }

  ended(trailers: IncomingHttpHeaders): void {
    this.#answer.end(trailers);
  }

  resume(): void {
    this.#attempt?.resume();
  }

  stalled(): void {
    this.#verdict?.nothing();
    if (!this.#safe && this.#attempt) this.#wrote({});
    this.#attempt?.abort(new Error('the client stood still'));
    if (this.#answer.begun) this.#answer.destroy();
    else this.#refuse(408, 'BANYAN_REQUEST_REFUSED', 'the body did not come in time');
  }

  tooLong(): void {
    this.#attempt?.abort(new Error('the answer is too long to rename its fields'));
    this.#refuse(502, 'BANYAN_UPSTREAM_UNREACHABLE', `an answer whose fields are renamed must not be longer than ${MOST_ADAPTED} bytes`);
  }

  failed(error: Error, sent: boolean): void {
    const answer = this.#answer;
    if (answer.refused) return;
    const code = 'code' in error ? String(error.code) : '';
    if (answer.gone || CLIENTS_FAULT.has(code)) {
      this.#verdict?.nothing();
      if (!this.#safe && sent) this.#wrote({});
      if (answer.gone || answer.begun) answer.destroy();
      else this.#refuse(400, 'BANYAN_REQUEST_REFUSED', messageOf(error));
      return;
    }
    this.#verdict?.judge(true);
    // It may have been committed although nobody was told.
    if (!this.#safe && sent) this.#wrote({});
    if (answer.begun) {
      this.#traffic.logger.warn('an upstream broke off its answer', this.#facts(error));
      answer.destroy();
      return;
    }
    if (this.#repeatable || !sent) {
      if (this.#side === 'service' && !this.#chosen) {
        this.#fallBack('failed');
        return;
      }
      if (sent && !this.#triedAgain && !TIMEOUTS.has(code)) {
        // Most likely a kept connection that the server closed at the same moment.
        this.#triedAgain = true;
        this.#secondTry = true;
        this.#send();
        return;
      }
    }
    this.#traffic.logger.warn('an upstream gave no answer', this.#facts(error));
    if (TIMEOUTS.has(code)) this.#refuse(504, 'BANYAN_UPSTREAM_TIMEOUT', 'the upstream did not answer in time');
    else this.#refuse(502, 'BANYAN_UPSTREAM_UNREACHABLE', 'the upstream gave no answer');
  }

  #facts(error: Error): Record<string, unknown> {
    const path = this.#arrival.target.split('?', 1)[0];
    return { method: this.#method, path, side: this.#side, requestId: this.#arrival.requestId, reason: error.message };
  }

  /** Answers from the monolith what the service could not. */
  #fallBack(reason: 'status' | 'failed' | 'full'): void {
    this.#countFallback(reason);
    this.#secondTry = true;
    this.#toward('monolith');
  }

  #countFallback(reason: string): void {
    this.#traffic.metrics.count('banyan_route_fallbacks_total', { service: this.#arrival.route?.service ?? '', reason });
  }

  #wrote(headers: IncomingHttpHeaders): void {
    const given = keysGiven(this.#traffic.key, headers);
    const keys = this.#key === undefined ? given : [this.#key, ...given];
    rememberWrite(this.#traffic, { side: this.#side, route: this.#arrival.route, keys, everywhere: this.#chosen });
  }

  #refuse(status: number, code: ErrorCode, message: string, headers: readonly string[] = []): void {
    this.#answer.refuse(status, code, message, { side: this.#side, requestId: this.#arrival.requestId, headers });
  }

  over(): void {
    const { finished, begun } = this.#answer;
    const status = finished ? this.#answer.status : 499;
    if (!finished) {
      this.#verdict?.nothing();
      if (!this.#safe && this.#attempt && !begun) this.#wrote({});
      this.#attempt?.abort(new Error('the client went away'));
    }
    this.#ticket?.leave();
    const { route, target, requestId, span } = this.#arrival;
    span?.end({ status, side: this.#side, version: route?.version, bucket: route && this.#key !== undefined ? bucketOf(this.#key) : undefined });
    reportRequest(this.#traffic, { method: this.#method, target, status, side: this.#side, service: route?.service, requestId, startedAt: this.#incoming.startedAt });
    if (finished && status < 500) this.#offerShadow();
    this.#copy?.release();
  }

  #offerShadow(): void {
    const shadow = this.#arrival.route?.shadow;
    if (!shadow) return;
    const outgoing = this.#outgoing;
    const request = {
      id: this.#arrival.requestId,
      method: this.#method,
      paths: { monolith: outgoing.path('monolith'), service: outgoing.path('service') },
      headers: outgoing.headers,
      primarySide: this.#side,
    };
    // What was answered before its end is no write that could be compared.
    if (this.#copy && this.#incoming.request.complete) shadow.offerWrite({ ...request, copy: this.#copy, bodyFor: (body) => outgoing.bodyForOther(this.#side, body) });
    else if (this.#repeatable && this.#method !== 'OPTIONS' && shadow.samples(request.id)) shadow.offer(request);
  }
}
