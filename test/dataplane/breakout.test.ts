import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBanyanError } from '../../src/core/errors.ts';
import { parseAllDocuments } from 'yaml';
import { Envoy } from '../../src/dataplane/envoy.ts';
import { GatewayApi } from '../../src/dataplane/gateway-api.ts';
import { Haproxy } from '../../src/dataplane/haproxy/haproxy.ts';
import { Istio } from '../../src/dataplane/istio.ts';
import { Nginx } from '../../src/dataplane/nginx.ts';
import type { DataPlane, PlanePlan } from '../../src/ports/data-plane.ts';
import { parseTemplate } from '../../src/route/path-template.ts';
import { describeRequiring } from '../support/requires.ts';
import { haproxy, haproxyRefuses } from './haproxy-process.ts';
import { plan, route } from './plan.ts';

/*
 * Whatever a user writes into banyan.yaml, an export has the same statements in the same order as one
 * of harmless words: only names and values differ. Or it is refused.
 */

const nasty = fc.string({
  unit: fc.constantFrom(...('ab.-_\'"$;{}()[]\\`#%,:=&<>|!*').split(''), ' ', '\n', '\r', '\t', '\0', '/', 'é'), minLength: 1, maxLength: 12,
});
const name = fc.oneof(nasty, fc.constantFrom('uid', 'X-User', '%[env(HOME)]', 'a b', "x';}", '${HOME}', 'q)', '*/', ']]', '--', '"'));

interface Words {
  readonly cookie: string;
  readonly header: string;
  readonly claim: string;
  readonly query: string;
  readonly host: string;
  readonly service: string;
  readonly path: string;
  readonly override: string;
  readonly method: string;
}

const HARMLESS: Words = { cookie: 'uid', header: 'x-user', claim: 'sub', query: 'q', host: 'app.shop', service: 'users', path: 'api', override: 'x-side', method: 'PUT' };

function planOf(words: Words, all: boolean): PlanePlan {
  const key = [{ cookie: words.cookie }, { header: words.header }, ...(all ? [{ jwt: words.claim }] : []), { query: words.query }, 'ip' as const];
  const path = `/${encodeURIComponent(words.path)}`;
  return plan({
    key,
    monolith: `http://${words.host}:80`,
    router: 'http://router:8080',
    shadowPercent: 5,
    overrideHeader: words.override,
    routes: [
      route(words.service, `http://${words.host}:81`, {
        percent: 12.5,
        match: [{ path: parseTemplate(`${path}/x/**`), methods: [words.method] }, { path: parseTemplate(path), methods: null }],
        adapt: all
          ? [{ from: parseTemplate(`${path}/x/{id}`), to: parseTemplate(`/v2${path}/{id}`) }]
          : [{ from: parseTemplate(`${path}/x`), to: parseTemplate('/v2') }],
      }),
    ],
  });
}

const anyWords: fc.Arbitrary<Words> = fc.record({
  cookie: name, header: name, claim: name, query: name, host: name, service: name, path: nasty, override: name, method: name,
});

/** Statements of HAProxy: a line and its words, as its own reader takes them apart. */
function haproxyWords(config: string): string[][] {
  return config.split('\n').map((line) => {
    const words: string[] = [];
    let word: string | undefined;
    for (let i = 0, quote = ''; i < line.length; i++) {
      const char = line[i] ?? '';
      if (quote === "'" ? char === "'" : quote === '"' && char === '"') quote = '';
      else if (quote !== '') word = (word ?? '') + char;
      else if (char === '#') break;
      else if (char === "'" || char === '"') [quote, word] = [char, word ?? ''];
      else if (char === ' ' || char === '\t') [word, i] = (word !== undefined && words.push(word), [undefined, i]);
      else if (char === '\\') word = (word ?? '') + (line[++i] ?? '');
      else word = (word ?? '') + char;
    }
    return word === undefined ? words : [...words, word];
  });
}

/** Statements of NGINX, as its own reader takes them apart: words, and where they end. */
function nginxStatements(config: string): string[][] {
  const statements: string[][] = [[]];
  let word: string | undefined;
  const end = (): void => {
    if (word !== undefined) statements.at(-1)?.push(word);
    word = undefined;
  };
  for (let i = 0, quote = ''; i < config.length; i++) {
    const char = config[i] ?? '';
    if (quote !== '') {
      if (char === quote) quote = '';
      else word = (word ?? '') + char + (char === '\\' ? (config[++i] ?? '') : '');
    } else if (word === undefined && (char === '"' || char === "'")) [quote, word] = [char, ''];
    else if (word === undefined && char === '#') i = config.indexOf('\n', i) - 1;
    else if (char === '$' && config[i + 1] === '{') [word, i] = [(word ?? '') + config.slice(i, config.indexOf('}', i)), config.indexOf('}', i)];
    else if (char === ';' || char === '{' || char === '}') {
      end();
      statements.at(-1)?.push(char);
      statements.push([]);
    } else if (/\s/.test(char)) end();
    else word = (word ?? '') + char + (char === '\\' ? (config[++i] ?? '') : '');
  }
  return statements;
}

