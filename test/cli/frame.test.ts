import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import type { ApplicationContext } from '../../src/app/application.ts';
import { BanyanError } from '../../src/core/errors.ts';
import { createProgram } from '../../src/cli/program.ts';
import { Frame } from '../../src/cli/frame.ts';
import { ManualClock, run } from './harness.ts';

const boom = new BanyanError('BANYAN_CONNECT', {
  message: 'Cannot reach postgres://u@h/d.',
  remedy: 'Start it.',
  details: { port: 5432n },
  cause: new Error('refused by postgres://u:secret@h/d', { cause: 'deep' }),
});
const failing = (thrown: unknown) => ({ application: () => ({ doctor: () => Promise.reject(thrown) }) });

describe('an error', () => {
  test('is code, message and remedy on stderr', async () => {
    const { code, stdout, stderr } = await run(['doctor'], failing(boom));
    expect(stderr).toBe('BANYAN_CONNECT: Cannot reach postgres://u@h/d.\nremedy: Start it.\n');
    expect(stdout).toBe('');
    expect(code).toBe(3);
  });

  test('with --json, also a document on stdout', async () => {
    const { code, stdout, stderr } = await run(['doctor', '--json'], failing(boom));
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'BANYAN_CONNECT', message: 'Cannot reach postgres://u@h/d.', remedy: 'Start it.', details: { port: '5432' } },
    });
    expect(stderr).toContain('BANYAN_CONNECT');
    expect(code).toBe(3);
  });

  test('with -v, its causes too, without secrets', async () => {
    const { stderr } = await run(['-v', 'doctor'], failing(boom));
    expect(stderr).toContain('  caused by: refused by postgres://u:***@h/d\n  caused by: deep\n');
  });

  test('that nobody foresaw is BANYAN_INTERNAL, without secrets', async () => {
    const { code, stdout, stderr } = await run(['doctor', '--json'], failing(new TypeError('x of postgres://u:secret@h')));
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'BANYAN_INTERNAL', message: 'x of postgres://u:***@h' } });
    expect(stderr).toContain('BANYAN_INTERNAL: x of postgres://u:***@h\n');
    expect(code).toBe(3);
  });

  test('while loading the application is reported as any other', async () => {
    expect(await run(['doctor'], { loadFails: boom })).toMatchObject({ code: 3, stdout: '' });
  });

  test.each([
    ['BANYAN_CONFIG', 2],
    ['BANYAN_CONFIG_NOT_FOUND', 2],
    ['BANYAN_SERVICE_UNKNOWN', 2],
    ['BANYAN_TABLE_NAME', 2],
    ['BANYAN_TABLE_UNKNOWN', 2],
    ['BANYAN_USAGE', 2],
    ['BANYAN_TIMEOUT', 3],
    ['BANYAN_ABORTED', 3],
    ['BANYAN_INTERNAL', 3],
  ] as const)('%s ends with %i', async (code, exit) => {
    expect((await run(['doctor'], failing(new BanyanError(code, { message: 'm' })))).code).toBe(exit);
  });

  test.each([
    ['a password', Object.assign(new Error('password authentication failed for user "u"'), { code: '28P01' }), 'password authentication failed for user "u"'],
    ['a database', Object.assign(new Error('database "x" does not exist'), { code: '3D000' }), 'database "x" does not exist'],
    ['a host', Object.assign(new Error('getaddrinfo ENOTFOUND h'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }), 'getaddrinfo ENOTFOUND h'],
    ['a port, by every address', new AggregateError(['::1', '127.0.0.1'].map((host) => Object.assign(new Error(`connect ECONNREFUSED ${host}`), { code: 'ECONNREFUSED', syscall: 'connect' }))), 'connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1'],
    ['an answer', new Error('timeout expired'), 'timeout expired'],
  ])('of a connection for want of %s is no fault of the program', async (_, thrown, reason) => {
    const { code, stdout, stderr } = await run(['doctor', '--json'], failing(thrown));
    expect([code, JSON.parse(stdout)]).toMatchObject([3, { error: { code: 'BANYAN_CONNECT', message: `A database could not be reached, or refused the connection: ${reason}` } }]);
    expect(stderr).not.toContain('fault in Banyan');
  });

  test('of several lines is indented', async () => {
    const { stderr } = await run(['doctor'], failing(new BanyanError('BANYAN_CONFIG', { message: 'a:1\nb:2\u001B' })));
    expect(stderr).toMatch(/^BANYAN_CONFIG: a:1\n {2}b:2\\x1b\nremedy: /);
  });
});

