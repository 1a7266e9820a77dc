import { quoteIdentifier, quoteLiteral, splitTableName } from '../../../model/names.ts';
import type { RoutineDefinition, Schema } from '../../../model/schema.ts';
import { PHASES, qualified, type Pair } from './differences.ts';
import { canonical, guarded, mentions } from './sql-text.ts';

/**
 * Functions and procedures. What can be replaced in its place is; another result, or other arguments by the same types,
 * mean that it is dropped and made again: views that call it make way, anything else that depends on it must be dropped by hand.
 * @returns the names of those that are made again.
 */
export function compareRoutines({ before, after, differences }: Pair): ReadonlySet<string> {
  const remade = new Set<string>();
  // Where both sides tell of them, they are given again.
  const grantsLost = before.objectGrants === undefined || after.objectGrants === undefined;
  if (before.routines === undefined && after.routines === undefined) return remade;
  const old = new Map((before.routines ?? []).map((routine) => [keyOf(routine), routine]));
  const fresh = new Map((after.routines ?? []).map((routine) => [keyOf(routine), routine]));
  for (const [key, routine] of old) {
    if (fresh.has(key)) continue;
    differences.find(`${routine.kind}-removed`, { field_path: pathOf(routine), old_value: headOf(routine), affected_operations: operationsOf(routine), description: `The ${routine.kind} ${titleOf(routine)} is gone.` });
    differences.step({
      phase: dropPhase(routine, before), about: [titleOf(routine)], description: `Drop ${routine.kind} ${titleOf(routine)}`, forward: dropRoutine(routine), back: createRoutine(routine), holds: `${regprocedure(routine)} IS NULL`,
    });
  }
  for (const [key, routine] of fresh) {
    const former = old.get(key);
    if (!former) {
      differences.find(`${routine.kind}-added`, { field_path: pathOf(routine), new_value: headOf(routine), affected_operations: operationsOf(routine), description: `The ${routine.kind} ${titleOf(routine)} is new.` });
      differences.step({ phase: makePhase(routine, after), about: [titleOf(routine)], description: `Create ${routine.kind} ${titleOf(routine)}`, forward: createRoutine(routine), back: dropRoutine(routine), holds: `${regprocedure(routine)} IS NOT NULL` });
      continue;
    }
    const changes = changesOf(former, routine);
    for (const [rule, was, is, words] of changes) {
      differences.find(rule, { field_path: pathOf(routine), old_value: was, new_value: is, affected_operations: operationsOf(routine), description: `The ${routine.kind} ${titleOf(routine)} ${words}.` });
    }
    if (changes.length === 0) continue;
    const again = former.kind !== routine.kind || changes.some(([rule]) => /-(?:arguments|return-type)-changed$/.test(rule));
    if (again) remade.add(routine.name);
    const change = (from: RoutineDefinition, to: RoutineDefinition): string => (again ? `${UNCHECKED}\n${guarded(`NOT coalesce(${isAs(to)}, false)`, dropRoutine(from), definitionOf(to))}\n${createRoutine(to)}` : createRoutine(to));
    differences.step({
      phase: Math.max(makePhase(routine, after), again ? 0 : makePhase(former, before)), about: [titleOf(routine)], description: `${again ? 'Make' : 'Replace'} ${routine.kind} ${titleOf(routine)}${again ? ' anew' : ''}`,
      forward: change(former, routine), back: change(routine, former), holds: `${regprocedure(routine)} IS NOT NULL`, ...(again && grantsLost ? { loses: `grants on ${titleOf(routine)}` } : {}),
    });
  }
  return remade;
}

type Change = readonly [rule: string, old: string, fresh: string, words: string];

function changesOf(old: RoutineDefinition, fresh: RoutineDefinition): Change[] {
  const { kind } = fresh;
  const isDefiner = ({ attributes }: RoutineDefinition): boolean => attributes.includes('SECURITY DEFINER');
  const others = ({ attributes }: RoutineDefinition): string => canonical(attributes.replace('SECURITY DEFINER', ''));
  const text = ({ body, standardBody, language }: RoutineDefinition): string => `${language} ${standardBody ? canonical(body) : body.replaceAll('\r\n', '\n').trim()}`;
  const [was, is] = [old.returns ?? '', fresh.returns ?? ''];
  return [
    ...(kind === 'function' && canonical(was) !== canonical(is) ? [['function-return-type-changed', was, is, `gave ${was || 'nothing'}, and gives ${is}`] as const] : []),
    ...(canonical(old.arguments) === canonical(fresh.arguments) && old.kind === kind ? [] : [[`${kind}-arguments-changed`, old.arguments, fresh.arguments, `took (${old.arguments}), and takes (${fresh.arguments})`] as const]),
    ...(text(old) === text(fresh) ? [] : [[`${kind}-body-changed`, old.body, fresh.body, 'does something else'] as const]),
    ...(isDefiner(old) === isDefiner(fresh) ? [] : [[`${kind}-security-changed`, old.attributes, fresh.attributes, `runs with the rights of ${isDefiner(fresh) ? 'its owner' : 'whoever calls it'}`] as const]),
    ...(others(old) === others(fresh) ? [] : [[`${kind}-attributes-changed`, old.attributes, fresh.attributes, `was ${old.attributes || 'VOLATILE'}, and is ${fresh.attributes || 'VOLATILE'}`] as const]),
  ];
}

