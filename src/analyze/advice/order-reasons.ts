import type { BoundaryDocument, OrderStep, ServiceDetails } from '../document.ts';
import { bytesText, counted, listed, percent, secondsText, whole } from '../text.ts';
import type { Usage } from './usage.ts';

/** Why each service stands where it does: what ties it to those still inside, what it brings, what it risks. */
export function orderReasons(
  document: Pick<BoundaryDocument, 'order' | 'cuts' | 'transactions'>,
  context: { readonly services: Readonly<Record<string, ServiceDetails>>; readonly usage: Usage },
): OrderStep[] {
  return document.order.map((service, position) => {
    const inside = new Set(document.order.slice(position + 1));
    const keysIn = document.cuts.filter((cut) => cut.toService === service && inside.has(cut.fromService));
    const keysOut = document.cuts.filter((cut) => cut.fromService === service && inside.has(cut.toService));
    const torn = document.transactions.distributed.filter((item) => item.services.includes(service) && item.services.some((other) => inside.has(other)));
    const details = context.services[service];
    const names = (which: 'fromService' | 'toService', cuts: typeof keysIn): string => listed([...new Set(cuts.map((cut) => cut[which]))]);
    const reasons = [
      inside.size === 0
        ? 'nothing is left inside for it to be tied to'
        : keysIn.length === 0
          ? 'no key of what is still inside refers to it'
          : `${counted(keysIn.length, 'key')} of what is still inside ${keysIn.length === 1 ? 'refers' : 'refer'} to it (${names('fromService', keysIn)})`,
      ...(keysOut.length === 0 ? [] : [`${counted(keysOut.length, 'key')} of its own ${keysOut.length === 1 ? 'refers' : 'refer'} to what is still inside (${names('toService', keysOut)})`]),
      ...(document.transactions.writing === 0 ? [] : [torn.length === 0 ? 'tears no transaction that is whole until then' : `tears ${context.usage.says(torn.reduce((sum, item) => sum + item.calls, 0))} of transactions`]),
      ...(details === undefined ? [] : valueAndRisk(details, context.usage)),
    ];
    return { service, reasons };
  });
}

function valueAndRisk(details: ServiceDetails, usage: Usage): string[] {
  const { writes, rows, bytes, extraction, personalData } = details;
  const share = usage.calls === 0 ? 0 : writes.whole / usage.calls;
  return [
    ...(share >= 0.01 ? [`takes ${percent(share)} of all calls with it as writes that stay whole`] : []),
    ...(rows < 0 ? [] : [`about ${whole(rows)} rows, ${bytesText(bytes)}${extraction === undefined ? '' : `, ${secondsText(extraction.likely)} to copy`}`]),
    ...(personalData.length === 0 ? [] : [`holds personal data (${counted(personalData.length, 'column')})`]),
  ];
}