describe('wrong usage ends with 2 and one clear message', () => {
  test.each([
    ['', 'banyan needs a command; expected one of demo, doctor, analyze, plan, check, runbook, provision, sync, validate, reconcile, review, generate, route, migrate, rehearse, config, help.'],
    ['bogus --x', 'banyan has no command "bogus"; expected one of demo, doctor, analyze, plan, check, runbook, provision, sync, validate, reconcile, review, generate, route, migrate, rehearse, config, help.'],
    ['--bogus', 'banyan has no option --bogus.'],
    ['sync', 'banyan sync needs a command; expected one of run, wait, status, pause, resume, resync, conflicts, quarantine.'],
    ['sync bogus', 'banyan sync has no command "bogus"; expected one of run, wait, status, pause, resume, resync, conflicts, quarantine.'],
    ['route -z', 'banyan route has no option -z.'],
    ['config', 'banyan config needs a command; expected one of schema, check.'],
    ['help bogus', 'banyan has no command "bogus".'],
    ['help sync bogus', 'banyan sync has no command "bogus".'],
    ['doctor extra', "Too many arguments for 'doctor'. Expected 0 arguments but got 1."],
    ['doctor --jsn', "Unknown option '--jsn' (Did you mean --json?)"],
    ['doctor -c', "Option '-c, --config <file>' argument missing."],
    ['provision', "Missing required argument 'service'."],
    ['migrate', 'banyan migrate needs a service, or one of status, rollback, report.'],
    ['migrate rollback a --to b', 'banyan migrate rollback has no option --to.'],
    ['migrate --yes status', 'banyan migrate status has no option --yes.'],
    ['sync quarantine bogus', "Too many arguments for 'quarantine'. Expected 0 arguments but got 1."],
    ['migrate rollback', "Missing required argument 'service'."],
    ['analyze --db postgres://a --schema b', "Option '--db <url>' cannot be used with option '--schema <file>'."],
    ['analyze --schema b --watch 1', "Option '--watch <seconds>' cannot be used with option '--schema <file>'."],
    ['analyze --services 0', "Option '--services <number>' argument '0' is invalid. Expected a whole number from 1 to 1000."],
    ['analyze --services 1.5', "Option '--services <number>' argument '1.5' is invalid. Expected a whole number from 1 to 1000."],
    ['analyze --keep a', "Option '--keep <tables>' argument 'a' is invalid. Expected at least two tables separated by commas."],
    ['analyze --apart a,,b', "Option '--apart <tables>' argument 'a,,b' is invalid. Expected names separated by commas."],
    ['analyze --max-tables 0', "Option '--max-tables <number>' argument '0' is invalid. Expected a whole number from 1 to 1000."],
    ['sync wait --timeout soon', "Option '--timeout <seconds>' argument 'soon' is invalid. Expected a number, at least 0."],
    ['validate --source postgres://a', '--source and --target go together.'],
    ['validate --source postgres://a/x --target postgres://b/y --rules-only', 'Rules are those of banyan.yaml; --source and --target have none.'],
    ['validate --level deep', "Option '--level <level>' argument 'deep' is invalid. Allowed choices are count, sample, checksum, full."],
    ['validate --tables a,,b', "Option '--tables <names>' argument 'a,,b' is invalid. Expected names separated by commas."],
    ['route set accounts', "Expected a percentage, or an option that says what is to change."],
    ['route set accounts 101', "Command-argument value '101' is invalid for argument 'percent'. Expected a number from 0 to 100."],
    ['route set accounts 10 --step 5', '--step and --every go together.'],
    ['generate -o out', "Required option '--service <name>' not specified."],
    ['plan', "Required option '-i, --input <file>' not specified."],
    ['plan -i x -f xml', "Option '-f, --format <format>' argument 'xml' is invalid. Allowed choices are json, text, both, markdown, mermaid."],
    ['check --before a --after b --type soap', "Option '--type <type>' argument 'soap' is invalid. Allowed choices are database, api, graphql, schema."],
    ['route export -o x', "Required option '--format <format>' not specified."],
    ['review approve', "Missing required argument 'id'."],
    ['review approve 7', 'review approve needs either --side monolith or service, or --row with a JSON object.'],
    ['review approve 7 --row {"a":1}', "--row: found a with a number; expected a JSON object of texts and nulls: '{\"name\":\"Ann\",\"balance\":\"12.30\"}'."],
    ['review approve 7 --row [] --side service', 'review approve needs either --side monolith or service, or --row with a JSON object.'],
    ['reconcile --target postgres://a', '--source and --target go together.'],
    ['reconcile list --record postgres://a', '--record goes with --source and --target; the configuration has `state.url`.'],
    ['reconcile --policy mine', "Option '--policy <policy>' argument 'mine' is invalid. Allowed choices are monolith-wins, service-wins, newest-wins, conflict-strategy, review."],
  ])('banyan %s', async (line, message) => {
    const argv = line === '' ? [] : line.split(' ');
    const plain = await run(argv);
    expect(plain.stderr).toBe(`BANYAN_USAGE: ${message}\nremedy: Run the command with --help; it ends with an example.\n`);
    expect(plain).toMatchObject({ code: 2, stdout: '', calls: [] });
    const json = await run([...argv, '--json']);
    if (line.endsWith('-c')) return; // --json is then the file's name
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'BANYAN_USAGE' } });
  });

  test('an empty value is refused', async () => {
    expect((await run(['provision', ' '])).stderr).toContain("Expected something that is not empty.");
  });
});

