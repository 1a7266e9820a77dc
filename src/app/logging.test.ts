import { expect, test } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { BanyanError } from '../core/errors.ts';
import type { LogFormat, LogLevel } from './application.ts';
import { createLogging, type LoggingOptions } from './logging.ts';

const clock: Clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6), monotonic: () => 0, sleep: () => Promise.resolve() };

function setup(wanted: { level?: LogLevel; format?: LogFormat } = {}, options: Partial<LoggingOptions> & { isTTY?: boolean } = {}) {
  let written = '';
  const output = { write: (text: string) => (written += text), isTTY: options.isTTY };
  const logging = createLogging({ output, clock, ...options });
  const logger = logging.logger({ level: 'info', format: 'auto', ...wanted });
  return { logger, text: () => written, documents: () => written.trim().split('\n').map((line) => JSON.parse(line) as unknown) };
}

test('a line is one JSON document', () => {
  const { logger, documents } = setup();
  logger.child({ service: 'accounts' }).info('caught up', { lagMs: 12, position: 5n, at: new Date(0) });
  expect(documents()).toEqual([
    { level: 'info', time: '2026-01-02T03:04:05.006Z', service: 'accounts', lagMs: 12, position: '5', at: '1970-01-01T00:00:00.000Z', message: 'caught up' },
  ]);
});

test('on a terminal it is text', () => {
  const { logger, text } = setup({}, { isTTY: true });
  logger.warn('slow', { lagMs: 12, why: 'two words', who: 'x' });
  expect(text()).toBe('03:04:05.006 WARN  slow lagMs=12 why="two words" who=x\n');
});

test.each([
  ['text', false, /^03:04/],
  ['json', true, /^\{/],
  ['auto', false, /^\{/],
] as const)('format %s with terminal %s', (format, isTTY, pattern) => {
  const { logger, text } = setup({ format }, { isTTY });
  logger.error('x');
  expect(text()).toMatch(pattern);
});

test('the level of the options wins over the configured one', () => {
  const { logger, text } = setup({ level: 'debug' }, { level: 'error' });
  logger.debug('a');
  logger.info('b');
  logger.warn('c');
  expect(text()).toBe('');
  const configured = setup({ level: 'warn' });
  configured.logger.info('a');
  configured.logger.warn('b');
  expect(configured.documents()).toHaveLength(1);
});

test('no secret is written, wherever it stands', () => {
  const { logger, text } = setup({ level: 'debug' });
  const url = 'postgres://u:s3cret@h/d?password=s3cret';
  const cause = new Error(`refused ${url}`, { cause: new Error(url) });
  const error = new BanyanError('BANYAN_CONNECT', { message: `no ${url}`, cause, details: { url, password: 's3cret' } });
  logger.child({ url, token: 's3cret' }).debug(`connecting to ${url}, then "${url}"`, {
    url,
    Password: 's3cret',
    nested: { list: [url, { authorization: 's3cret' }] },
    map: new Map([['a', url]]),
    set: new Set([url]),
    error,
  });
  expect(text()).not.toContain('s3cret');
  expect(text()).toContain('postgres://u:***@h/d');
});

test('an error is code, message, remedy, details and causes', () => {
  const { logger, documents } = setup();
  const system = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  logger.error('failed', { error: new BanyanError('BANYAN_CONNECT', { message: 'no', remedy: 'start it', cause: system, details: { port: 1 } }) });
  expect(documents()).toMatchObject([
    { error: { code: 'BANYAN_CONNECT', message: 'no', remedy: 'start it', details: { port: 1 }, cause: { code: 'ECONNREFUSED', message: 'refused' } } },
  ]);
});

test('what contains itself ends', () => {
  const { logger, documents } = setup();
  const round: Record<string, unknown> = { plain: null, flag: true };
  round['self'] = round;
  const error = new Error('loop');
  error.cause = error;
  logger.info('round', { round, error });
  expect(documents()).toHaveLength(1);
});
