import type { CreateFunctionStmt, DefElem, FunctionParameter, Node, VariableSetStmt } from 'libpg-query';
import { quoteLiteral, splitTableName } from '../../model/names.ts';
import type { RoutineDefinition } from '../../model/schema.ts';
import { columnList } from './schema-draft.ts';
import { qualifiedName, strings, type SourceText } from './syntax-tree.ts';
import { untilSeparator } from './table-definition.ts';
import { typeText } from './type-text.ts';

/** CREATE FUNCTION or PROCEDURE, as the catalogue would tell it. */
export function routineDefinition(node: CreateFunctionStmt, { source, schema }: { readonly source: SourceText; readonly schema: string }): RoutineDefinition {
  const { schema: own, table: name } = splitTableName(qualifiedName(strings(node.funcname), schema));
  const parameters = (node.parameters ?? []).flatMap((item) => ('FunctionParameter' in item ? [item.FunctionParameter] : []));
  const listed = parameters.filter(({ mode }) => mode !== 'FUNC_PARAM_TABLE');
  const given = listed.filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' || node.is_procedure === true);
  const options = (node.options ?? []).flatMap((item) => ('DefElem' in item ? [item.DefElem] : []));
  const option = (wanted: string): Node | undefined => options.find(({ defname }) => defname === wanted)?.arg;
  const standardBody = node.sql_body !== undefined;
  const whole = source.slice(0).replace(/;\s*$/, '');
  const returns = resultOf(node, parameters);
  return {
    schema: own, name, kind: node.is_procedure ? 'procedure' : 'function', signature: given.map(({ argType }) => typeText(argType).text.replace(/\(.*?\)/, '')).join(', '),
    arguments: listed.map((parameter) => argumentText(parameter, source)).join(', '), ...(returns !== undefined && { returns }), language: textOf(option('language'))?.toLowerCase() ?? 'sql',
    attributes: attributesOf(options, returns), body: standardBody ? (/\b(?:BEGIN\s+ATOMIC\b[\s\S]*|RETURN\s[\s\S]*)$/i.exec(whole)?.[0] ?? whole).trim() : bodyOf(option('as')), standardBody,
  };
}

function resultOf(node: CreateFunctionStmt, parameters: readonly FunctionParameter[]): string | undefined {
  if (node.is_procedure) return undefined;
  const bare = (parameter: FunctionParameter): string => typeText(parameter.argType).text;
  const table = parameters.filter(({ mode }) => mode === 'FUNC_PARAM_TABLE');
  if (table.length > 0) return `TABLE(${table.map((each) => `${columnList([each.name ?? ''])} ${bare(each)}`).join(', ')})`;
  if (node.returnType) return `${node.returnType.setof ? 'SETOF ' : ''}${typeText(node.returnType).text}`;
  const [first, ...more] = parameters.filter(({ mode }) => mode === 'FUNC_PARAM_OUT' || mode === 'FUNC_PARAM_INOUT');
  return first === undefined ? 'void' : more.length > 0 ? 'record' : bare(first);
}

const MODES: Readonly<Record<string, string>> = { FUNC_PARAM_OUT: 'OUT ', FUNC_PARAM_INOUT: 'INOUT ', FUNC_PARAM_VARIADIC: 'VARIADIC ' };

function argumentText({ name, argType, mode, defexpr, location }: FunctionParameter, source: SourceText): string {
  const written = untilSeparator(source.slice(location ?? 0)).trim();
  const [, value] = defexpr ? (/(?:\sdefault\s+|\s*=\s*)([\s\S]*)$/i.exec(written) ?? []) : [];
  return `${MODES[mode ?? ''] ?? ''}${name === undefined ? '' : `${columnList([name])} `}${typeText(argType).text.replace(/\(.*?\)/, '')}${value === undefined ? '' : ` DEFAULT ${value}`}`;
}

function bodyOf(node: Node | undefined): string {
  return node && 'List' in node ? (strings(node.List.items).at(-1) ?? '') : '';
}

function textOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('String' in node) return node.String.sval ?? '';
  if ('Integer' in node) return String(node.Integer.ival ?? 0);
  return 'Float' in node ? node.Float.fval : undefined;
}

function isOn(node: Node | undefined): boolean {
  return node !== undefined && 'Boolean' in node && node.Boolean.boolval === true;
}

/** In the order in which the catalogue's reader tells them. */
function attributesOf(options: readonly DefElem[], returns: string | undefined): string {
  const last = (wanted: string): Node | undefined => options.findLast(({ defname }) => defname === wanted)?.arg;
  const volatility = textOf(last('volatility'))?.toUpperCase();
  const parallel = textOf(last('parallel'))?.toUpperCase();
  const [cost, rows] = [textOf(last('cost')), textOf(last('rows'))];
  return [
    ...(volatility === undefined || volatility === 'VOLATILE' ? [] : [volatility]), ...(isOn(last('leakproof')) ? ['LEAKPROOF'] : []), ...(isOn(last('strict')) ? ['STRICT'] : []), ...(isOn(last('security')) ? ['SECURITY DEFINER'] : []),
    ...(parallel === undefined || parallel === 'UNSAFE' ? [] : [`PARALLEL ${parallel}`]), ...(cost === undefined || cost === '100' ? [] : [`COST ${cost}`]), ...(rows === undefined || rows === '1000' || !/^(?:SETOF|TABLE)\b/.test(returns ?? '') ? [] : [`ROWS ${rows}`]),
    ...options.flatMap(({ defname, arg }) => (defname === 'set' && arg && 'VariableSetStmt' in arg ? [settingText(arg.VariableSetStmt)] : [])),
  ].join(' ');
}

function settingText({ name = '', args = [] }: VariableSetStmt): string {
  const isList = /^(search_path|temp_tablespaces|session_preload_libraries|local_preload_libraries)$/.test(name);
  const values = args.flatMap((arg) => ('A_Const' in arg ? [arg.A_Const.sval ? (arg.A_Const.sval.sval ?? '') : arg.A_Const.ival ? String(arg.A_Const.ival.ival ?? 0) : (arg.A_Const.fval?.fval ?? '')] : []));
  return `SET ${name} TO ${isList ? values.map((value) => (value === '' ? '""' : columnList([value]))).join(', ') : quoteLiteral(values.join(', '))}`;
}
