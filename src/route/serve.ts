import { Answer } from './answer.ts';
import { arrive } from './arrival.ts';
import type { Suspicion } from './framing.ts';
import { reportRequest } from './report.ts';
import type { Incoming } from './request.ts';
import type { Traffic } from './traffic.ts';
import { Visit } from './visit.ts';

/** Takes a request up when it is its turn: sends it on its way, or refuses it. */
export function serve(traffic: Traffic, incoming: Incoming): void {
  const arrival = arrive(traffic, incoming.request);
  if ('reason' in arrival) refuse(traffic, incoming, arrival);
  else new Visit(traffic, incoming, arrival).begin();
}

function refuse(traffic: Traffic, incoming: Incoming, { status, reason }: Suspicion): void {
  const { request, startedAt } = incoming;
  const nothing = (): void => {};
  const over = (): void => {
    const given = answer.finished ? status : 499;
    reportRequest(traffic, { method: request.method ?? 'GET', target: '', status: given, side: 'monolith', service: undefined, requestId: '', startedAt });
  };
  const answer = new Answer(traffic, incoming, { resume: nothing, stalled: nothing, tooLong: nothing, over });
  answer.open();
  answer.refuse(status, 'BANYAN_REQUEST_REFUSED', reason, { side: 'monolith', requestId: '' });
}
