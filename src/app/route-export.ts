import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BanyanError, messageOf } from '../core/errors.ts';
import { Envoy } from '../dataplane/envoy.ts';
import { GatewayApi } from '../dataplane/gateway-api.ts';
import { Haproxy } from '../dataplane/haproxy/haproxy.ts';
import { Istio } from '../dataplane/istio.ts';
import { Nginx } from '../dataplane/nginx.ts';
import { replaceFile } from '../dataplane/replace-file.ts';
import type { DataPlane } from '../ports/data-plane.ts';
import { PostgresRouteStore } from '../state/route-store.ts';
import { planOf } from './plane-plan.ts';
import type { RouteExportOptions, RouteExportResult, RouteFormat } from './route-export-types.ts';
import type { Session } from './session.ts';

const DEFAULT_SOCKET = '/run/haproxy/banyan.sock';

const PLANES: Readonly<Record<RouteFormat, (session: Session) => DataPlane>> = {
  haproxy: ({ config }) => new Haproxy({ socket: config.route?.planes.find(({ kind }) => kind === 'haproxy')?.socket ?? DEFAULT_SOCKET }),
  nginx: () => new Nginx(),
  envoy: () => new Envoy(),
  istio: () => new Istio(),
  'gateway-api': () => new GatewayApi(),
};

/** `banyan route export`: the routes of the configuration, with the shares of the store, for another proxy. */
export async function exportRoutes(session: Session, options: RouteExportOptions): Promise<RouteExportResult> {
  // The shares are those that were decided: a guessed one could move users back.
  const store = new PostgresRouteStore({ pool: session.statePool, clock: session.context.clock });
  await store.install();
  const rendering = PLANES[options.format](session).render(planOf(session.config, await store.load(), options));
  const files: string[] = [];
  for (const { path, content } of rendering.files) {
    const file = join(options.outDir, path);
    try {
      await mkdir(dirname(file), { recursive: true });
      await replaceFile(file, content);
    } catch (error) {
      throw new BanyanError('BANYAN_FILE', { message: `${file} could not be written: ${messageOf(error)}`, cause: error });
    }
    files.push(file);
  }
  return { format: options.format, files, notes: rendering.notes };
}
