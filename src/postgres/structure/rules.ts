/** Something that a table demands of its rows, or that helps to find them. */
export interface Rule {
  readonly name: string;
  /** Rules with the same signature demand the same, whatever they are called. */
  readonly signature: string;
}

export interface MatchedRules<T> {
  readonly same: readonly { readonly mine: T; readonly theirs: T }[];
  /** One name, two meanings. */
  readonly changed: readonly { readonly mine: T; readonly theirs: T }[];
  readonly missing: readonly T[];
  readonly extra: readonly T[];
}

/** Pairs rules by what they say, then what is left by its name. Pure. */
export function matchRules<T extends Rule>(mine: readonly T[], theirs: readonly T[]): MatchedRules<T> {
  const left = new Set(theirs);
  const take = (test: (rule: T) => boolean): T | undefined => {
    const found = [...left].find(test);
    if (found) left.delete(found);
    return found;
  };
  const same: { mine: T; theirs: T }[] = [];
  const changed: { mine: T; theirs: T }[] = [];
  const missing: T[] = [];
  // Of several with one meaning, those with one name belong together.
  const unmatched = mine.filter((rule) => {
    const other = take(({ signature, name }) => signature === rule.signature && name === rule.name) ?? take(({ signature }) => signature === rule.signature);
    if (other) same.push({ mine: rule, theirs: other });
    return !other;
  });
  for (const rule of unmatched) {
    const other = take(({ name }) => name === rule.name);
    if (other) changed.push({ mine: rule, theirs: other });
    else missing.push(rule);
  }
  return { same, changed, missing, extra: [...left] };
}
