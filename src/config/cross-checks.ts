import { parseColumnsOfTable } from '../model/declared-reference.ts';
import { parseTableName } from '../model/names.ts';
import { wrongRule } from '../model/trigger-rule.ts';
import { resolveTrigger } from './trigger-rules.ts';
import type { ConfigFile } from './schema.ts';
import { showPath, type ConfigIssue, type Path } from './issue.ts';
import { checkRouting } from './check-routing.ts';
import { nearest } from '../core/nearest.ts';
import { parseListenAddress } from './formats.ts';
import type { Position } from './read-node.ts';

/** Words that `banyan migrate` reads as commands, so no service can have them as its name. */
const RESERVED_NAMES = new Set(['status', 'rollback']);

/** What no single value shows: whether the values of the file fit together. */
export function crossCheck(file: ConfigFile, positions: ReadonlyMap<string, Position>): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const add = (path: Path, found: string, expected: string, hint?: string) => {
    const position = nearestPosition(positions, path);
    issues.push({ ...position, path: showPath(path), found, expected, ...(hint === undefined ? {} : { hint }) });
  };
  const owners = checkTables(file, add);
  checkConflicts(file, owners, add);
  checkTableNames(['validate', 'tables'], Object.keys(file.validate.tables), owners, add);
  checkRules(file, add);
  for (const [name, { where, serviceWhere }] of Object.entries(file.validate.tables)) {
    if (where === undefined && serviceWhere !== undefined) add(['validate', 'tables', name, 'serviceWhere'], '`serviceWhere` without `where`', '`where: …` beside it');
  }
  checkReadFrom(file, add);
  checkReconcile(file, owners, add);
  checkCapture(file, add);
  checkReferences(file, owners, add);
  checkValidation(file, owners, add);
  checkAddresses(file, add);
  checkTriggers(file, add);
  const { writes } = file.route?.shadow ?? {};
  if (writes?.mode === 'dry-run-header' && writes.header === undefined) add(['route', 'shadow', 'writes'], 'the mode dry-run-header without a header', '`header: "x-dry-run: 1"` beside it');
  checkRouting(file, add);
  for (const [index, { phone, email, channel }] of file.runbook.contacts.entries()) {
    if (phone === undefined && email === undefined && channel === undefined) add(['runbook', 'contacts', index], 'a contact that can not be reached', '`phone`, `email` or `channel` beside its name');
  }
  for (const name of Object.keys(file.services)) {
    if (RESERVED_NAMES.has(name)) add(['services', name], `a service named ${name}`, `another name: \`banyan migrate ${name}\` is a command`);
  }
  return issues;
}

type Add = (path: Path, found: string, expected: string, hint?: string) => void;

function nearestPosition(positions: ReadonlyMap<string, Position>, path: Path): Position {
  for (let length = path.length; length > 0; length--) {
    const position = positions.get(showPath(path.slice(0, length)));
    if (position !== undefined) return position;
  }
  return { line: 1, column: 1 };
}

/**
 * No table belongs to two services. Within a service, a table may be made into several, and several into
 * one, only one way: what a row of one of them means for the others on the way back is not defined.
 */
