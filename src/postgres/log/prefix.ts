import { BanyanError } from '../../core/errors.ts';

/** How the lines of a server's log begin. */
export interface LinePrefix {
  /** As `log_line_prefix` says it, or words about what was found. */
  readonly text: string;
  /** Matches, at a line's begin, the prefix with the severity and its colon; groups below. */
  readonly pattern: RegExp;
  /** The numbers of groups; 0 where the prefix does not have it. */
  readonly groups: { readonly session: number; readonly database: number; readonly transaction: number; readonly time: number; readonly severity: number };
}

const SEVERITY = '(LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|DEBUG[1-5]?|DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT|BACKTRACE): {2}';
const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?(?: (?:[A-Z]{2,5}|[+-]\d\d(?::?\d\d)?|<[^>]+>))?`;

// Bounded, so that a long line full of at-signs takes no long time.
const NAME = String.raw`[^\n]{0,64}?`;
const HOST = String.raw`\S{0,255}?`;

/** What each escape of log_line_prefix writes. */
const ESCAPES: Readonly<Record<string, string>> = {
  a: NAME, u: NAME, d: NAME, b: NAME, i: NAME, r: HOST, h: HOST, L: HOST,
  p: String.raw`\d+`, P: String.raw`\d*`, t: TIME, m: TIME, n: String.raw`\d+\.\d+`, e: '[0-9A-Z]{5}',
  c: String.raw`[0-9a-f]+\.[0-9a-f]+`, l: String.raw`\d+`, s: TIME, v: String.raw`(?:-?\d+\/\d+)?`, x: String.raw`\d*`, Q: String.raw`-?\d*`,
};

/** Prefixes that people and packagers use, the most telling first: of two that fit all lines alike, the first is taken. */
const USUAL = [
  '%m [%p] %q%u@%d ', '%t [%p] %q%u@%d ', '%t:%r:%u@%d:[%p]:', '%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:',
  '%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ', '%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ', '%t [%p]: [%l-1] user=%u,db=%d,client=%h ', '%t [%p]: [%l-1] user=%u,db=%d ',
  '%t [%p]: user=%u,db=%d,app=%a,client=%h ', '%m [%p]: user=%u,db=%d,app=%a,client=%h ', '%m [%p] user=%u,db=%d,app=%a,client=%h ', '%t [%p]: [%l-1] %u@%d ', '%m %u@%d [%p] ', '%m [%p] %u@%d/%a ', '%m [%p] %v %x ',
  '%m [%c] ', '%m [%p] [%v] ', '%m [%p] ', '%t [%p] ', '%t [%p]: [%l-1] ', '%t [%p]: ', '%m [%p]: ', '%n [%p] ', '[%p] ', '<%m> ', '%m ', '%t ', '',
];

/**
 * Understands a `log_line_prefix`.
 * @throws BANYAN_LOG_PREFIX for an escape that no server knows.
 */
export function parsePrefix(prefix: string): LinePrefix {
  const groups = { session: 0, database: 0, transaction: 0, time: 0, severity: 0 };
  let count = 0;
  let [pattern, optional] = ['', false];
  let sessionBy = '';
  for (const [, padded, letter, plain] of prefix.matchAll(/%(-?\d*)([A-Za-z%])|([^%]+|%)/g)) {
    if (letter === undefined) pattern += escaped(plain ?? '');
    else if (letter === '%') pattern += '%';
    else if (letter === 'q') {
      // Processes that serve no session stop here.
      if (!optional) pattern += '(?:';
      optional = true;
    } else {
      const written = ESCAPES[letter];
      if (written === undefined) throw new BanyanError('BANYAN_LOG_PREFIX', { message: `The prefix "${prefix}" has %${letter}, which log_line_prefix does not know.` });
      count += 1;
      pattern += padded === '' ? `(${written})` : ` *(${written}) *`;
      if (letter === 'c' || (letter === 'p' && sessionBy !== 'c')) [groups.session, sessionBy] = [count, letter];
      if (letter === 'd') groups.database = count;
      if (letter === 'v') groups.transaction = count;
      if (letter === 't' || letter === 'm') groups.time = count;
    }
  }
  groups.severity = count + 1;
  // log_line_prefix is often given without the blank at its end.
  return { text: prefix, pattern: new RegExp(`${pattern}${optional ? ')?' : ''} ?${SEVERITY}`, 'y'), groups };
}

/** Any line that begins a message: how it begins, then its severity. */
const ANY = new RegExp(String.raw`(?=(?:[^\n]*?[^\dA-Za-z.](\d+)\])?)(?=(?:[^\n]*?\b([0-9a-f]{8}\.[0-9a-f]+)\b)?)(?=(?:[^\n]{0,40}?(${TIME}))?)[^\n]{0,300}?\b${SEVERITY}`, 'y');

/**
 * The prefix of a log whose begin is given: of the usual ones, the one that most lines begin with; else
 * a process in brackets, or a session id, or nothing. Undefined if no line looks like a server's message.
 */
export function recognisePrefix(sample: string): LinePrefix | undefined {
  const lines = sample.split('\n').slice(0, 2000).filter((line) => line !== '' && !line.startsWith('\t'));
  const fits = ({ pattern }: LinePrefix): number => lines.filter((line) => matchesAt(pattern, line)).length;
  const anyhow = lines.filter((line) => matchesAt(ANY, line)).length;
  if (anyhow === 0) return undefined;
  let best: { readonly prefix: LinePrefix; readonly count: number } | undefined;
  for (const usual of USUAL) {
    const prefix = parsePrefix(usual);
    const count = fits(prefix);
    if (count > (best?.count ?? 0)) best = { prefix, count };
  }
  if (best && best.count >= anyhow * 0.98) return best.prefix;
  return { text: 'recognised by its parts', pattern: sessionPattern(lines), groups: { session: 1, database: 0, transaction: 0, time: 2, severity: 3 } };
}

/** A session id if there is one, else a process in brackets. */
function sessionPattern(lines: readonly string[]): RegExp {
  const sessions = [String.raw`\b([0-9a-f]{8}\.[0-9a-f]+)\b`, String.raw`\[(\d+)\]`, String.raw`\bpid[=:] ?(\d+)`];
  const counts = sessions.map((session) => lines.filter((line) => new RegExp(`^[^\\n]{0,200}?${session}[^\\n]{0,200}?\\b${SEVERITY}`).test(line)).length);
  const most = Math.max(...counts);
  const session = most === 0 ? '()' : `(?:[^\\n]{0,200}?${sessions[counts.indexOf(most)] ?? '()'})`;
  return new RegExp(`(?=${session})(?=(?:[^\\n]{0,40}?(${TIME}))?)[^\\n]{0,300}?\\b${SEVERITY}`, 'y');
}

function matchesAt(pattern: RegExp, line: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(line);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
