/** A path template, ready to match. */
export interface PathTemplate {
  /** One entry per segment: a literal, or null for any single segment. */
  readonly segments: readonly (string | null)[];
  /** The parameter names by segment, where the segment is `{name}`. */
  readonly names: readonly (string | null)[];
  /** Whether it ends in `/**`. */
  readonly below: boolean;
}

/** Reads a template. It must start with `/`; the caller has checked the configuration. */
export function parseTemplate(template: string): PathTemplate {
  const parts = template.split('/').slice(1);
  const below = parts.at(-1) === '**';
  if (below) parts.pop();
  return {
    segments: parts.map((part) => (part === '*' || /^\{.+\}$/.test(part) ? null : decodeSegment(part))),
    names: parts.map((part) => (/^\{.+\}$/.test(part) ? part.slice(1, -1) : null)),
    below,
  };
}

/** The path's segments, percent-encoding resolved where it is valid. */
export function splitPath(path: string): string[] {
  const segments = path.split('/');
  segments.shift();
  return path.includes('%') ? segments.map(decodeSegment) : segments;
}

function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not valid UTF-8 behind the escapes: it can only equal itself.
    return segment;
  }
}

/** Whether a path, split by {@link splitPath}, fits the template. */
export function fits(template: PathTemplate, path: readonly string[]): boolean {
  const { segments, below } = template;
  if (below ? path.length < segments.length : path.length !== segments.length) return false;
  for (let i = 0; i < segments.length; i++) {
    const wanted = segments[i];
    if (wanted === null ? path[i] === '' : wanted !== path[i]) return false;
  }
  return true;
}