function checkTables(file: ConfigFile, add: Add): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const oneWay = file.sync.mode === 'monolith-to-service';
  for (const [service, { tables }] of Object.entries(file.services)) {
    const targets = new Set<string>();
    const pairs = tables.map((entry) => {
      const table = parseTableName(typeof entry === 'string' ? entry : entry.table);
      return { entry, table, target: typeof entry === 'string' || entry.as === undefined ? table : parseTableName(entry.as) };
    });
    for (const [index, { entry, table, target }] of pairs.entries()) {
      const path = ['services', service, 'tables', index];
      const owner = owners.get(table);
      const twice = pairs.findIndex((other) => other.table === table && other.target === target) < index;
      // Whichever of them is written first.
      const crossed = pairs.some((other) => other.table === table && other.target !== target) && pairs.some((other) => other.table !== table && other.target === target);
      if (owner !== undefined && (owner !== service || twice || !oneWay)) {
        add(path, `${table}, which ${owner === service ? 'stands here twice' : `belongs to ${owner}`}`, twice || owner !== service ? 'each table once' : 'each table once, or sync.mode monolith-to-service: a table that is made into several has no way back');
      } else if (targets.has(target) && !oneWay) {
        add(path, `a second table that becomes ${target}`, 'another `as`, or sync.mode monolith-to-service: a table that is made of several has no way back');
      } else if (crossed && oneWay) {
        add(path, `a second table that becomes ${target}, and a second one made of ${table}`, 'one of both');
      }
      owners.set(table, service);
      targets.add(target);
      if (typeof entry === 'string') continue;
      checkTable(entry, path, file.sync.mode, add);
      const shared = pairs.filter((other) => other.table === table || other.target === target);
      if (entry.where !== undefined && shared.length > 1) add([...path, 'where'], 'a filter of a table that is made into several, or of several', 'no filter there');
    }
  }
  return owners;
}

type TableEntry = Extract<ConfigFile['services'][string]['tables'][number], { readonly table: string }>;

function checkTable({ columns = [], where }: TableEntry, path: Path, mode: ConfigFile['sync']['mode'], add: Add): void {
  if (where !== undefined && mode === 'service-to-monolith') {
    add([...path, 'where'], 'a filter, with sync.mode service-to-monolith', 'no filter, or a mode in which the monolith can tell the service that a row has left');
  }
  const used = new Set<string>();
  const use = (name: string, at: Path): void => {
    if (used.has(name)) add(at, `the monolith's column "${name}" for the second time`, 'each column once');
    used.add(name);
  };
  if (Array.isArray(columns)) {
    for (const [index, name] of columns.entries()) use(name, [...path, 'columns', index]);
    return;
  }
  for (const [name, column] of Object.entries(columns)) {
    const at = [...path, 'columns', name];
    if (typeof column === 'string') use(column, at);
    else if (column.compute === undefined) use(column.from ?? name, at);
    else if (column.from !== undefined || column.values !== undefined) add(at, '`compute` beside `from` or `values`', '`compute` and `type` alone');
    else if (column.type === undefined) add(at, '`compute` without a type', '`type: …` beside it');
    if (typeof column === 'string' || column.values === undefined || mode === 'monolith-to-service') continue;
    const images = Object.values(column.values);
    const doubled = images.find((value, i) => images.indexOf(value) < i);
    if (doubled !== undefined) add([...at, 'values'], `two values that become ${JSON.stringify(doubled)}`, `each once, for the way back (sync.mode is ${mode})`);
  }
}

function checkConflicts(file: ConfigFile, owners: ReadonlyMap<string, string>, add: Add): void {
  const { conflicts } = file.sync;
  const checkModule = (path: Path, strategy: string, module: string | undefined) => {
    if (strategy === 'custom' && module === undefined) add(path, 'the strategy custom without a module', '`module: ./resolve.js` beside it');
    if (strategy !== 'custom' && module !== undefined) add([...path, 'module'], `a module for the strategy ${strategy}`, 'it only with the strategy custom');
  };
  checkModule(['sync', 'conflicts'], conflicts.default, conflicts.module);
  const checkOption = (path: Path, option: 'columns' | 'column', { strategy, of, given }: { strategy: string; of: string; given: boolean }) => {
    const example = option === 'column' ? '`column: updated_at`' : '`columns: [quantity]`';
    if (strategy === of && !given) add(path, `the strategy ${of} without ${option}`, `${example} beside it`);
    if (strategy !== of && given) add([...path, option], `${option} for the strategy ${strategy}`, `it only with the strategy ${of}`);
  };
  for (const [name, { strategy, module, columns, column }] of Object.entries(conflicts.tables)) {
    const path = ['sync', 'conflicts', 'tables', name];
    checkModule(path, strategy, module);
    checkOption(path, 'columns', { strategy, of: 'add-up', given: columns !== undefined });
    checkOption(path, 'column', { strategy, of: 'latest-by-column', given: column !== undefined });
  }
  checkTableNames(['sync', 'conflicts', 'tables'], Object.keys(conflicts.tables), owners, add);
}

