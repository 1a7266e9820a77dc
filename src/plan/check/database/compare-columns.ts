import { nearest } from '../../../core/nearest.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../../../model/names.ts';
import type { Column, Schema } from '../../../model/schema.ts';
import { compareTypes, typeChange } from './type-change.ts';
import { hasColumnComment, hasDefault, hasExpression, isValid } from './conditions.ts';
import { columnSql, commentOnColumn, createSequence, identitySequence, identitySql, ownSequence } from './definitions.ts';
import { PHASES, displayName, tablePath, type Pair, type TablePair } from './differences.ts';
import { alterColumn, canonical, dropConstraint, guarded, hasColumn, hasConstraint, mentions, validateConstraint, waiting } from './sql-text.ts';

/** Columns of one table. A partition has those of its parent. */
export function compareColumns(pair: Pair, tables: TablePair): void {
  const { old, fresh } = tables;
  if (fresh.partitionOf && old.partitionOf) return;
  for (const column of fresh.columns) {
    const before = old.columns.find(({ name }) => name === column.name);
    if (before) compareColumn(pair, tables, before, column);
    else added(pair, tables, column);
  }
  for (const column of old.columns) {
    if (!fresh.columns.some(({ name }) => name === column.name)) removed(pair, tables, column);
  }
}

function pathOf({ fresh }: TablePair, column: Column): string {
  return `${tablePath(fresh.name)}.columns.${column.name}`;
}

function summary(column: Column): string {
  return columnSql(column).slice(quoteIdentifier(column.name).length + 1);
}

/** Whether a row that does not name the column gets a value. */
function filled({ default: value, identity, generated, nullable }: Column): boolean {
  return nullable || value !== undefined || identity !== undefined || generated !== undefined;
}

function added({ after, differences }: Pair, tables: TablePair, column: Column): void {
  const { fresh } = tables;
  const name = `${displayName(fresh.name)}.${column.name}`;
  const required = !filled(column);
  differences.find(required ? 'required-column-added' : 'column-added', {
    field_path: pathOf(tables, column), new_value: summary(column), affected_operations: ['INSERT'],
    description: `Column ${name} (${summary(column)}) is new${required ? ', and must be given' : ''}.`,
  });
  const steps = { about: [fresh.name] };
  const computed = column.generated !== undefined;
  differences.step({
    ...steps, phase: computed ? PHASES.generated : PHASES.column, description: `Add column ${name}`,
    forward: waiting(`ALTER TABLE ${quoteTable(fresh.name)} ADD COLUMN IF NOT EXISTS ${columnSql(column, { sequence: identitySequence(after, fresh.name, column.name), nullable: required || column.nullable })}`,
      ...(column.comment === undefined ? [] : [commentOnColumn(fresh.name, column.name, column.comment)])),
    back: waiting(`ALTER TABLE IF EXISTS ${quoteTable(fresh.name)} DROP COLUMN IF EXISTS ${quoteIdentifier(column.name)}`),
    holds: hasColumn(fresh.name, column.name), loses: `what was written to ${name} since`,
  });
  if (required) setNotNull({ differences }, tables, column);
}

