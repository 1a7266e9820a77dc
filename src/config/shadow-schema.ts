import { Type } from 'typebox';
import { choice, listOf, section, text, whole } from './schema-parts.ts';

/*
 * `route.shadow` of banyan.yaml: what is compared, and how.
 */

const path = () => text('json-path', 'A path into a JSON body: $.items[*].price, $.**.etag.');
const bound = (description: string) => Type.Optional(Type.Number({ minimum: 0, description }));
const share = (description: string, fallback: number) => Type.Number({ minimum: 0, maximum: 100, default: fallback, description });

export const shadowSchema = section(
  {
    percent: share('Share of safe requests (GET, HEAD) that the service answers too, unseen, to be compared.', 0),
    ignore: listOf(text('compared-place', 'A header, or a path into a JSON body such as $.updated_at, with all below it.'), 'What may differ.', { default: [] }),
    headers: listOf(text('header-name', 'A response header.'), 'Headers that are compared beside content-type.', { default: [] }),
    tolerance: listOf(
      section({
        path: Type.Optional(path()),
        absolute: bound('In the unit of the value.'),
        relative: bound('As a share of the larger of both.'),
      }),
      'How far numbers may be apart; the first whose path fits, one without a path is for all.',
      { default: [] },
    ),
    unordered: listOf(
      Type.Union([
        path(),
        section({ path: path(), key: Type.Optional(text('text', 'The field that tells the items apart. Default: found by what they have in common.')) }),
      ]),
      'Lists whose order says nothing.',
      { default: [] },
    ),
    sameSidePercent: share('Of the requests that are compared, the share for which one side is asked twice, to learn where its own answers differ.', 10),
    writes: Type.Optional(
      section(
        {
          mode: choice(
            ['write-safe', 'dry-run-header', 'rolled-back'],
            'What the side promises. `write-safe`: its writes harm nobody. `dry-run-header`: it carries out nothing that has `header`. `rolled-back`: it rolls back what has `x-banyan-shadow: 1`, and `header` if there is one.',
          ),
          header: Type.Optional(text('header-line', 'What tells it so, as it stands in a request: `x-dry-run: 1`.')),
          sides: Type.Array(choice(['monolith', 'service'], 'A side.'), { minItems: 1, default: ['service'], description: 'Which sides promise it.' }),
        },
        { description: 'Writes too, sent to the other side once, after the user was answered; only to a side that promises not to carry them out. Default: never.' },
      ),
    ),
    settleMs: whole('Milliseconds after which a difference is looked at again: longer than sync takes, and than the second of a clock.', { minimum: 0, default: 1100 }),
    timeoutMs: whole('Milliseconds for a whole answer.', { minimum: 1, default: 10_000 }),
    maxBodyBytes: whole('Of longer answers only status and headers are compared.', { minimum: 0, maximum: 4_194_304, default: 65_536 }),
    queue: whole('Comparisons that may wait; more are left out and counted.', { minimum: 1, maximum: 4096, default: 64 }),
    concurrency: whole('Comparisons at once.', { minimum: 1, maximum: 8, default: 4 }),
  },
  { default: {}, description: 'Comparing answers before anybody is moved.' },
);
