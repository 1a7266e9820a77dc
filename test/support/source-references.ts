import { parseSync } from 'oxc-parser';

/** One place where a source file names another module. */
export interface Reference {
  /** The module as written; null when it is computed at run time. */
  readonly to: string | null;
  readonly kind: 'import' | 'export' | 'dynamic import' | 'import type' | 'require' | 'augmentation' | 'file URL';
  readonly line: number;
}

/** One use of the machine's own time or chance. */
export interface RawUse {
  readonly what: string;
  readonly line: number;
}

export interface SourceFacts {
  readonly references: readonly Reference[];
  readonly rawUses: readonly RawUse[];
  readonly lines: number;
  /** The text of a comment that stands before all code; empty without one. */
  readonly firstComment: string;
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string; readonly start: number };

/** Reads a TypeScript file and fails on a syntax error: a file that could not be read proves nothing. */
export function readSource(file: string, text: string): SourceFacts {
  const { program, errors, comments } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors.map((error) => error.message).join('; ')}`);
  const references: Reference[] = [];
  const rawUses: RawUse[] = [];
  const lineOf = (node: Node) => text.slice(0, node.start).split('\n').length;
  const refer = (kind: Reference['kind'], node: Node, target: unknown) =>
    references.push({ to: literalText(target), kind, line: lineOf(node) });

  visit(program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
        refer('import', node, node['source']);
        break;
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        if (node['source']) refer('export', node, node['source']);
        break;
      case 'ImportExpression':
        refer('dynamic import', node, node['source']);
        break;
      case 'TSImportType':
        refer('import type', node, node['source'] ?? node['argument']);
        break;
      case 'TSExternalModuleReference':
        refer('require', node, node['expression']);
        break;
      case 'TSModuleDeclaration':
        if (isNode(node['id']) && node['id'].type === 'Literal') refer('augmentation', node, node['id']);
        break;
      case 'CallExpression': {
        const callee = nameOf(node['callee']);
        const [first] = argumentsOf(node);
        if (callee === 'require' || callee === 'require.resolve') refer('require', node, first);
        if (callee === 'import.meta.resolve' || /^vi\.(mock|doMock|importActual)$/.test(callee)) refer('dynamic import', node, first);
        break;
      }
      case 'NewExpression': {
        const [first, second] = argumentsOf(node);
        const target = literalText(first);
        const isCode = nameOf(node['callee']) === 'URL' && nameOf(second) === 'import.meta.url' && /\.[jt]s$/.test(target ?? '');
        if (isCode) refer('file URL', node, first);
        break;
      }
    }
    const raw = rawUse(node);
    if (raw) rawUses.push({ what: raw, line: lineOf(node) });
  });

  const firstCode = program.body[0]?.start ?? text.length;
  const firstComment = comments.find((comment) => comment.end <= firstCode)?.value.trim() ?? '';
  return { references, rawUses, lines: text.replace(/\n$/, '').split('\n').length, firstComment };
}

const RAW_CALLS = /^(globalThis\.)?(setTimeout|setInterval|Date\.now|Math\.random|performance\.now|process\.hrtime)$/;

/** Clocks and chance read past the ports in core; also when only handed on, as in `now: Date.now`. */
function rawUse(node: Node): string | undefined {
  if (node.type === 'MemberExpression') {
    const name = nameOf(node);
    if (RAW_CALLS.test(name)) return name;
  }
  if (node.type === 'CallExpression' && /^set(Timeout|Interval)$/.test(nameOf(node['callee']))) return nameOf(node['callee']);
  if (node.type === 'NewExpression' && nameOf(node['callee']) === 'Date' && argumentsOf(node).length === 0) return 'new Date()';
  if (node.type === 'ImportDeclaration') {
    const source = literalText(node['source']) ?? '';
    if (/^(node:)?timers(\/promises)?$/.test(source)) return source;
  }
  return undefined;
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (isNode(value)) see(value);
  for (const child of Object.values(value)) visit(child, see);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value;
}

function argumentsOf(node: Node): readonly unknown[] {
  const list = node['arguments'];
  return Array.isArray(list) ? list : [];
}

/** The string of a literal, or of a template without holes; null for anything computed. */
function literalText(value: unknown): string | null {
  if (!isNode(value)) return null;
  if (value.type === 'TSLiteralType') return literalText(value['literal']);
  if (value.type === 'Literal' && typeof value['value'] === 'string') return value['value'];
  const quasis = value['quasis'];
  if (value.type === 'TemplateLiteral' && Array.isArray(quasis) && quasis.length === 1) {
    const quasi = quasis[0] as { value: { cooked: string | null } };
    return quasi.value.cooked;
  }
  return null;
}

/** `a.b.c` of nested member expressions; an empty string for anything else. */
function nameOf(value: unknown): string {
  if (!isNode(value)) return '';
  switch (value.type) {
    case 'Identifier':
      return String(value['name']);
    case 'MetaProperty':
      return 'import.meta';
    case 'MemberExpression': {
      const property = value['property'];
      const key = value['computed'] === true ? literalText(property) : nameOf(property);
      return `${nameOf(value['object'])}.${key ?? ''}`;
    }
    default:
      return '';
  }
}