describe('what is not built yet says so', () => {
  test.each([
    'rehearse accounts',
  ])('banyan %s', async (line) => {
    const { code, stderr, stdout } = await run([...line.split(' '), '--json']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^BANYAN_NOT_AVAILABLE: banyan .* is not available yet\.\n/);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'BANYAN_NOT_AVAILABLE' } });
  });
});

/** Every command of the program by the words that call it. */
function commandsOf(command: Command, words: readonly string[] = []): (readonly string[])[] {
  return [words, ...command.commands.flatMap((sub) => commandsOf(sub, [...words, sub.name()]))];
}

const silent = { write: () => true };
const program = createProgram({ stdout: silent, stderr: silent, version: '' }, new Frame({
  argv: [], env: {}, stdout: silent, stderr: silent, signals: process, exit: () => {}, clock: new ManualClock(), version: '',
  loadApplication: () => Promise.reject(new Error('not needed')),
}));

describe('help', () => {
  test.each(commandsOf(program).map((words) => words.join(' ')))('banyan %s --help has an example that works', async (line) => {
    const words = line === '' ? [] : line.split(' ');
    const { code, stdout, stderr } = await run([...words, '--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const examples = [...stdout.matchAll(/^ {2}\$ banyan (.*)$/gm)].map((match) => match[1]!.replace(/ > .*$/, ''));
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      expect([0, 3], example).toContain((await run(example.split(' '))).code);
    }
  });

  test('lists the options that every command has', async () => {
    const { stdout } = await run(['sync', 'quarantine', 'discard', '--help']);
    for (const option of ['-c, --config', '--json', '-q, --quiet', '-v, --verbose', '--dry-run', '--yes']) expect(stdout).toContain(option);
  });

  test('is also printed by banyan help', async () => {
    expect((await run(['help', 'sync', 'run'])).stdout).toBe((await run(['sync', 'run', '--help'])).stdout);
    expect((await run(['help'])).stdout).toBe((await run(['--help'])).stdout);
  });

  test('explains the exit codes', async () => {
    const { code, stdout } = await run(['help', 'exit-codes']);
    expect(code).toBe(0);
    for (const exit of ['0 ', '1 ', '2 ', '3 ', '130 ']) expect(stdout).toContain(`\n  ${exit}`);
  });

  test('the version', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: '9.9.9\n' });
  });
});

