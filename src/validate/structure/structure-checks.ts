import type { FindingSeverity, SchemaFinding, SequenceFinding } from '../../model/structure-finding.ts';
import { printable, shortened } from '../../core/printable.ts';
import type { Check, Example } from '../report-checks.ts';
import type { BrokenReference, ReferencedColumns, TableReport } from '../report.ts';
import type { Severity } from '../severity.ts';

/** How grave a finding is, in the words of the rows' differences. */
export const SEVERITY_OF_FINDING: Readonly<Record<FindingSeverity, Severity>> = { error: 'high', warning: 'low' };

/** The checks of a table's definition that were made; none where nobody looked. */
export function structureChecks({ table, schema, sequences, references }: Pick<TableReport, 'table' | 'schema' | 'sequences' | 'references'>, most: number): readonly Check[] {
  return [
    ...(schema ? [check({ table, name: 'schema', findings: schema, example: schemaExample, most })] : []),
    ...(sequences ? [check({ table, name: 'sequences', findings: sequences, example: sequenceExample, most })] : []),
    ...(references ? [referenceCheck(table, references, most)] : []),
  ];
}

function check<T extends { readonly severity: FindingSeverity }>(parts: {
  readonly table: string;
  readonly name: string;
  readonly findings: readonly T[];
  readonly example: (finding: T) => Example;
  readonly most: number;
}): Check {
  const { table, name, findings, example, most } = parts;
  const errors = findings.filter(({ severity }) => severity === 'error');
  const warnings = findings.length - errors.length;
  const said = [...(errors.length > 0 ? [plural(errors.length, 'error')] : []), ...(warnings > 0 ? [plural(warnings, 'warning')] : [])].join(', ');
  return {
    table, name, outcome: errors.length > 0 ? 'failed' : 'passed', severity: SEVERITY_OF_FINDING[errors.length > 0 ? 'error' : 'warning'], message: said,
    examples: [...errors, ...findings.filter(({ severity }) => severity === 'warning')].slice(0, most).map(example), total: findings.length,
  };
}

/** Each key by which rows refer to nothing is an example; what is unsettled is not known to be broken. */
function referenceCheck(table: string, references: readonly BrokenReference[], most: number): Check {
  const [rows, orphans, unsettled] = (['rows', 'orphans', 'unsettled'] as const).map((count) => references.reduce((sum, { counts }) => sum + counts[count], 0));
  const examples = references.flatMap(({ name, from, to, orphans: listed }) =>
    listed.map(({ key, rows: count }): Example => ({
      subject: Object.entries(key).map(([column, value]) => `${printable(column)}=${shown(value)}`).join(', '),
      detail: `${plural(count, 'row')} of ${endText(from)}; not in ${endText(to)} (${printable(name)})`,
    })),
  );
  const unread = references.flatMap(({ unread: reason }) => (reason === undefined ? [] : [printable(reason)]));
  const waiting = [...(unsettled ? [`${plural(unsettled, 'key')} whose rows were written at every look`] : []), ...unread].join('; ');
  const outcome = orphans ? 'failed' : waiting === '' ? 'passed' : 'skipped';
  return {
    table, name: 'references', outcome, severity: SEVERITY_OF_FINDING.error, examples: examples.slice(0, most), total: orphans ?? 0,
    message: orphans ? `${plural(rows ?? 0, 'row')} that ${rows === 1 ? 'refers' : 'refer'} to nothing` : waiting,
  };
}

const endText = ({ database, table, columns }: ReferencedColumns): string => `${printable(table)} (${columns.map((column) => printable(column)).join(', ')}) on ${database}`;

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Definitions are for reading; the JSON document has them whole. */
const LONGEST = 200;
const shown = (text: string | null): string => (text === null ? 'none' : printable(shortened(text, LONGEST)));

function schemaExample({ kind, object, source, target, remedy }: SchemaFinding): Example {
  return { subject: printable(object), detail: `${kind}: ${shown(source)} ≠ ${shown(target)}${remedyText(remedy)}` };
}

function sequenceExample({ kind, on, sequence, next, taken, remedy }: SequenceFinding): Example {
  const says = {
    sequence_behind: `gives out ${next} next, and ${taken} is taken`,
    sequence_overlap: `gives out ${next} next; the other side has given out ${taken}`,
    sequence_room: `gives out ${next} next; the other side's numbers begin at ${taken}`,
    sequence_unread: 'the role may not read it',
  }[kind];
  return { subject: `${printable(sequence)} (${on})`, detail: `${kind}: ${says}${remedyText(remedy)}` };
}

function remedyText(remedy: SchemaFinding['remedy']): string {
  return remedy ? `; run on the ${remedy.on}: ${remedy.sql.map((sql) => printable(sql)).join('; ')}` : '';
}
