import type { TransactionControl } from '../../model/logged-statement.ts';

const LONGEST = 300;
const NAME = String.raw`("(?:[^"]|"")+"|${'`'}[^${'`'}]+${'`'}|'(?:[^']|'')*'|[\w$\u0080-\uffff]+)`;
const WORK = String.raw`(?:\s+(?:work|transaction))?`;
const COMMENT = String.raw`(?:\s|/\*[^*]*\*/|--[^\n]*\n)*`;

const BEGINNING = /^\s*(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare|set|\/\*|--)/i;

/** Each with the act it stands for; all of them the whole text. */
const FORMS: readonly (readonly [RegExp, (found: RegExpExecArray) => TransactionControl])[] = [
  [whole(String.raw`(?:begin|start\s+transaction)\b[^;]*`), () => ({ act: 'begin' })],
  [whole(String.raw`(?:commit|end)${WORK}(\s+and\s+(?:no\s+)?chain)?(?:\s+(?:no\s+)?release)?`), (found) => ({ act: 'commit', chain: isChain(found[1]) })],
  [whole(String.raw`(?:rollback|abort)${WORK}(\s+and\s+(?:no\s+)?chain)?(?:\s+(?:no\s+)?release)?`), (found) => ({ act: 'rollback', chain: isChain(found[1]) })],
  [whole(String.raw`savepoint\s+${NAME}`), (found) => ({ act: 'savepoint', name: nameOf(found[1]) })],
  [whole(String.raw`release(?:\s+savepoint)?\s+${NAME}`), (found) => ({ act: 'release', name: nameOf(found[1]) })],
  [whole(String.raw`rollback${WORK}\s+to(?:\s+savepoint)?\s+${NAME}`), (found) => ({ act: 'rollback-to', name: nameOf(found[1]) })],
  [whole(String.raw`prepare\s+transaction\s+${NAME}`), (found) => ({ act: 'prepare', name: nameOf(found[1]) })],
  [whole(String.raw`commit\s+prepared\s+${NAME}`), (found) => ({ act: 'commit-prepared', name: nameOf(found[1]) })],
  [whole(String.raw`rollback\s+prepared\s+${NAME}`), (found) => ({ act: 'rollback-prepared', name: nameOf(found[1]) })],
  [whole(String.raw`set\s+(?:session\s+|@@(?:session\.)?)?autocommit\s*(?:=|:=)\s*(\w+)`), (found) => ({ act: 'autocommit', on: /^(?:1|on|true)$/i.test(found[1] ?? '') })],
];

/**
 * What a statement says about its transaction, without the grammar: names of savepoints differ each
 * time in many applications, and each would be a form of its own. Undefined for everything else.
 */
export function transactionControl(text: string): TransactionControl | undefined {
  if (text.length > LONGEST || !BEGINNING.test(text)) return undefined;
  for (const [form, control] of FORMS) {
    const found = form.exec(text);
    if (found) return control(found);
  }
  return undefined;
}

function whole(pattern: string): RegExp {
  return new RegExp(`^${COMMENT}(?:${pattern})${COMMENT};?${COMMENT}$`, 'i');
}

function isChain(clause: string | undefined): boolean {
  return clause !== undefined && !/\bno\b/i.test(clause);
}

function nameOf(written: string | undefined): string {
  const name = written ?? '';
  const quote = name.charAt(0);
  if (quote !== '"' && quote !== '`' && quote !== "'") return name.toLowerCase();
  return name.slice(1, -1).replaceAll(quote + quote, quote);
}
