import { Lexer } from 'yaml';

/**
 * Whether a text nests deeper than so many levels, found without a call for each level: the library of YAML calls itself,
 * and a stack that ends inside a regular expression ends the process.
 */
export function isNestedDeeper(text: string, levels: number): boolean {
  return hasLongCompact(text, levels) || isIndentedDeeper(text, levels) || isFlowDeeper(text, levels);
}

/** `- - - a`: each dash is a level. */
function hasLongCompact(text: string, levels: number): boolean {
  let run = 0;
  let start = 0;
  for (const { index, 0: found } of text.matchAll(/[-?:][ \t]+/g)) {
    run = index === start ? run + 1 : 1;
    start = index + found.length;
    if (run > levels) return true;
  }
  return false;
}

function isIndentedDeeper(text: string, levels: number): boolean {
  const open: number[] = [];
  for (const { 1: blanks = '' } of text.matchAll(/^( *)[^ \n]/gm)) {
    while ((open.at(-1) ?? -1) >= blanks.length) open.pop();
    open.push(blanks.length);
    if (open.length > levels) return true;
  }
  return false;
}

/** Brackets, but not those inside scalars. */
function isFlowDeeper(text: string, levels: number): boolean {
  if (!hasMoreBrackets(text, levels)) return false;
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > levels) return true;
  }
  return false;
}

function hasMoreBrackets(text: string, most: number): boolean {
  let found = 0;
  for (const _ of text.matchAll(/[[{]/g)) if ((found += 1) > most) return true;
  return false;
}