function removed({ before, differences }: Pair, tables: TablePair, column: Column): void {
  const { old, fresh } = tables;
  const name = `${displayName(fresh.name)}.${column.name}`;
  const fits = fresh.columns.filter((each) => each.type === column.type && !old.columns.some((other) => other.name === each.name)).map((each) => each.name);
  const like = nearest(column.name, fits) ?? fits[0];
  differences.find('column-removed', {
    field_path: pathOf(tables, column), old_value: summary(column), affected_operations: ['SELECT', 'INSERT', 'UPDATE'],
    description: `Column ${name} is gone.`, ...(like === undefined ? {} : { how: `If it only has another name now, say so: --rename ${displayName(fresh.name)}.${column.name}=${displayName(fresh.name)}.${like}` }),
  });
  const own = before.sequences.filter(({ ownedBy }) => ownedBy?.table === fresh.name && ownedBy.column === column.name && !ownedBy.identity);
  const mayMiss = !filled(column);
  const add = `ALTER TABLE ${quoteTable(fresh.name)} ADD COLUMN IF NOT EXISTS ${columnSql(column, { sequence: identitySequence(before, fresh.name, column.name), nullable: mayMiss || column.nullable })}`;
  differences.step({
    phase: column.generated === undefined ? PHASES.dropColumn : PHASES.dropEarly, about: [fresh.name], description: `Drop column ${name}`,
    forward: waiting(`ALTER TABLE IF EXISTS ${quoteTable(fresh.name)} DROP COLUMN IF EXISTS ${quoteIdentifier(column.name)}`),
    back: waiting(...own.map(createSequence), add, ...own.map(ownSequence),
      ...(mayMiss ? [`DO $banyan$ BEGIN\n  IF NOT EXISTS (SELECT FROM ${quoteTable(fresh.name)} WHERE ${quoteIdentifier(column.name)} IS NULL) THEN\n    ALTER TABLE ${quoteTable(fresh.name)} ALTER COLUMN ${quoteIdentifier(column.name)} SET NOT NULL;\n  ELSE\n    RAISE WARNING ${quoteLiteral('a column that was NOT NULL has no values any more: fill it from a copy')};\n  END IF;\nEND $banyan$;`] : []),
      ...(column.comment === undefined ? [] : [commentOnColumn(fresh.name, column.name, column.comment)])),
    holds: `NOT ${hasColumn(fresh.name, column.name)}`,
    ...(column.generated === undefined ? { loses: `every value of ${name}` } : {}),
  });
}

function compareColumn(pair: Pair, tables: TablePair, old: Column, fresh: Column): void {
  if ((old.generated === undefined ? undefined : canonical(old.generated)) !== (fresh.generated === undefined ? undefined : canonical(fresh.generated)) || (old.virtual ?? false) !== (fresh.virtual ?? false)) {
    compareGenerated(pair, tables, old, fresh);
    return;
  }
  const typed = old.type !== fresh.type || (old.collation ?? '') !== (fresh.collation ?? '');
  if (typed) compareTypes({ pair, tables, old, fresh, path: pathOf(tables, fresh) });
  else if (fresh.generated !== undefined) rebuildGenerated(pair, tables, old, fresh);
  compareIdentity(pair, tables, old, fresh);
  compareDefault(pair, tables, { old, fresh, typed });
  compareNullability(pair, tables, old, fresh);
  compareComment(pair, tables, old, fresh);
}

/** A computed column is made anew: the server alters it in no version we know of without losing its order or its dependents. */
function compareGenerated(pair: Pair, tables: TablePair, old: Column, fresh: Column): void {
  const name = `${displayName(tables.fresh.name)}.${fresh.name}`;
  pair.differences.find(old.generated === undefined ? 'generated-added' : fresh.generated === undefined ? 'generated-removed' : 'generated-modified', {
    field_path: pathOf(tables, fresh),
    old_value: summary(old), new_value: summary(fresh), affected_operations: ['INSERT', 'UPDATE', 'SELECT'],
    description: `Column ${name} was ${summary(old)}, and is ${summary(fresh)}.`,
  });
  const table = quoteTable(tables.fresh.name);
  const column = quoteIdentifier(fresh.name);
  const loses = old.generated === undefined ? `what was written to ${name}` : `values of ${name} as they were computed`;
  if (old.generated !== undefined && fresh.generated === undefined && old.virtual !== true) {
    pair.differences.step({
      phase: PHASES.dropEarly, about: [tables.fresh.name], description: `Stop computing column ${name}`, forward: waiting(guarded(hasColumn(tables.fresh.name, fresh.name, "a.attgenerated <> ''"), `ALTER TABLE ${table} ALTER COLUMN ${column} DROP EXPRESSION`)),
      back: waiting(guarded(hasColumn(tables.fresh.name, fresh.name, "a.attgenerated = ''"), `ALTER TABLE ${table} DROP COLUMN ${column}`, `ALTER TABLE ${table} ADD COLUMN ${columnSql(old)}`)),
      holds: hasColumn(tables.fresh.name, fresh.name, "a.attgenerated = ''"), loses: `what was written to ${name} since`,
    });
    const plain: Column = { name: old.name, type: old.type, nullable: old.nullable, ...(old.collation === undefined ? {} : { collation: old.collation }), ...(old.comment === undefined ? {} : { comment: old.comment }) };
    compareColumn(pair, tables, plain, fresh);
    return;
  }
  recreate(pair, tables, { old, fresh, loses });
}

