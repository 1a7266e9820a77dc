import { BanyanError } from '../core/errors.ts';

/** One thing wrong with a configuration file. */
export interface ConfigIssue {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The key's path, `services.accounts.tables[0]`; empty for the file as a whole. */
  readonly path: string;
  /** What stands there; never a secret. */
  readonly found: string;
  readonly expected: string;
  /** `Did you mean "tables"?` and the like. */
  readonly hint?: string;
}

export type Path = readonly (string | number)[];

/** A path as people read it: `services.accounts.tables[0].table`, odd keys in `["…"]`. */
export function showPath(path: Path): string {
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return i === 0 ? part : `.${part}`;
    })
    .join('');
}

const MOST_SHOWN = 20;

/** All issues of one file as a BANYAN_CONFIG, in the order of their lines; `details.issues` has each. */
export function configError(file: string, issues: readonly ConfigIssue[]): BanyanError {
  const inOrder = [...issues].sort((a, b) => a.line - b.line || a.column - b.column);
  const lines = inOrder.slice(0, MOST_SHOWN).map((issue) => showIssue(file, issue));
  if (inOrder.length > MOST_SHOWN) lines.push(`and ${inOrder.length - MOST_SHOWN} more`);
  return new BanyanError('BANYAN_CONFIG', {
    message: lines.join('\n'),
    details: { file, issues: inOrder },
  });
}

function showIssue(file: string, issue: ConfigIssue): string {
  const where = `${file}:${issue.line}:${issue.column}: ${issue.path === '' ? '' : `${issue.path}: `}`;
  return `${where}found ${issue.found}; expected ${issue.expected}.${issue.hint === undefined ? '' : ` ${issue.hint}`}`;
}