/** A rule is a pair of queries or one, and of one service. */
function checkRules(file: ConfigFile, add: Add): void {
  const services = Object.keys(file.services);
  for (const [name, rule] of Object.entries(file.validate.rules)) {
    const path = ['validate', 'rules', name];
    const pair = rule.monolith !== undefined && rule.service !== undefined;
    if (pair === (rule.sql !== undefined) || (rule.sql !== undefined && (rule.monolith ?? rule.service) !== undefined)) {
      add(path, 'neither a pair of queries nor one', '`monolith: …` and `service: …`, or `sql: …` alone');
    } else if (pair && (rule.on ?? rule.expect) !== undefined) add(path, '`on` or `expect` beside a pair of queries', 'them only beside `sql`');
    else if (!pair && rule.group !== undefined) add([...path, 'group'], '`group` beside one query', 'it only beside a pair of queries');
    if (rule.of === undefined && services.length !== 1) add(path, `a rule without \`of\`, and ${services.length} services`, 'the service: `of: …`');
    if (rule.of !== undefined) checkService([...path, 'of'], rule.of, services, add);
  }
}

/** Keys that are tables of the monolith: each once, and each of a service. */
function checkTableNames(path: Path, names: readonly string[], owners: ReadonlyMap<string, string>, add: Add): void {
  const seen = new Set<string>();
  for (const name of names) {
    const table = parseTableName(name);
    if (seen.has(table)) add([...path, name], `${table} for the second time`, 'each table once');
    seen.add(table);
    if (owners.has(table)) continue;
    const near = nearest(table, owners.keys());
    add([...path, name], `${table}, which belongs to no service`, 'a table of one of the services', near === undefined ? undefined : `Did you mean ${near}?`);
  }
}

function checkReferences(file: ConfigFile, owners: ReadonlyMap<string, string>, add: Add): void {
  for (const [index, { from, to }] of file.validate.references.entries()) {
    const path = ['validate', 'references', index];
    const [child, parent] = [parseColumnsOfTable(from), parseColumnsOfTable(to)];
    const columns = (count: number): string => (count === 1 ? '1 column' : `${count} columns`);
    if (child.columns.length !== parent.columns.length) add(path, `${columns(child.columns.length)} that ${child.columns.length === 1 ? 'refers' : 'refer'} to ${columns(parent.columns.length)}`, 'as many on either end');
    if (owners.has(child.table) || owners.has(parent.table)) continue;
    const near = nearest(child.table, owners.keys());
    add(path, `${child.table} and ${parent.table}, which belong to no service`, 'a table of one of the services on one end', near === undefined ? undefined : `Did you mean ${near}?`);
  }
}

function checkValidation({ validate }: ConfigFile, owners: ReadonlyMap<string, string>, add: Add): void {
  checkTableNames(['validate', 'alerts', 'tables'], Object.keys(validate.alerts.tables), owners, add);
  for (const [index, { tables = [], incremental, level = validate.level }] of validate.schedules.entries()) {
    const path = ['validate', 'schedules', index, 'incremental'];
    if (incremental === true && !validate.incremental) add(path, 'an incremental schedule without marks', '`incremental: true` in `validate` as well');
    if (incremental === true && (level === 'count' || level === 'sample')) add(path, `an incremental schedule of level ${level}`, 'level checksum or full');
    const addAt: Add = (path, ...rest) => add(['validate', 'schedules', index, 'tables', tables.indexOf(String(path[0]))], ...rest);
    checkTableNames([], tables, owners, addAt);
  }
  checkWebhooks(['validate', 'alerts', 'webhooks'], validate.alerts.webhooks, add);
}

type FileWebhooks = Readonly<Record<string, { readonly format: string; readonly url?: string; readonly routingKey?: string }>>;

