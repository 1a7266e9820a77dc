import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { silentLogger } from '../core/logger.ts';
import { loadTracing } from './route-tracing.ts';

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** A folder beside whose files this `@opentelemetry/api` is installed; null: none. */
async function folderWith(source: string | null): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-tracing-'));
  folders.push(folder);
  if (source === null) return folder;
  const installed = join(folder, 'node_modules', '@opentelemetry', 'api');
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, 'index.js'), source);
  return folder;
}

const SPAN = "{ spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }) }";
const OWN = `module.exports = { own: true, ROOT_CONTEXT: {}, trace: { getTracer: () => ({ startSpan: () => (${SPAN}) }), setSpanContext: (context) => context } };`;

function load(from: readonly string[]): { readonly api: unknown; readonly warned: string[] } {
  const warned: string[] = [];
  const api = loadTracing({ folders: from, logger: { ...silentLogger, warn: (message) => void warned.push(message) } });
  return { api, warned };
}

it("takes the user's own OpenTelemetry before Banyan's", async () => {
  const { api, warned } = load([await folderWith(OWN), import.meta.dirname]);
  expect(api).toMatchObject({ own: true });
  expect(warned).toEqual([]);
});

it('says so when nobody takes the spans', async () => {
  const { api, warned } = load([await folderWith(null), import.meta.dirname]);
  expect(api).not.toMatchObject({ own: true });
  expect(warned).toEqual([expect.stringContaining('no OpenTelemetry SDK is registered')]);
});

it('refuses when it can not be had, or is something else', async () => {
  const empty = await folderWith(null);
  expect(() => load([empty])).toThrow(expect.objectContaining({ code: 'BANYAN_ROUTE_TRACING', message: expect.stringContaining(empty) }));
  const other = await folderWith('module.exports = {};');
  expect(() => load([other])).toThrow(expect.objectContaining({ code: 'BANYAN_ROUTE_TRACING' }));
});
