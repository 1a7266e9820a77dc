/** Answers kept of one function. Clients use few texts, but anybody can invent more. */
const MOST = 1000;
const LONGEST = 256;

/**
 * `of`, a pure function of a text, with its first answers remembered: what a proxy asks of names of headers and of
 * addresses is asked with every request. At most a thousand answers are kept, and none about a long text.
 */
export function remembered<T extends string | boolean>(of: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const answer = of(text);
    if (answers.size < MOST && text.length <= LONGEST) answers.set(text, answer);
    return answer;
  };
}
