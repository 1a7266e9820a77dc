import { quoteIdentifier, quoteLiteral } from '../../src/model/names.ts';
import { Dice } from '../validate/dice.ts';
import { changeObjects, policyOrCheck } from './random-objects.ts';
import { EMPTY, type RandomColumn, type RandomRule, type RandomSchema, type RandomTable } from './random-model.ts';

/** Types whose values a cast carries over and back, with defaults and checks that hold for every value there is. */
interface Kind {
  readonly types: readonly string[];
  readonly defaults: readonly string[];
  readonly checks: readonly string[];
  readonly indexes: readonly string[];
}

const KINDS: Readonly<Record<'number' | 'text' | 'time' | 'json' | 'list' | 'truth' | 'bits', Kind>> = {
  number: { types: ['smallint', 'integer', 'bigint', 'numeric(12,2)', 'numeric(20,4)', 'numeric', 'double precision'], defaults: ['7', '42', '(1 + 2)'], checks: ['%0 > 0', '%0 < 1000000', '%0 <> 77 AND %0 IS NOT NULL OR id > 0'], indexes: ['(%0)', '(%0 DESC NULLS LAST)', '((%0 + 1))', '(%0) WHERE %0 > 3', '(id, %0) INCLUDE (%0)'] },
  text: { types: ['text', 'character varying(20)', 'character varying(40)', 'character varying'], defaults: ["'x'", "E'a\\\\b''c'", "'it''s ' || 'x'", 'upper(CURRENT_USER::text)'], checks: ["%0 <> 'x''y'", 'length(%0) < 100', "%0 !~ '^[$]banyan[$]'"], indexes: ['(%0)', '(lower(%0))', '(%0 text_pattern_ops)', 'USING hash (%0)', "(%0) WHERE %0 <> 'odd'"] },
  time: { types: ['timestamp without time zone', 'timestamp with time zone', 'timestamp(3) without time zone'], defaults: ['now()', "'2026-01-01'", 'CURRENT_TIMESTAMP'], checks: ["%0 > '1999-01-01'"], indexes: ['(%0)', 'USING brin (%0)'] },
  json: { types: ['jsonb', 'json'], defaults: ["'{\"a\": 1}'", "'[]'"], checks: ['%0 IS NOT NULL OR id > 0'], indexes: [] },
  list: { types: ['text[]', 'integer[]', 'bigint[]'], defaults: ["'{}'"], checks: ['cardinality(%0) < 9'], indexes: ['USING gin (%0)', '(%0)'] },
  truth: { types: ['boolean'], defaults: ['true', 'false'], checks: ['%0 IS NOT NULL OR id > 0'], indexes: ['(%0)', '(id) WHERE %0'] },
  bits: { types: ['uuid', 'bytea'], defaults: [], checks: [], indexes: ['(%0)'] },
};

type KindName = keyof typeof KINDS;
const KIND_NAMES: readonly KindName[] = ['number', 'number', 'text', 'text', 'time', 'json', 'list', 'truth', 'bits'];

function kindOf(type: string): Kind | undefined {
  return Object.values(KINDS).find(({ types }) => types.includes(type));
}

const ACTIONS = ['', 'ON DELETE CASCADE', 'ON DELETE SET NULL', 'ON UPDATE CASCADE DEFERRABLE', 'ON DELETE RESTRICT INITIALLY DEFERRED', 'MATCH FULL'];
const TRIGGERS = ['BEFORE INSERT ON %t FOR EACH ROW EXECUTE FUNCTION public.touch()', 'BEFORE UPDATE OF %0 ON %t FOR EACH ROW EXECUTE FUNCTION public.touch()', 'AFTER UPDATE ON %t FOR EACH ROW WHEN (old.%0 IS NOT NULL) EXECUTE FUNCTION public.touch()', 'AFTER DELETE ON %t FOR EACH STATEMENT EXECUTE FUNCTION public.touch()'];
const COMMENTS = ['it\'s', 'what $banyan$ says', 'ü;--'];
const SEQUENCES = ['', 'INCREMENT 5', 'AS smallint START 7 MAXVALUE 99 CYCLE', 'INCREMENT -1 CACHE 10', 'MINVALUE 3 START 9'];
const NAMES = ['a', 'Order', "it's ", 'x y', 'q"q', 'ON ONLY ', 'select', '表', 'b.c', 'n'.repeat(58)];

