import { quoteIdentifier, quoteLiteral, quoteTable, splitTableName, type TableName } from '../../../model/names.ts';
import type { Check, ForeignKey, Index, Key, Schema, Table } from '../../../model/schema.ts';
import { createIndex, dropIndex, foreignKeySql, indexTail, keyIndex, keySql, ownRules } from './definitions.ts';
import { isValid } from './conditions.ts';
import { displayName, PHASES, qualified, type Step } from './differences.ts';
import { addConstraint, canonical, dropConstraint, goneOr, guarded, hasConstraint, hasRelation, isConstraint, regclass, validateConstraint, waiting } from './sql-text.ts';

export type RuleKind = 'primary_key' | 'unique' | 'foreign_key' | 'check' | 'exclusion' | 'index';

/** A constraint or an index of a table, with the steps that make it and take it away. */
export interface Rule {
  readonly kind: RuleKind;
  readonly name: string;
  /** Two with the same signature mean the same. */
  readonly signature: string;
  /** For people. */
  readonly text: string;
  /** Expressions in it, where a change of a column's type may get stuck; empty: none. */
  readonly expression: string;
  readonly unique: boolean;
  readonly key?: ForeignKey;
  /** Condition that it is there to the letter; undefined: we can not tell. */
  readonly exact?: string;
  /** `unless`: where what they take away need not go. */
  readonly steps: { readonly make: (unless?: string) => readonly Step[]; readonly drop: (unless?: string) => Step };
}

const WORDS: Readonly<Record<RuleKind, string>> = { primary_key: 'primary key', unique: 'unique constraint', foreign_key: 'foreign key', check: 'check', exclusion: 'exclusion', index: 'index' };

export const ruleWords = (kind: RuleKind): string => WORDS[kind];

/** Every rule of a table that it does not have from its parent. `constraints`: names that a constraint has before or after. Pure. */
export function rulesOf(table: Table, schema: Schema, constraints: ReadonlySet<string> = new Set()): Rule[] {
  const own = ownRules(table, schema);
  const plain = table.kind === 'partitioned';
  return [
    ...own.keys.map((key) => keyRule(table.name, key, plain)),
    ...table.foreignKeys.map((key) => foreignKeyRule(table.name, key, plain)),
    ...table.checks.map((check) => checkRule(table.name, check)),
    ...own.exclusions.map((check) => exclusionRule(table.name, check)),
    ...own.indexes.map((index) => indexRule(table.name, index, { plain, claimed: constraints.has(index.name) })),
  ];
}

function titleOf(kind: RuleKind, table: TableName, name: string): string {
  return `${WORDS[kind]} ${name} of ${displayName(table)}`;
}

function keyRule(table: TableName, key: Key, plain: boolean): Rule {
  const kind = /^\s*PRIMARY/i.test(key.definition) ? 'primary_key' : 'unique';
  const definition = keySql(key);
  const title = titleOf(kind, table, key.name);
  const drop = (unless?: string): string => waiting(dropConstraint(table, key.name, unless));
  const restore = waiting(addConstraint(table, key.name, definition));
  const holds = hasConstraint(table, key.name);
  const index = plain ? undefined : keyIndex(table, key);
  const { schema } = splitTableName(table);
  const using = [kind === 'primary_key' ? 'PRIMARY KEY' : 'UNIQUE', ` USING INDEX ${quoteIdentifier(key.name)}`, key.deferrable ? ' DEFERRABLE' : '', /INITIALLY DEFERRED/i.test(key.definition) ? ' INITIALLY DEFERRED' : ''].join('');
  return {
    kind, name: key.name, signature: canonical(definition), text: key.definition, expression: '', unique: true, exact: isConstraint(table, key.name, key.definition),
    steps: {
      make: (unless) => index === undefined
        ? [{ phase: PHASES.key, about: [table], description: `Add ${title}`, forward: restore, back: drop(unless), holds }]
        : [
          { phase: PHASES.key, about: [table], description: `Build the index of ${title}`, forward: index, back: unless === undefined ? `DROP INDEX CONCURRENTLY IF EXISTS ${qualified(schema, key.name)};` : dropUnclaimed(table, key), holds: hasRelation(schema, key.name), transactional: false },
          { phase: PHASES.key, about: [table], description: `Add ${title}`, forward: waiting(addConstraint(table, key.name, using)), back: drop(unless), holds },
        ],
      drop: (unless) => ({ phase: PHASES.dropRule, about: [table], description: `Drop ${title}`, forward: drop(unless), back: restore, holds: goneOr(`NOT ${holds}`, unless) }),
    },
  };
}

const NOT_VALID = /\s+NOT VALID$/i;

function foreignKeyRule(table: TableName, key: ForeignKey, plain: boolean): Rule {
  const definition = foreignKeySql(key);
  const title = titleOf('foreign_key', table, key.name);
  const holds = hasConstraint(table, key.name);
  const drop = (unless?: string): string => waiting(dropConstraint(table, key.name, unless));
  const unproven = NOT_VALID.test(key.definition);
  const about = [table, key.references];
  const add = waiting(guarded(`${regclass(table)} IS NOT NULL AND ${regclass(key.references)} IS NOT NULL AND NOT ${holds}`, `ALTER TABLE ${quoteTable(table)} ADD CONSTRAINT ${quoteIdentifier(key.name)} ${definition}${plain ? '' : ' NOT VALID'}`));
  const validate = plain || unproven ? [] : [validateConstraint(table, key.name)];
  return {
    kind: 'foreign_key', name: key.name, signature: `${canonical(definition)}${unproven ? ' not valid' : ''}`, text: key.definition, expression: '', unique: false, key, exact: isConstraint(table, key.name, key.definition),
    steps: {
      make: (unless) => [
        { phase: PHASES.foreignKey, about, description: `Add ${title}`, forward: add, back: drop(unless), holds },
        ...validate.map((forward): Step => ({ phase: PHASES.foreignKey, about, description: `Validate ${title}`, forward, back: '-- Nothing to undo.', holds: isValid(table, key.name) })),
      ],
      drop: (unless) => ({ phase: PHASES.dropForeignKey, about, description: `Drop ${title}`, forward: drop(unless), back: [add, ...validate].join('\n'), holds: goneOr(`NOT ${holds}`, unless) }),
    },
  };
}