describe('what every command gets', () => {
  test('the configuration file, before or after the command', async () => {
    expect((await run(['doctor'])).context?.configFile).toBe('banyan.yaml');
    expect((await run(['-c', 'a.yaml', 'doctor'])).context?.configFile).toBe('a.yaml');
    expect((await run(['sync', 'status', '--config', 'b.yaml'])).context?.configFile).toBe('b.yaml');
  });

  test.each([
    [[], 'info', 'text', ['I', 'W', 'E']],
    [['-v'], 'info', 'text', ['D', 'I', 'W', 'E']],
    [['-q'], 'debug', 'text', ['E']],
  ] as const)('a logger at the level of %j', async (flags, level, format, lines) => {
    const { stderr } = await run(['doctor', ...flags], {
      application: ({ logging }) => ({
        doctor: () => {
          const logger = logging.logger({ level, format });
          logger.debug('D');
          logger.info('I');
          logger.warn('W');
          logger.error('E');
          return Promise.resolve({ ok: true, checks: [] });
        },
      }),
    });
    expect(stderr.split('\n').filter(Boolean).map((line) => line.at(-1))).toEqual(lines);
  });

  test('colours on a terminal, unless NO_COLOR or a dumb terminal', async () => {
    const coloured = (env: Record<string, string>) => run(['sync', 'wait'], { terminal: true, env }).then(({ stdout }) => stdout.includes('\u001B['));
    expect(await coloured({})).toBe(true);
    expect(await coloured({ NO_COLOR: '1' })).toBe(false);
    expect(await coloured({ TERM: 'dumb' })).toBe(false);
    expect((await run(['sync', 'wait'])).stdout).not.toContain('\u001B[');
  });

  const asking = (answers: boolean[]) => ({
    application: ({ confirm }: { confirm: (question: string) => Promise<boolean> }) => ({
      migrate: async () => {
        answers.push(await confirm('Close the way back?'));
        return { service: 'a', stage: 's', gates: [], history: [] };
      },
    }),
  });

  test.each([['y', true], ['YES ', true], ['n', false], ['', false], ['yep', false]])('a question answered with %j', async (answer, expected) => {
    const answers: boolean[] = [];
    const { stderr } = await run(['migrate', 'a'], { ...asking(answers), answer });
    expect(answers).toEqual([expected]);
    expect(stderr).toBe('Close the way back? [y/N] ');
  });

  test('--yes answers it', async () => {
    const answers: boolean[] = [];
    await run(['migrate', 'a', '--yes'], { ...asking(answers), answer: 'n' });
    expect(answers).toEqual([true]);
  });

  test('a question that is interrupted by Ctrl-C is BANYAN_ABORTED, one that fails is a failure', async () => {
    const migrate = (interrupt: boolean) => ({
      answer: new Error('no answer'),
      application: ({ confirm }: ApplicationContext, signals: EventEmitter) => ({
        migrate: async () => {
          if (interrupt) signals.emit('SIGINT');
          await confirm('Sure?');
          return { service: 'a', stage: 's', gates: [], history: [] };
        },
      }),
    });
    expect((await run(['migrate', 'a'], migrate(true))).stderr).toContain('BANYAN_ABORTED');
    expect((await run(['migrate', 'a'], migrate(false))).stderr).toContain('no answer');
  });

  test('a question that nobody can answer is wrong usage', async () => {
    const { code, stderr } = await run(['migrate', 'a'], asking([]));
    expect(code).toBe(2);
    expect(stderr).toBe(
      'BANYAN_USAGE: Close the way back? Nobody can be asked: there is no terminal.\nremedy: Run it with --yes, or first with --dry-run to see what it would do.\n',
    );
  });
});

describe('Ctrl-C', () => {
  test('the first drains, the second ends at once with 130', async () => {
    const { code, stderr, exits } = await run(['sync', 'run'], {
      application: ({ signal }, signals) => ({
        syncRun: () =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              signals.emit('SIGTERM');
              resolve({ stopped: 'requested', streams: [] });
            });
            signals.emit('SIGINT');
          }),
      }),
    });
    expect(stderr).toContain('Stopping: draining what is under way.');
    expect(exits).toEqual([130]);
    expect(code).toBe(0);
  });

  test('what gave up because of it fails with BANYAN_ABORTED', async () => {
    const { code, stderr } = await run(['validate'], {
      application: ({ signal }, signals) => ({
        validate: () => {
          signals.emit('SIGINT');
          signal.throwIfAborted();
          return Promise.reject(new Error('the signal was not aborted'));
        },
      }),
    });
    expect(stderr).toContain('BANYAN_ABORTED: Stopped on request.');
    expect(code).toBe(3);
  });

  test('nobody listens after the command, whether it succeeded or failed', async () => {
    let during = 0;
    const doctor = (thrown?: Error) => (_context: unknown, signals: EventEmitter) => ({
      doctor: () => {
        during += signals.listenerCount('SIGINT') + signals.listenerCount('SIGTERM');
        return thrown === undefined ? Promise.resolve({ ok: true, checks: [] }) : Promise.reject(thrown);
      },
    });
    expect((await run(['doctor'], { application: doctor() })).listening).toBe(0);
    expect((await run(['doctor'], { application: doctor(new Error('x')) })).listening).toBe(0);
    expect(during).toBe(4);
  });
});
