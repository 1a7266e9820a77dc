import { dirname, join } from 'node:path/posix';
import { readSource } from './source-references.ts';

/** Which rooms a room may use, besides itself (ARCHITECTURE 3). */
const ARROWS: Readonly<Record<string, readonly string[]>> = (() => {
  const base = ['model', 'core'];
  const adapter = ['ports', ...base];
  const rooms: Record<string, readonly string[]> = {
    core: [],
    model: ['core'],
    ports: base,
    config: base,
    analyze: base,
    plan: base,
    generate: base,
    sync: adapter,
    validate: adapter,
    route: adapter,
    migrate: adapter,
    postgres: adapter,
    mysql: adapter,
    queue: adapter,
    dataplane: adapter,
    state: adapter,
    embedded: adapter,
  };
  const belowApp = Object.keys(rooms);
  return { ...rooms, app: belowApp, cli: ['app', ...base], index: [...belowApp, 'app'] };
})();

/** These say what things are, for every other room; nothing from npm may shape them. */
const WITHOUT_PACKAGES = new Set(['core', 'model', 'ports']);
const MAY_USE_RAW_TIME = new Set(['core', 'app', 'cli', 'embedded']);
/** What `banyan generate` copies into other people's services. The generator may use it; it stands alone. */
const TEMPLATE = 'src/generate/template/';
const LONGEST_UNEXPLAINED = 600;

/** Every rule that `file` (a path from the repository's root) breaks, one line each. */
export function violations(file: string, text: string): string[] {
  const facts = readSource(file, text);
  const room = roomOf(file);
  const isTest = file.endsWith('.test.ts');
  const found = [...nameViolations(file)];
  if (room !== undefined && !(room in ARROWS)) found.push(`${file}: src/${room} is not a room of ARCHITECTURE 3`);
  for (const reference of facts.references) {
    const problem = referenceProblem({ file, room: room ?? '', isTest, to: reference.to });
    if (problem) found.push(`${file}:${reference.line}: ${reference.kind} ${reference.to ?? '(computed)'}: ${problem}`);
  }
  if (!isTest && !MAY_USE_RAW_TIME.has(room ?? '')) {
    for (const use of facts.rawUses) found.push(`${file}:${use.line}: ${use.what} instead of core/clock.ts or injected randomness`);
  }
  if (!isTest && facts.lines > LONGEST_UNEXPLAINED && !/\blong\b|\blines\b/i.test(facts.firstComment)) {
    found.push(`${file}: ${facts.lines} lines, and its first comment does not say why it is so long`);
  }
  return found;
}

function nameViolations(file: string): string[] {
  const wrong = file
    .split('/')
    .slice(1)
    .filter((part) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(part));
  return wrong.map((part) => `${file}: ${part} is not kebab-case`);
}

function referenceProblem(options: { file: string; room: string; isTest: boolean; to: string | null }): string | undefined {
  const { file, room, isTest, to } = options;
  if (to === null) {
    const mayCompute = isTest || room === 'app' || file.startsWith(TEMPLATE);
    return mayCompute ? undefined : 'only app may load a module whose name is computed';
  }
  if (to === 'banyan' || to.startsWith('banyan/')) return 'the package imports itself; use a relative path';
  if (to.startsWith('/') || to.startsWith('file:') || to.startsWith('#')) return 'use a relative path';
  if (!to.startsWith('.')) {
    const fromNpm = !to.startsWith('node:');
    return fromNpm && !isTest && WITHOUT_PACKAGES.has(room) ? `${room} uses no npm package` : undefined;
  }
  const target = join(dirname(file), to);
  if (isTest && target.startsWith('test/support/')) return undefined;
  if (file.endsWith('.pg.test.ts') && target === 'src/postgres/connect.ts') return undefined;
  const targetRoom = roomOf(target);
  if (targetRoom === undefined) return target === 'package.json' ? undefined : 'outside src';
  if (file.startsWith(TEMPLATE) && !target.startsWith(TEMPLATE)) return 'the template of generated services stands alone';
  if (targetRoom === room) return undefined;
  return ARROWS[room]?.includes(targetRoom) ? undefined : `${room} may not use ${targetRoom}`;
}

/** `sync` for `src/sync/x.ts`, `index` for `src/index.ts`, undefined outside src. */
function roomOf(file: string): string | undefined {
  const parts = file.split('/');
  if (parts[0] !== 'src') return undefined;
  return parts.length === 2 ? parts[1]?.replace(/\.[jt]s$/, '') : parts[1];
}