/** Drops the column early, and adds it late. */
function recreate({ before, after, differences }: Pair, tables: TablePair, { old, fresh, loses }: { readonly old: Column; readonly fresh: Column; readonly loses?: string }): void {
  const name = tables.fresh.name;
  const table = quoteTable(name);
  const drop = `ALTER TABLE IF EXISTS ${table} DROP COLUMN IF EXISTS ${quoteIdentifier(fresh.name)}`;
  const make = (column: Column, schema: Schema): string => waiting(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${columnSql(column, { sequence: identitySequence(schema, name, column.name) })}`, ...(column.comment === undefined ? [] : [commentOnColumn(name, column.name, column.comment)]));
  const title = `column ${displayName(name)}.${fresh.name}`;
  differences.step(
    { phase: PHASES.dropEarly, about: [name], description: `Take away ${title} to make it anew`, forward: waiting(drop), back: make(old, before), holds: `NOT ${hasColumn(name, fresh.name)}`, ...(loses === undefined ? {} : { loses }) },
    { phase: PHASES.generated, about: [name], description: `Make ${title} anew`, forward: make(fresh, after), back: waiting(drop), holds: hasColumn(name, fresh.name) },
  );
}

/** What a computed column reads can not change its type under it. */
function rebuildGenerated(pair: Pair, tables: TablePair, old: Column, fresh: Column): void {
  const changed = tables.fresh.columns.some((column) => {
    const before = tables.old.columns.find(({ name }) => name === column.name);
    return before !== undefined && before.type !== column.type && mentions(old.generated ?? '', column.name);
  });
  if (changed) recreate(pair, tables, { old, fresh });
}

function identityRule(old: Column, fresh: Column): string {
  if (fresh.identity === undefined) return 'identity-removed';
  if (old.identity === undefined) return fresh.identity === 'always' ? 'identity-always-added' : 'identity-added';
  return fresh.identity === 'always' ? 'identity-restricted' : 'identity-relaxed';
}

const LETTER = { always: 'a', 'by default': 'd' } as const;

function compareIdentity({ before, after, differences }: Pair, tables: TablePair, old: Column, fresh: Column): void {
  if (old.identity === fresh.identity) return;
  const { name } = tables.fresh;
  const title = `${displayName(name)}.${fresh.name}`;
  differences.find(identityRule(old, fresh), {
    field_path: pathOf(tables, fresh),
    old_value: old.identity ?? null, new_value: fresh.identity ?? null, affected_operations: ['INSERT'],
    description: `Column ${title} ${fresh.identity === undefined ? 'gives out no numbers any more' : `gives out numbers ${fresh.identity}`}.`,
  });
  const steps = { about: [name] };
  if (old.identity !== undefined && fresh.identity !== undefined) {
    const give = (identity: 'always' | 'by default'): string => waiting(guarded(hasColumn(name, fresh.name, `a.attidentity <> '${LETTER[identity]}'`), `ALTER TABLE ${quoteTable(name)} ALTER COLUMN ${quoteIdentifier(fresh.name)} SET GENERATED ${identity.toUpperCase()}`));
    differences.step({
      ...steps, phase: PHASES.identity, description: `Let column ${title} give out numbers ${fresh.identity}`, forward: give(fresh.identity),
      back: give(old.identity), holds: hasColumn(name, fresh.name, `a.attidentity = '${LETTER[fresh.identity]}'`),
    });
    return;
  }
  const [identity, schema, column] = fresh.identity === undefined ? [old.identity, before, old] as const : [fresh.identity, after, fresh] as const;
  if (identity === undefined) return;
  const sequence = identitySequence(schema, name, column.name);
  const numbers = `pg_get_serial_sequence(${quoteLiteral(quoteTable(name))}, ${quoteLiteral(column.name)})::regclass`;
  const add = [
    guarded(hasColumn(name, column.name, "a.attidentity = ''"), `ALTER TABLE ${quoteTable(name)} ALTER COLUMN ${quoteIdentifier(column.name)} ADD ${identitySql(identity, sequence)}`),
    // One that gave out numbers already goes on from where it is.
    `SELECT setval(${numbers}, (SELECT coalesce(max(${quoteIdentifier(column.name)}) + 1, ${sequence?.start ?? '1'}) FROM ${quoteTable(name)}), false) WHERE pg_sequence_last_value(${numbers}) IS NULL;`,
  ];
  const drop = guarded(hasColumn(name, column.name, "a.attidentity <> ''"), `ALTER TABLE ${quoteTable(name)} ALTER COLUMN ${quoteIdentifier(column.name)} DROP IDENTITY`);
  if (fresh.identity === undefined) {
    differences.step({ ...steps, phase: PHASES.dropIdentity, description: `Let column ${title} give out no numbers`, forward: waiting(drop), back: waiting(...add), holds: hasColumn(name, column.name, "a.attidentity = ''") });
  } else {
    differences.step({ ...steps, phase: PHASES.identity, description: `Let column ${title} give out numbers`, forward: waiting(...add), back: waiting(drop), holds: hasColumn(name, column.name, "a.attidentity <> ''") });
  }
}

function compareDefault({ differences, remade }: Pair, tables: TablePair, { old, fresh, typed }: { readonly old: Column; readonly fresh: Column; readonly typed: boolean }): void {
  if (fresh.generated !== undefined) return;
  const text = ({ default: value }: Column): string | undefined => (value === undefined ? undefined : canonical(value));
  const { name } = tables.fresh;
  const title = `${displayName(name)}.${fresh.name}`;
  const changed = text(old) !== text(fresh);
  const gone = fresh.default === undefined && fresh.identity === undefined;
  if (changed && fresh.identity === undefined && old.identity === undefined) {
    differences.find(gone && !fresh.nullable ? 'required-default-removed' : old.default === undefined ? 'default-added' : fresh.default === undefined ? 'default-removed' : 'default-changed', {
      field_path: pathOf(tables, fresh),
      old_value: old.default ?? null, new_value: fresh.default ?? null, affected_operations: ['INSERT'],
      description: `The default of ${title} was ${old.default ?? 'none'}, and is ${fresh.default ?? 'none'}.`,
    });
  }
  // Where the type changes, or is made anew, its default goes with it.
  if (typed && typeChange(old, fresh).takesDefault) return;
  if (!changed || (!typed && remade.has(fresh.type.replace(/(\[\])+$/, '')))) return;
  // A column of identity or a computed one takes no default, should the statement run a second time.
  const set = (value: string | undefined): string => waiting(guarded(hasColumn(name, fresh.name, `a.attidentity = '' AND a.attgenerated = '' AND NOT ${hasExpression(value)}`), `ALTER TABLE ${quoteTable(name)} ALTER COLUMN ${quoteIdentifier(fresh.name)} ${value === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${value}`}`));
  differences.step({
    phase: PHASES.default, about: [name], description: `${fresh.default === undefined ? 'Drop' : 'Set'} the default of ${title}`,
    forward: set(fresh.default), back: set(old.default), holds: hasDefault(name, fresh.name, fresh.default),
  });
}

