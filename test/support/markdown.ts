/** A fenced block of a page. */
export interface Fence {
  readonly language: string;
  /** The words after the language. */
  readonly note: string;
  readonly text: string;
}

export function fences(markdown: string): Fence[] {
  return [...markdown.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, language = '', note = '', text = '']) => ({
    language, note: note.trim(), text,
  }));
}

/** The arguments of each `banyan …` line in the page's shell blocks, and the exit code its comment names. */
export function commandLines(markdown: string): { readonly line: string; readonly argv: readonly string[]; readonly exit: string }[] {
  const lines = fences(markdown).filter(({ language }) => language === 'sh').flatMap(({ text }) => text.split('\n').filter((line) => line.startsWith('banyan ')));
  return lines.map((line) => {
    const [command = '', comment = ''] = line.split('#');
    const argv = command.trim().split(/\s+/).slice(1).filter((word, index, words) => word !== '>' && words[index - 1] !== '>');
    return { line, argv, exit: /exit (\d)/.exec(comment)?.[1] ?? '0' };
  });
}

/** Targets of links and images that lead to a file beside the page, without their anchors; code is no prose. */
export function relativeLinks(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^([a-z]+:|#)/i.test(target))
    .map((target) => target.split('#')[0] ?? '');
}