function checkWebhooks(at: Path, webhooks: FileWebhooks, add: Add): void {
  for (const [name, { format, url, routingKey }] of Object.entries(webhooks)) {
    const path = [...at, name];
    if (format === 'pagerduty' ? routingKey === undefined : url === undefined) {
      add(path, `the format ${format} without ${format === 'pagerduty' ? 'routingKey' : 'url'}`, format === 'pagerduty' ? '`routingKey: ${PAGERDUTY_KEY}` beside it' : '`url: ${WEBHOOK_URL}` beside it');
    }
    if (format !== 'pagerduty' && routingKey !== undefined) add([...path, 'routingKey'], `a routingKey for the format ${format}`, 'it only with the format pagerduty');
  }
}

function checkTriggers({ route, services }: ConfigFile, add: Add): void {
  if (!route) return;
  for (const [index, trigger] of (route.rollback.triggers ?? []).entries()) {
    const wrong = wrongRule(resolveTrigger(trigger));
    if (wrong !== undefined) add(['route', 'rollback', 'triggers', index], wrong.found, wrong.expected);
  }
  checkWebhooks(['route', 'rollback', 'webhooks'], route.rollback.webhooks, add);
  for (const name of Object.keys(route.load.services)) checkService(['route', 'load', 'services', name], name, Object.keys(services), add);
}

function checkReadFrom(file: ConfigFile, add: Add): void {
  const services = Object.keys(file.services);
  for (const name of Object.keys(file.validate.readFrom.services)) checkService(['validate', 'readFrom', 'services', name], name, services, add);
}

function checkService(path: Path, name: string, services: readonly string[], add: Add): void {
  if (services.includes(name)) return;
  const near = nearest(name, services);
  add(path, `the service ${name}, which there is not`, 'one of the services', near === undefined ? undefined : `Did you mean ${near}?`);
}

function checkReconcile({ validate: { reconcile } }: ConfigFile, owners: ReadonlyMap<string, string>, add: Add): void {
  const path = ['validate', 'reconcile'];
  checkTableNames([...path, 'tables'], Object.keys(reconcile.tables), owners, add);
  checkTableNames([...path, 'allowDeletes'], reconcile.allowDeletes, owners, add);
  for (const [name, { policy, column }] of Object.entries(reconcile.tables)) {
    if (column !== undefined && policy !== 'newest-wins') add([...path, 'tables', name, 'column'], `column for the policy ${policy}`, 'it only with the policy newest-wins');
  }
}

function checkCapture(file: ConfigFile, add: Add): void {
  const { capture } = file.sync;
  const urls: readonly (readonly [Path, string])[] = [
    [['monolith', 'url'], file.monolith.url],
    ...Object.entries(file.services).map(([name, { url }]) => [['services', name, 'url'], url] as const),
  ];
  for (const [path, url] of urls) {
    const postgres = /^postgres(ql)?:/i.test(url);
    const server = postgres ? 'PostgreSQL' : 'MySQL or MariaDB';
    if (capture === (postgres ? 'binlog' : 'wal')) {
      add(['sync', 'capture'], `${capture}, while ${showPath(path)} is ${server}`, postgres ? 'wal or trigger' : 'binlog or trigger');
    }
  }
}

function checkAddresses(file: ConfigFile, add: Add): void {
  const users: readonly (readonly [Path, string | undefined])[] = [
    [['route', 'listen'], file.route?.listen],
    [['route', 'admin'], file.route?.admin],
    [['metrics', 'listen'], file.metrics.listen],
  ];
  const taken = new Map<string, string>();
  for (const [path, text] of users) {
    const address = text === undefined ? undefined : parseListenAddress(text);
    if (address === undefined || address.port === 0) continue;
    const key = `${address.host}:${address.port}`;
    const by = taken.get(key);
    if (by !== undefined) add(path, `${text}, which ${by} uses too`, 'an address of its own');
    taken.set(key, showPath(path));
  }
}
