export interface RouteExportOptions {
  readonly format: RouteFormat;
  readonly outDir: string;
  /** Where the other proxy listens, as host:port. Default: 127.0.0.1:8000. */
  readonly listen?: string;
  /** A request header in which somebody in front gives the user's bucket. */
  readonly bucketHeader?: string;
  /** Where that proxy reaches Banyan's own router. Default: `route.listen`. */
  readonly router?: string;
  /** Without Banyan's own router: nobody is held for the fence, nothing is compared. */
  readonly direct: boolean;
}

export type RouteFormat = 'haproxy' | 'nginx' | 'envoy' | 'istio' | 'gateway-api';

export interface RouteExportResult {
  readonly format: RouteFormat;
  /** Paths as they were written. */
  readonly files: readonly string[];
  /** Where that proxy does less than Banyan's own router. */
  readonly notes: readonly string[];
}