const keyOf = ({ schema, name, signature }: RoutineDefinition): string => `${schema}\0${name}\0${canonical(signature)}`;
const titleOf = ({ schema, name, signature }: RoutineDefinition): string => `${schema === 'public' ? '' : `${schema}.`}${name}(${signature.replaceAll(/\bpublic\./g, '')})`;
const pathOf = (routine: RoutineDefinition): string => `${routine.kind}s.${titleOf(routine)}`;
const operationsOf = ({ kind }: RoutineDefinition): string[] => (kind === 'procedure' ? ['CALL'] : ['SELECT']);
const headOf = (routine: RoutineDefinition): string => `(${routine.arguments})${routine.returns === undefined ? '' : ` RETURNS ${routine.returns}`}`;
const named = ({ schema, name, signature }: RoutineDefinition): string => `${qualified(schema, name)}(${signature})`;
const regprocedure = (routine: RoutineDefinition): string => `to_regprocedure(${quoteLiteral(named(routine))})`;

/** Whether it is of this form; types of schema public may be told with it or without. */
function isAs(routine: RoutineDefinition): string {
  const bare = (text: string): string => `replace(${text}, 'public.', '')`;
  const of = (column: string): string => `(SELECT ${column} FROM pg_proc WHERE oid = ${regprocedure(routine)})`;
  return [
    `${of('prokind')} = '${routine.kind === 'procedure' ? 'p' : 'f'}'`, `${bare(`regexp_replace(pg_get_function_arguments(${regprocedure(routine)}), '(^|, )IN ', '\\1', 'g')`)} = ${bare(quoteLiteral(routine.arguments))}`,
    ...(routine.returns === undefined ? [] : [`${bare(`pg_get_function_result(${regprocedure(routine)})`)} = ${bare(quoteLiteral(routine.returns))}`]),
  ].join(' AND ');
}

/** Bodies may name what is made later. */
const UNCHECKED = 'SET check_function_bodies = off;';

function definitionOf(routine: RoutineDefinition): string {
  const { schema, name, kind, returns, language, attributes, body, standardBody } = routine;
  let tag = '$body$';
  for (let n = 1; body.includes(tag.slice(0, -1)); n++) tag = `$body${n}$`;
  const head = `CREATE OR REPLACE ${kind.toUpperCase()} ${qualified(schema, name)}(${routine.arguments})${returns === undefined ? '' : ` RETURNS ${returns}`} LANGUAGE ${quoteIdentifier(language)}${attributes === '' ? '' : ` ${attributes}`}`;
  return standardBody ? `${head}\n${body};` : `${head}\nAS ${tag}${body}${tag};`;
}

const createRoutine = (routine: RoutineDefinition): string => `${UNCHECKED}\n${definitionOf(routine)}`;

const dropRoutine = (routine: RoutineDefinition): string => `DROP ${routine.kind.toUpperCase()} IF EXISTS ${named(routine)};`;

function namesViews({ views }: Schema, text: string): boolean {
  return views.some(({ name }) => mentions(text, splitTableName(name).table));
}

function namesTables({ tables }: Schema, text: string): boolean {
  return tables.some(({ name }) => mentions(text, splitTableName(name).table));
}

/** What must be there when it is made: of a body that is SQL by the standard, all that it names. */
const needs = (routine: RoutineDefinition): string => `${routine.arguments} ${routine.returns ?? ''} ${routine.standardBody ? routine.body : ''}`;

/** Before the tables, which may call it; after them where it is made of their rows. */
function makePhase(routine: RoutineDefinition, schema: Schema): number {
  if (namesViews(schema, needs(routine))) return PHASES.routineOfViews;
  return namesTables(schema, needs(routine)) ? PHASES.routineOfTables : PHASES.routine;
}

function dropPhase(routine: RoutineDefinition, schema: Schema): number {
  if (namesViews(schema, needs(routine))) return PHASES.dropRoutineOfViews;
  return namesTables(schema, needs(routine)) ? PHASES.dropRoutineOfTables : PHASES.dropRoutine;
}
