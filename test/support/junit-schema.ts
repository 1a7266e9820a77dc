import { DOMParser, type Element, type Node } from '@xmldom/xmldom';

/*
 * What readers of JUnit reports agree on (Jenkins' xUnit schema, and Surefire's for the suite and what is in it): which
 * elements stand in which, in which order, with which attributes. What passes here passes those.
 */

interface Form {
  /** By name: whether it must be there. */
  readonly attributes: Readonly<Record<string, 'needed' | 'allowed'>>;
  /** In this order; each as often as the number says. */
  readonly children: readonly (readonly [string, number])[];
  readonly text: boolean;
}

const counts = { tests: 'needed', failures: 'needed', errors: 'needed', time: 'needed' } as const;
const words: Form = { attributes: { message: 'allowed', type: 'allowed' }, children: [], text: true };
const FORMS: Readonly<Record<string, Form>> = {
  testsuites: { attributes: { name: 'allowed', tests: 'allowed', failures: 'allowed', errors: 'allowed', time: 'allowed', disabled: 'allowed' }, children: [['testsuite', Infinity]], text: false },
  testsuite: { attributes: { name: 'needed', ...counts, skipped: 'needed', timestamp: 'allowed', hostname: 'allowed', id: 'allowed', package: 'allowed' }, children: [['testcase', Infinity], ['system-out', 1], ['system-err', 1]], text: false },
  testcase: { attributes: { name: 'needed', classname: 'needed', time: 'needed' }, children: [['skipped', 1], ['error', Infinity], ['failure', Infinity], ['system-out', Infinity], ['system-err', Infinity]], text: false },
  skipped: words, error: words, failure: words,
  'system-out': { attributes: {}, children: [], text: true }, 'system-err': { attributes: {}, children: [], text: true },
};
const NUMBERS = new Set(['tests', 'failures', 'errors', 'skipped', 'time']);

/** What is wrong with a report; nothing where it is fine. */
export function junitFaults(xml: string): string[] {
  const document = new DOMParser({ onError: (level, message) => { throw new Error(`${level}: ${message}`); } }).parseFromString(xml, 'text/xml');
  const root = document.documentElement;
  return root?.tagName === 'testsuites' ? faultsOf(root) : [`the root is ${root?.tagName ?? 'missing'}`];
}

function faultsOf(element: Element): string[] {
  const form = FORMS[element.tagName];
  if (!form) return [`<${element.tagName}> is not known`];
  const told = (what: string): string => `<${element.tagName}>: ${what}`;
  const attributes = [...element.attributes].map(({ name, value }) => ({ name, value }));
  const children = [...element.childNodes].filter((node): node is Element => node.nodeType === 1);
  const order = form.children.map(([name]) => name);
  const positions = children.map(({ tagName }) => order.indexOf(tagName));
  return [
    ...attributes.filter(({ name }) => !Object.hasOwn(form.attributes, name)).map(({ name }) => told(`the attribute ${name} is not known`)),
    ...attributes.filter(({ name, value }) => NUMBERS.has(name) && !/^\d+(\.\d+)?$/.test(value)).map(({ name, value }) => told(`${name} is ${value}`)),
    ...Object.entries(form.attributes).filter(([name, how]) => how === 'needed' && !element.hasAttribute(name)).map(([name]) => told(`${name} is missing`)),
    ...children.filter((_, i) => positions[i] === -1).map(({ tagName }) => told(`<${tagName}> does not belong there`)),
    ...(positions.some((position, i) => position < (positions[i - 1] ?? 0)) ? [told('its parts are out of order')] : []),
    ...form.children.filter(([name, most]) => children.filter(({ tagName }) => tagName === name).length > most).map(([name]) => told(`<${name}> is there more than once`)),
    ...(!form.text && [...element.childNodes].some((node: Node) => node.nodeType === 3 && (node.nodeValue ?? '').trim() !== '') ? [told('text does not belong there')] : []),
    ...countFaults(element).map(told),
    ...children.flatMap(faultsOf),
  ];
}

function countFaults(element: Element): string[] {
  if (!element.tagName.startsWith('testsuite')) return [];
  const counted = { tests: 'testcase', failures: 'failure', errors: 'error', skipped: 'skipped' };
  return Object.entries(counted).flatMap(([name, tag]) => {
    const found = element.getElementsByTagName(tag).length;
    return element.hasAttribute(name) && Number(element.getAttribute(name)) !== found ? [`${name} is ${element.getAttribute(name)}, and there are ${found}`] : [];
  });
}
