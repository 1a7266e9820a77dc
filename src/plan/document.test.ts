import { describe, expect, it, test } from 'vitest';
import { isBanyanError } from '../core/errors.ts';
import type { DocumentIssue } from './document.ts';
import { readSpecification } from './specification.ts';

function issuesOf(text: string): readonly DocumentIssue[] {
  try {
    readSpecification({ file: 'spec.json', text });
  } catch (error) {
    if (!isBanyanError(error, 'BANYAN_DOCUMENT')) throw error;
    return error.details['issues'] as DocumentIssue[];
  }
  return [];
}

const GOOD = { type: 'database', source: 'a', target: 'b' };
const having = (more: object): string => JSON.stringify({ ...GOOD, ...more }, null, 2);

describe('a specification', () => {
  test.each([
    ['{}', [['type', 'nothing'], ['source', 'nothing'], ['target', 'nothing']]],
    [having({ type: 'databse' }), [['type', '"databse"']]],
    [having({ source: '' }), [['source', 'an empty text']]],
    [having({ constraints: { data_volume_gb: -1 } }), [['constraints.data_volume_gb', 'the number -1']]],
    [having({ constraints: [] }), [['constraints', 'a list of 0']]],
    [having({ tables_to_migrate: [{ name: 'a' }, {}] }), [['tables_to_migrate[1].name', 'nothing']]],
    [having({ schema_changes: [{ table: 't', changes: [{ type: 'add_column', nullable: 'no' }] }] }), [['schema_changes[0].changes[0].nullable', '"no"']]],
    [having({ business_continuity: { preferred_migration_window: { start: '25:00' } } }), [['business_continuity.preferred_migration_window.start', '"25:00"']]],
    [having({ business_continuity: { critical_business_hours: { timezone: 'Mars/Olympus' } } }), [['business_continuity.critical_business_hours.timezone', '"Mars/Olympus"']]],
    [having({ feature_flags: [{ name: 'f', rollout_schedule: [{ percentage: 50 }, { percentage: 5 }] }] }), [['feature_flags[0].rollout_schedule[1].percentage', '5, after 50']]],
    [having({ start_date: '2027-02-30' }), [['start_date', '"2027-02-30"']]],
    ['[1]', [['', 'a list of 1']]],
    ['', [['', 'nothing']]],
    ['a\0b', [['', 'binary content']]],
    [`${'['.repeat(5000)}${']'.repeat(5000)}`, [['', 'more than 500 levels of nesting']]],
  ])('%#: is refused with key and what was found', (text, expected) => {
    expect(issuesOf(text).map(({ path, found }) => [path, found])).toEqual(expected);
  });

  it('says in which line it stands', () => {
    expect(issuesOf(having({ constraints: { data_volume_gb: 'much' } }))).toMatchObject([{ line: 6, expected: 'a number (GB)' }]);
    expect(issuesOf('type: database\nsource: a\ntarget: [')).toMatchObject([{ line: 3 }]);
  });

  it('may be YAML, may begin with a byte order mark, and keeps what it does not know', () => {
    expect(readSpecification({ file: 'f', text: 'type: api\nsource: a\ntarget: b\nowner: me\n' }).value).toMatchObject({ type: 'api', owner: 'me' });
    expect(readSpecification({ file: 'f', text: `\uFEFF${having({ descriptoin: 'x' })}` }).unknown).toEqual([{ path: 'descriptoin', near: 'description' }]);
  });

  it('does not follow aliases without end', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[i]}`).join(',')}]`)].join('\n');
    expect(issuesOf(bomb)).toHaveLength(1);
  });
});
