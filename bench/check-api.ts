import { parseDocument, stringify } from 'yaml';
import { compareApis } from '../src/plan/check/api/compare-apis.ts';
import { reportText } from '../src/plan/check/render-report.ts';
import { compatibilityReport } from '../src/plan/check/report.ts';
import { parseText } from '../src/plan/document.ts';

/**
 * What `banyan check --type api` takes for two OpenAPI documents of 10 MB each, in YAML and in JSON, from their text to
 * the report, with one change and with thousands; and what the library of YAML takes alone to read one of them.
 * Each part in a process' first go, since that is what a user waits for. Wall clock and processor time.
 *
 *     npm run bench:check-api [-- --without-library]
 */

const BYTES = 10_000_000;

/** A document of so many resources, each with two operations and a schema that refers to others. */
function document(resources: number): string {
  const schemas = Object.fromEntries(Array.from({ length: resources }, (_, n) => [`Thing${n}`, {
    type: 'object', description: `A thing of kind ${n}: it has a name, and parts. What's in it is told by its type.`, required: ['id', 'name'],
    properties: {
      id: { type: 'string', format: 'uuid' }, name: { type: 'string', maxLength: 80, example: `thing "${n}"` }, amount: { type: 'number', minimum: 0, example: 12.5 },
      state: { type: 'string', enum: ['new', 'open', 'closed'] }, next: { $ref: `#/components/schemas/Thing${(n + 1) % resources}` },
      parts: { type: 'array', items: { $ref: `#/components/schemas/Thing${(n * 7) % resources}` } },
    },
  }]));
  const answer = (n: number) => ({ content: { 'application/json': { schema: { $ref: `#/components/schemas/Thing${n}` } } } });
  const paths = Object.fromEntries(Array.from({ length: resources }, (_, n) => [`/things${n}/{id}`, {
    get: {
      operationId: `getThing${n}`, description: 'Gives the thing.\n\nIt is **read** from the database; what is missing is a 404.\n', tags: ['things'],
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } }, { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 100, default: 20 } }],
      responses: { 200: { description: 'The thing', ...answer(n) }, 404: { description: 'There is none' } },
    },
    post: { operationId: `putThing${n}`, requestBody: { required: true, ...answer(n) }, responses: { 201: { description: 'Made', ...answer(n) } } },
  }]));
  return stringify({ openapi: '3.1.0', info: { title: 'Things', version: '1' }, paths, components: { schemas } }, { aliasDuplicateObjects: false });
}

function measured(name: string, run: () => void): void {
  const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
  run();
  const { user, system } = process.cpuUsage(startedCpu);
  console.log(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(2)} s, ${((user + system) / 1e6).toFixed(2)} s of processor time`);
}

function check(before: string, after: string): void {
  const comparison = compareApis({ before: parseText('before', before), after: parseText('after', after) });
  const text = reportText(compatibilityReport({ before: 'before', after: 'after', at: new Date(0), comparison }));
  console.log(`  ${comparison.findings.length} findings, ${text.length} signs of report`);
}

const perResource = document(100).length / 100;
const yaml = document(Math.ceil(BYTES / perResource));
const once = yaml.replace('maxLength: 80', 'maxLength: 60');
const [json, jsonOnce] = [yaml, once].map((text) => JSON.stringify(parseText('document', text), null, 2));
console.log(`YAML ${(yaml.length / 1e6).toFixed(1)} MB, the same as JSON ${((json?.length ?? 0) / 1e6).toFixed(1)} MB`);
measured('YAML, one change', () => check(yaml, once));
measured('JSON, one change', () => check(json ?? '', jsonOnce ?? ''));
measured('YAML, a change in every schema', () => check(yaml, yaml.replaceAll('maxLength: 80', 'maxLength: 60')));
measured('reading one YAML', () => parseText('document', yaml));
if (!process.argv.includes('--without-library')) measured('reading one YAML by the library alone', () => parseDocument(yaml, { prettyErrors: false }).toJS());
console.log(`memory at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