function compareNullability({ differences }: Pair, tables: TablePair, old: Column, fresh: Column): void {
  if (old.nullable === fresh.nullable) return;
  const { name } = tables.fresh;
  const title = `${displayName(name)}.${fresh.name}`;
  if (!fresh.nullable) {
    differences.find('nullability-restriction', {
      field_path: pathOf(tables, fresh), old_value: 'NULL', new_value: 'NOT NULL', affected_operations: ['INSERT', 'UPDATE'], description: `Column ${title} may not be null any more.`,
    });
    setNotNull({ differences }, tables, fresh);
    return;
  }
  differences.find('nullability-relaxed', {
    field_path: pathOf(tables, fresh), old_value: 'NOT NULL', new_value: 'NULL', affected_operations: ['SELECT'], description: `Column ${title} may be null now.`,
  });
  differences.step({
    phase: PHASES.allowNull, about: [name], description: `Let column ${title} be null`, forward: waiting(alterColumn(name, fresh.name, 'DROP NOT NULL')), back: waiting(alterColumn(name, fresh.name, 'SET NOT NULL')),
    holds: hasColumn(name, fresh.name, 'NOT a.attnotnull'), loses: `nothing, but the way back is refused while ${title} has a null`,
  });
}

/** The rows are looked at beside the writers; SET NOT NULL then believes the check. */
function setNotNull({ differences }: Pick<Pair, 'differences'>, tables: TablePair, column: Column): void {
  const { name } = tables.fresh;
  const title = `${displayName(name)}.${column.name}`;
  const check = `banyan_not_null_${tables.fresh.columns.indexOf(column) + 1}`;
  const open = hasColumn(name, column.name, 'NOT a.attnotnull');
  const closed = hasColumn(name, column.name, 'a.attnotnull');
  const alter = `ALTER TABLE ${quoteTable(name)}`;
  const steps = { phase: PHASES.notNull, about: [name] };
  differences.step(
    { ...steps, description: `Refuse new nulls in ${title}`, forward: waiting(guarded(`${open} AND NOT ${hasConstraint(name, check)}`, `${alter} ADD CONSTRAINT ${check} CHECK (${quoteIdentifier(column.name)} IS NOT NULL) NOT VALID`)), back: waiting(dropConstraint(name, check)), holds: `${hasConstraint(name, check)} OR ${closed}` },
    { ...steps, description: `Look for nulls in ${title}`, forward: validateConstraint(name, check), back: '-- Nothing to undo.', holds: `${isValid(name, check)} OR ${closed}` },
    {
      ...steps, description: `Make ${title} NOT NULL`, forward: waiting(guarded(open, `${alter} ALTER COLUMN ${quoteIdentifier(column.name)} SET NOT NULL`), dropConstraint(name, check)),
      back: waiting(alterColumn(name, column.name, 'DROP NOT NULL')), holds: closed,
    },
  );
}

function compareComment({ differences }: Pair, tables: TablePair, old: Column, fresh: Column): void {
  if (old.comment === fresh.comment) return;
  const { name } = tables.fresh;
  const title = `${displayName(name)}.${fresh.name}`;
  differences.find('column-comment-changed', { field_path: pathOf(tables, fresh), old_value: old.comment ?? null, new_value: fresh.comment ?? null, description: `The comment on ${title} is another one.` });
  const set = (comment: string | undefined): string => waiting(commentOnColumn(name, fresh.name, comment));
  differences.step({ phase: PHASES.attribute, about: [name], description: `Comment on ${title}`, forward: set(fresh.comment), back: set(old.comment), holds: hasColumnComment(name, fresh.name, fresh.comment) });
}