function checkRule(table: TableName, { name, definition }: Check): Rule {
  const title = titleOf('check', table, name);
  const holds = hasConstraint(table, name);
  const drop = (unless?: string): string => waiting(dropConstraint(table, name, unless));
  const unproven = NOT_VALID.test(definition);
  const add = waiting(addConstraint(table, name, unproven ? definition : `${definition} NOT VALID`));
  const validate = unproven ? [] : [validateConstraint(table, name)];
  return {
    kind: 'check', name, signature: `${canonical(definition.replace(NOT_VALID, '').replace(/^\s*CHECK\s*/i, ''))}${unproven ? ' not valid' : ''}`, text: definition, expression: definition, unique: false, exact: isConstraint(table, name, definition),
    steps: {
      make: (unless) => [
        { phase: PHASES.check, about: [table], description: `Add ${title}`, forward: add, back: drop(unless), holds },
        ...validate.map((forward): Step => ({ phase: PHASES.check, about: [table], description: `Validate ${title}`, forward, back: '-- Nothing to undo.', holds: isValid(table, name) })),
      ],
      drop: (unless) => ({ phase: PHASES.dropRule, about: [table], description: `Drop ${title}`, forward: drop(unless), back: [add, ...validate].join('\n'), holds: goneOr(`NOT ${holds}`, unless) }),
    },
  };
}

function exclusionRule(table: TableName, { name, definition }: Check): Rule {
  const title = titleOf('exclusion', table, name);
  const holds = hasConstraint(table, name);
  const drop = (unless?: string): string => waiting(dropConstraint(table, name, unless));
  const add = waiting(addConstraint(table, name, definition));
  return {
    kind: 'exclusion', name, signature: canonical(definition), text: definition, expression: definition, unique: false, exact: isConstraint(table, name, definition),
    steps: {
      make: (unless) => [{ phase: PHASES.key, about: [table], description: `Add ${title}`, forward: add, back: drop(unless), holds }],
      drop: (unless) => ({ phase: PHASES.dropRule, about: [table], description: `Drop ${title}`, forward: drop(unless), back: add, holds: goneOr(`NOT ${holds}`, unless) }),
    },
  };
}

function isUnclaimed(table: TableName, { name }: { readonly name: string }): string {
  const { schema } = splitTableName(table);
  return `${hasRelation(schema, name)} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = to_regclass(${quoteLiteral(qualified(schema, name))}))`;
}

/** The index of a constraint is not dropped, should the statement meet it on a second run. */
function dropUnclaimed(table: TableName, index: { readonly name: string }): string {
  return waiting(guarded(isUnclaimed(table, index), `DROP INDEX ${qualified(splitTableName(table).schema, index.name)}`));
}

function indexRule(table: TableName, index: Index, { plain, claimed }: { readonly plain: boolean; readonly claimed: boolean }): Rule {
  const tail = indexTail(index);
  const how = { concurrently: !plain };
  const make = createIndex(table, index, how);
  const drop = claimed ? dropUnclaimed(table, index) : plain ? waiting(dropIndex(table, index, how)) : dropIndex(table, index, how);
  const holds = hasRelation(splitTableName(table).schema, index.name);
  const title = titleOf('index', table, index.name);
  const common = { about: [table], transactional: plain };
  return {
    kind: 'index', name: index.name, signature: `${index.unique ? 'unique ' : ''}${canonical(tail.replace(/^USING\s+btree\s*/i, ''))}`, text: index.definition, unique: index.unique,
    expression: index.columns.includes(null) || index.partial ? tail : '',
    steps: {
      make: () => [{ ...common, phase: PHASES.key, description: `Build ${title}`, forward: plain ? waiting(make) : make, back: drop, holds }],
      drop: () => ({ ...common, phase: PHASES.dropRule, description: `Drop ${title}`, forward: drop, back: plain ? waiting(make) : make, holds: `NOT (${claimed ? isUnclaimed(table, index) : holds})` }),
    },
  };
}

/** The same rule under another name. */
export function renameRule(table: TableName, from: Rule, to: Rule): Step {
  const { schema } = splitTableName(table);
  const rename = (old: string, fresh: string): string => from.kind === 'index'
    ? waiting(guarded(`${hasRelation(schema, old)} AND NOT ${hasRelation(schema, fresh)}`, `ALTER INDEX ${qualified(schema, old)} RENAME TO ${quoteIdentifier(fresh)}`))
    : waiting(guarded(`${hasConstraint(table, old)} AND NOT ${hasConstraint(table, fresh)}`, `ALTER TABLE ${quoteTable(table)} RENAME CONSTRAINT ${quoteIdentifier(old)} TO ${quoteIdentifier(fresh)}`));
  return {
    phase: PHASES.dropRule, about: [table], description: `Rename ${titleOf(from.kind, table, from.name)} to ${to.name}`, forward: rename(from.name, to.name), back: rename(to.name, from.name),
    holds: from.kind === 'index' ? hasRelation(schema, to.name) : hasConstraint(table, to.name),
  };
}