const nginxShape = (config: string): string => nginxStatements(config).map((words) => `${/^(map|server|upstream|listen|location|split_clients|include|default|add_header|keepalive|(proxy|map)_\w+)$/.exec(words[0] ?? '')?.[0] ?? ''} ${words.length} ${words.at(-1)}`).join('\n');

/** A document without its texts; a script's text keeps its lines. */
function yamlShape(content: string): string {
  const bare = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') return value.split('\n').length;
    if (Array.isArray(value)) return value.map((each) => bare(each, key));
    if (typeof value !== 'object' || value === null) return typeof value;
    // Names of headers are keys in Istio.
    const named = key === 'headers' || key === 'set';
    // A host may say a namespace or not.
    return Object.entries(value).filter(([name]) => name !== 'namespace').map(([name, each]) => [named ? '' : name, bare(each, name)]);
  };
  return JSON.stringify(parseAllDocuments(content).map((document) => bare(document.toJS(), '')));
}

/** What does not depend on any user's word. */
const shape = (config: string): string => haproxyWords(config).map((words) => `${words.slice(0, 2).join(' ').replaceAll(/_service_\S+|banyan_\w+_\d_\w+|\(.*|\d+/g, '')} ${words.length}`).join('\n');

interface Format {
  readonly plane: DataPlane;
  /** Whether it can carry claims over, and adapters with parameters. */
  readonly all: boolean;
  /** In the place of a host, a statement more. */
  readonly planted: string;
  readonly shape: (files: readonly string[]) => string;
}

const FORMATS: Readonly<Record<string, Format>> = {
  haproxy: { plane: new Haproxy({ socket: '/run/banyan.sock' }), all: true, planted: 'a\n    acl x always_true', shape: ([config = '', map = '']) => `${shape(config)}${map.split('\n').length}` },
  nginx: { plane: new Nginx(), all: false, planted: 'a; return 200', shape: (files) => files.map(nginxShape).join('') },
  envoy: { plane: new Envoy(), all: true, planted: 'a\n---\nb: c', shape: (files) => files.map(yamlShape).join('') },
  istio: { plane: new Istio(), all: true, planted: 'a\n---\nb: c', shape: (files) => files.map(yamlShape).join('') },
  'gateway-api': { plane: new GatewayApi(), all: false, planted: 'a\n---\nb: c', shape: (files) => files.map(yamlShape).join('') },
};

describe.each(Object.entries(FORMATS))('an export for %s', (_name, format) => {
  const contents = (words: Words): string[] => format.plane.render(planOf(words, format.all)).files.map(({ content }) => content);
  // A path of plain letters is compared as it is, any other by an expression.
  const wanted = [HARMLESS, ...(format.all || format.plane instanceof Nginx ? [{ ...HARMLESS, path: "a'b" }] : [])].map((words) => format.shape(contents(words)));

  it('is of one shape or refused, whatever is in the configuration', () => {
    let refused = 0;
    fc.assert(
      fc.property(anyWords, fc.subarray(Object.keys(HARMLESS) as (keyof Words)[], { minLength: 1, maxLength: 2 }), (words, fields) => {
        // One or two words at a time: with nine, some other one would be refused nearly always.
        const mixed = { ...HARMLESS, ...Object.fromEntries(fields.map((field) => [field, words[field]])) };
        let files: string[];
        try {
          files = contents(mixed);
        } catch (error) {
          if (!isBanyanError(error, 'BANYAN_PLANE_UNSUPPORTED')) throw error;
          refused++;
          return;
        }
        expect(wanted).toContain(format.shape(files));
      }),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(20);
    expect(refused).toBeLessThan(380);
  });

  it('of another shape would be seen', () => {
    const planted = contents(HARMLESS).map((content) => content.replaceAll(/\bapp(\.shop)?\b/g, format.planted));
    expect(format.shape(planted)).not.toBe(wanted[0]);
  });
});

describeRequiring(haproxy.absence, 'HAProxy itself', () => {
  it('takes what is exported, with any path', async () => {
    const render = (words: Words): Promise<string> => {
      const [config, map] = new Haproxy({ socket: '/tmp/banyan-never-bound.sock' }).render(planOf(words, true)).files;
      return haproxyRefuses(config?.content ?? '', { 'banyan.map': map?.content ?? '' });
    };
    expect(await render({ ...HARMLESS, host: '127.0.0.1' })).toBe('');
    for (const path of fc.sample(nasty, { numRuns: 8, seed: 7 })) expect(await render({ ...HARMLESS, host: '127.0.0.1', path }), path).toBe('');
    expect(await haproxyRefuses('frontend x\n    nonsense\n')).toContain('nonsense');
  });
});
