import { readdir } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';

/** What a module in `src/extensions` exports by default. It is handed a scope of its own. */
export type Extension = (app: FastifyInstance, context: { pool: pg.Pool }) => void | Promise<void>;

/** Loads every module that lies directly in `folder`, by name. Throws if one exports no function. */
export async function loadExtensions(folder: URL): Promise<Extension[]> {
  const names = (await readdir(folder)).filter((name) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts'));
  const extensions: Extension[] = [];
  for (const name of names.toSorted()) {
    const loaded: unknown = await import(new URL(name, folder).href);
    if (!isExtensionModule(loaded)) throw new Error(`extensions/${name} must export a function by default.`);
    extensions.push(loaded.default);
  }
  return extensions;
}

function isExtensionModule(module: unknown): module is { default: Extension } {
  return typeof module === 'object' && module !== null && 'default' in module && typeof module.default === 'function';
}