/** Makes schemas, each changed from the one before. */
export class RandomSchemas {
  readonly #dice: Dice;
  #count = 0;
  /** What the change starts from: rows are there only of what it has. */
  #base: RandomSchema = EMPTY;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
  }

  /** One that has nothing to do with any before. */
  fresh(): RandomSchema {
    return this.change(EMPTY, 12 + this.#dice.below(14));
  }

  /** The next of a chain: mostly a change of it, now and then another one altogether. */
  next(schema: RandomSchema): RandomSchema {
    if (this.#dice.chance(0.05)) return this.fresh();
    return this.change(schema, this.#dice.chance(0.5) ? 1 + this.#dice.below(3) : this.#dice.chance(0.9) ? 4 + this.#dice.below(9) : 20 + this.#dice.below(21));
  }

  /** With so many changes. */
  change(schema: RandomSchema, times: number): RandomSchema {
    this.#base = schema;
    let changed = schema;
    for (let n = 0; n < times; n++) {
      const size = changed.tables.length;
      if (size === 0 || (size < 4 && this.#dice.chance(0.12))) changed = { ...changed, tables: [...changed.tables, this.#table(changed)] };
      else changed = this.#dice.pick(this.#dice.chance(0.3) ? AROUND : this.#dice.chance(0.6) ? COLUMNS : RULES)(this, changed);
    }
    return changed;
  }

  get dice(): Dice {
    return this.#dice;
  }

  get base(): RandomSchema {
    return this.#base;
  }

  key(): number {
    return ++this.#count;
  }

  name(): string {
    return `${this.#dice.chance(0.7) ? 'c' : this.#dice.pick(NAMES)}${this.key()}`;
  }

  #table(schema: RandomSchema): RandomTable {
    const partitioned = this.#dice.chance(0.12);
    let table: RandomTable = { key: this.key(), schema: this.#dice.chance(0.15) ? 'Shop' : 'public', name: partitioned ? `p${this.key()}` : this.name(), idType: this.#dice.pick(['integer', 'bigint']), partitioned, unlogged: false, replicaFull: false, rowSecurity: false, columns: [], rules: [] };
    for (let n = this.#dice.below(4); n >= 0; n--) table = { ...table, columns: [...table.columns, this.column(schema, table)] };
    return table;
  }

  column(schema: RandomSchema, table: RandomTable): RandomColumn {
    const { dice } = this;
    const plain = { key: this.key(), name: this.name(), nullable: dice.chance(0.6) };
    const known = schema.tables.filter((other) => this.base.tables.some(({ key }) => key === other.key));
    if (known.length > 0 && dice.chance(0.15)) {
      const other = dice.pick(known);
      return { ...plain, nullable: true, type: other.idType, references: { table: other.key, actions: dice.pick(ACTIONS) } };
    }
    if (schema.enums.length > 0 && dice.chance(0.12)) {
      const { name, labels } = dice.pick(schema.enums);
      const list = dice.chance(0.2);
      return { ...plain, type: `public.${quoteIdentifier(name)}${list ? '[]' : ''}`, ...(!list && dice.chance(0.3) && labels[0] !== undefined ? { value: { default: quoteLiteral(labels[0]) } } : {}) };
    }
    if (schema.domains.length > 0 && dice.chance(0.1)) return { ...plain, nullable: true, type: `public.${quoteIdentifier(dice.pick(schema.domains).name)}` };
    const kind = KINDS[dice.pick(KIND_NAMES)];
    const type = dice.pick(kind.types);
    const numbers = table.columns.filter((column) => column.type === 'integer' && column.value === undefined);
    if (type === 'bigint' && numbers.length > 0 && !table.partitioned && dice.chance(0.5)) return { ...plain, nullable: true, type, value: { twice: dice.pick(numbers).key } };
    if (/^(integer|bigint)$/.test(type) && !table.partitioned && dice.chance(0.25)) {
      const taken = table.columns.some(({ value }) => typeof value === 'string');
      if (!taken) return { ...plain, nullable: false, type, value: dice.pick(['identity always', 'identity by default', 'serial']) };
    }
    return {
      ...plain, type, ...(kind.defaults.length > 0 && dice.chance(0.4) ? { value: { default: dice.pick(kind.defaults) } } : {}),
      ...(kind === KINDS.text && dice.chance(0.2) ? { collation: '"C"' } : {}), ...(dice.chance(0.1) ? { comment: dice.pick(COMMENTS) } : {}),
    };
  }

  /** The schema with one of its tables changed. */
  onTable(schema: RandomSchema, change: (table: RandomTable) => RandomTable): RandomSchema {
    const chosen = this.#dice.pick(schema.tables);
    return { ...schema, tables: schema.tables.map((table) => (table === chosen ? change(table) : table)) };
  }

  /** The schema with one column changed, if one may be. */
  onColumn(schema: RandomSchema, may: (column: RandomColumn, table: RandomTable) => boolean, change: (column: RandomColumn, table: RandomTable) => RandomColumn): RandomSchema {
    return this.onTable(schema, (table) => {
      const columns = table.columns.filter((column) => may(column, table));
      if (columns.length === 0) return table;
      const chosen = this.#dice.pick(columns);
      return { ...table, columns: table.columns.map((column) => (column === chosen ? change(column, table) : column)) };
    });
  }
}

type Change = (make: RandomSchemas, schema: RandomSchema) => RandomSchema;

/** Of a column that goes or turns into something else: what stands on it goes as well. */
function freed(schema: RandomSchema, tableKey: number, columnKey: number): RandomSchema {
  return {
    ...schema,
    tables: schema.tables.map((table) => (table.key === tableKey ? {
      ...table, rules: table.rules.filter(({ columns }) => !columns.includes(columnKey)),
      columns: table.columns.filter(({ value }) => !(typeof value === 'object' && 'twice' in value && value.twice === columnKey)),
    } : table)),
    views: schema.views.map((view) => ({ ...view, columns: view.columns.filter((key) => key !== columnKey && !schema.tables.some(({ columns }) => columns.some(({ key: each, value }) => each === key && typeof value === 'object' && 'twice' in value && value.twice === columnKey))) })),
  };
}

const isPlain = ({ value, references, type }: RandomColumn): boolean => typeof value !== 'string' && !(value && 'twice' in value) && !references && kindOf(type) !== undefined;
const isUnique = (table: RandomTable, key: number): boolean => table.rules.some(({ kind, columns }) => (kind === 'unique' || kind === 'unique index') && columns.length === 1 && columns[0] === key);
const without = <T extends object, K extends keyof T>(from: T, key: K): Omit<T, K> => {
  const { [key]: _gone, ...rest } = from;
  return rest;
};

const COLUMNS: readonly Change[] = [
  (make, schema) => make.onTable(schema, (table) => ({ ...table, columns: [...table.columns, make.column(schema, table)] })),
  (make, schema) => make.onTable(schema, (table) => ({ ...table, columns: [...table.columns, make.column(schema, table)] })),
  (make, schema) => {
    const table = make.dice.pick(schema.tables);
    if (table.columns.length < 2) return schema;
    const { key } = make.dice.pick(table.columns);
    const left = freed(schema, table.key, key);
    return { ...left, tables: left.tables.map((each) => (each.key === table.key ? { ...each, columns: each.columns.filter((column) => column.key !== key) } : each)) };
  },
  // Another type of its kind: what stands on it stays.
  (make, schema) => make.onColumn(schema, isPlain, (column) => {
    const kind = kindOf(column.type);
    return kind && kind !== KINDS.bits ? { ...column, type: make.dice.pick(kind.types) } : column;
  }),
  (make, schema) => {
    const table = make.dice.pick(schema.tables);
    const fit = table.columns.filter((column) => isPlain(column) && !isUnique(table, column.key) && column.value === undefined && (kindOf(column.type) === KINDS.number || kindOf(column.type) === KINDS.text));
    if (fit.length === 0) return schema;
    const { key, type } = make.dice.pick(fit);
    const to = make.dice.pick(kindOf(type) === KINDS.number ? KINDS.text.types : KINDS.number.types);
    const left = freed(schema, table.key, key);
    return { ...left, tables: left.tables.map((each) => ({ ...each, columns: each.columns.map((column) => (column.key === key ? { ...without(column, 'collation'), type: to } : column)) })) };
  },
  (make, schema) => make.onColumn(schema, (column, table) => isPlain(column) && !isUnique(table, column.key), (column) => {
    const kind = kindOf(column.type);
    return kind && kind.defaults.length > 0 && make.dice.chance(0.7) ? { ...column, value: { default: make.dice.pick(kind.defaults) } } : without(column, 'value');
  }),
  (make, schema) => make.onColumn(schema, isPlain, (column) => ({ ...column, nullable: !column.nullable })),
  (make, schema) => make.onColumn(schema, ({ type }) => kindOf(type) === KINDS.text, (column) => (column.collation ? without(column, 'collation') : { ...column, collation: make.dice.pick(['"C"', '"POSIX"']) })),
  (make, schema) => make.onColumn(schema, (column, table) => !table.partitioned && /^(integer|bigint)$/.test(column.type) && !column.references && !column.nullable && !(typeof column.value === 'object'), (column, table) => {
    const others = table.columns.some(({ key, value }) => key !== column.key && typeof value === 'string');
    return typeof column.value === 'string' || others ? without(column, 'value') : { ...column, value: make.dice.pick(['identity always', 'identity by default', 'serial']) };
  }),
  (make, schema) => make.onColumn(schema, () => true, (column) => (make.dice.chance(0.3) ? without(column, 'comment') : { ...column, comment: make.dice.pick(COMMENTS) })),
  (make, schema) => make.onColumn(schema, (_, table) => !table.partitioned, (column) => (make.dice.chance(0.4) ? { ...column, name: make.name() } : column)),
];

const RULES: readonly Change[] = [
  (make, schema) => make.onTable(schema, (table) => {
    const rule = ruleFor(make, table);
    return rule === undefined || schema.tables.some(({ rules }) => rules.some(({ name }) => name === rule.name)) ? table : { ...table, rules: [...table.rules, rule] };
  }),
  (make, schema) => make.onTable(schema, (table) => {
    const rule = ruleFor(make, table);
    return rule === undefined || schema.tables.some(({ rules }) => rules.some(({ name }) => name === rule.name)) ? table : { ...table, rules: [...table.rules, rule] };
  }),
  (make, schema) => make.onTable(schema, (table) => ({ ...table, rules: table.rules.slice(1) })),
  // The same name for something else.
  (make, schema) => make.onTable(schema, (table) => {
    const [first] = table.rules;
    const rule = first && ruleFor(make, { ...table, rules: table.rules.slice(1) });
    return rule ? { ...table, rules: [{ ...rule, name: first.name }, ...table.rules.slice(1)] } : table;
  }),
  (make, schema) => make.onTable(schema, (table) => ({ ...table, rules: table.rules.map((rule, n) => (n === 0 && rule.kind !== 'trigger' && rule.kind !== 'policy' ? { ...rule, name: `r${make.key()}` } : rule)) })),
  (make, schema) => make.onColumn(schema, ({ references }) => references !== undefined, (column) => (column.references && make.dice.chance(0.6) ? { ...column, references: { ...column.references, actions: make.dice.pick(ACTIONS) } } : without(column, 'references'))),
];

function ruleFor(make: RandomSchemas, table: RandomTable): RandomRule | undefined {
  const { dice } = make;
  const { key, type, value } = dice.pick(table.columns);
  const kind = kindOf(type);
  const name = dice.chance(0.3) ? `i${1 + dice.below(5)}` : `${dice.chance(0.8) ? 'r' : "R ' "}${make.key()}`;
  const one = { name, columns: [key] };
  const computed = value !== undefined && typeof value === 'object' && 'twice' in value;
  if (!table.partitioned && dice.chance(0.2)) return policyOrCheck(dice, table, name);
  if (dice.chance(0.15)) return { ...one, kind: 'trigger', sql: dice.pick(computed ? TRIGGERS.slice(3) : table.partitioned ? TRIGGERS.slice(0, 2) : TRIGGERS), ...(dice.chance(0.2) && !table.partitioned ? { enabled: dice.pick(['DISABLE', 'ENABLE ALWAYS', 'ENABLE REPLICA']) } : {}) };
  if (!kind) return undefined;
  if (dice.chance(0.3) && kind.checks.length > 0) return { ...one, kind: 'check', sql: `CHECK (${dice.pick(kind.checks)})` };
  if (table.partitioned) return table.rules.some(({ kind: each, columns }) => each === 'index' && columns.includes(key)) || kind === KINDS.json ? undefined : { ...one, kind: 'index', sql: '(%0)' };
  const unique = value === undefined && (kind === KINDS.number || kind === KINDS.text || kind === KINDS.bits);
  if (unique && dice.chance(0.4)) {
    const deferrable = dice.pick(['', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED']);
    return dice.chance(0.6) ? { ...one, kind: 'unique', sql: `UNIQUE ${dice.pick(['(%0)', 'NULLS NOT DISTINCT (id, %0)', '(%0) INCLUDE (id)'])}${deferrable}` } : { ...one, kind: 'unique index', sql: dice.pick(['(%0)', '(%0) WHERE id > 2', '(%0, id) NULLS NOT DISTINCT']) };
  }
  if (kind === KINDS.number && unique && dice.chance(0.15)) return { ...one, kind: 'exclude', sql: 'EXCLUDE USING btree (%0 WITH =) WHERE (id > 0)' };
  return kind.indexes.length === 0 || type === 'json' ? undefined : { ...one, kind: 'index', sql: dice.pick(kind.indexes) };
}

/** A table that rows of the old schema stand on stays. */
function mayGo(make: RandomSchemas, schema: RandomSchema, { key }: RandomTable): boolean {
  return schema.tables.length > 1 && ![...schema.tables, ...make.base.tables].some(({ columns }) => columns.some(({ references }) => references?.table === key));
}

function objects(make: RandomSchemas, schema: RandomSchema): RandomSchema {
  return changeObjects(make.dice, schema, { key: () => make.key(), name: () => make.name() });
}

const AROUND: readonly Change[] = [
  objects, objects, objects,
  (make, schema) => {
    const gone = make.dice.pick(schema.tables);
    if (!mayGo(make, schema, gone)) return schema;
    return dropViews({ ...schema, tables: schema.tables.filter((table) => table !== gone) });
  },
  (make, schema) => make.onTable(schema, (table) => (table.partitioned ? table : { ...table, name: make.dice.chance(0.5) ? make.name() : table.name })),
  (make, schema) => make.onTable(schema, (table) => (make.dice.chance(0.3) ? without(table, 'comment') : { ...table, comment: make.dice.pick(COMMENTS) })),
  (make, schema) => make.onTable(schema, (table) => (table.partitioned ? table : { ...table, replicaFull: !table.replicaFull, rowSecurity: make.dice.chance(0.5) })),
  // The key's type, with everything that refers to it.
  (make, schema) => {
    const { key, idType, partitioned } = make.dice.pick(schema.tables);
    if (partitioned) return schema;
    const to = idType === 'integer' ? 'bigint' : 'integer';
    return { ...schema, tables: schema.tables.map((table) => ({ ...table, idType: table.key === key ? to : table.idType, columns: table.columns.map((column) => (column.references?.table === key ? { ...column, type: to } : column)) })) };
  },
  (make, schema) => (schema.enums.length < 2 ? { ...schema, enums: [...schema.enums, { name: make.name(), labels: ['first', "it's", 'Third'] }] } : schema),
  (make, schema) => ({ ...schema, enums: schema.enums.map((type, n) => (n === 0 ? { ...type, labels: relabelled(make, type.labels) } : type)) }),
  (make, schema) => (schema.domains.length < 2 ? { ...schema, domains: [...schema.domains, { name: make.name(), checks: ['VALUE > 0'] }] } : schema),
  (make, schema) => ({ ...schema, domains: schema.domains.map((domain, n) => (n === 0 ? { ...domain, default: make.dice.pick(['1', '2']), checks: make.dice.pick([['VALUE > 0'], ['VALUE >= 0'], ['VALUE > 0', 'VALUE < 1000000'], []]) } : domain)) }),
  (make, schema) => (schema.sequences.length < 2 ? { ...schema, sequences: [...schema.sequences, { name: make.name(), options: make.dice.pick(SEQUENCES) }] } : { ...schema, sequences: schema.sequences.slice(1) }),
  (make, schema) => ({ ...schema, sequences: schema.sequences.map((sequence, n) => (n === 0 ? { ...sequence, options: make.dice.pick(SEQUENCES) } : sequence)) }),
  (make, schema) => {
    if (schema.views.length >= 4) return dropViews({ ...schema, views: schema.views.slice(1) });
    const table = make.dice.pick(schema.tables);
    const below = schema.views.length > 0 && make.dice.chance(0.4) ? make.dice.pick(schema.views) : undefined;
    const columns = below ? [] : table.columns.filter(() => make.dice.chance(0.5)).map(({ key }) => key);
    return { ...schema, views: [...schema.views, { key: make.key(), name: make.name(), materialized: make.dice.chance(0.25), reads: below?.key ?? table.key, columns, where: make.dice.chance(0.5) }] };
  },
  (make, schema) => ({ ...schema, views: schema.views.map((view, n) => (n === 0 ? { ...view, where: !view.where } : view)) }),
];

/** Without the views whose table or view is gone. */
function dropViews(schema: RandomSchema): RandomSchema {
  const views = schema.views.filter(({ reads }) => [...schema.tables, ...schema.views].some(({ key }) => key === reads));
  return views.length === schema.views.length ? schema : dropViews({ ...schema, views });
}

/** The first label stays, since rows have it. */
function relabelled({ dice }: RandomSchemas, labels: readonly string[]): readonly string[] {
  const [first = '', ...rest] = labels;
  const at = dice.below(rest.length + 1);
  return [first, ...dice.pick([() => rest.toSpliced(at, 0, `label ${dice.below(100_000)}`), () => rest.toSpliced(at, 1), () => rest.toReversed()])()];
}
