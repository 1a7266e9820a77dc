/** One file of a project, in memory. */
export interface ProjectFile {
  /** Relative to the project's folder, with `/`. */
  readonly path: string;
  readonly content: string;
}

/** What a generated project is called and where its resources are. */
export interface ProjectOptions {
  /** The service's name, as in the configuration: `accounts`. */
  readonly service: string;
  /** Where the resources are. Default `/v1`. */
  readonly basePath: string;
}

/** The service's name as npm and Docker want it. */
export function packageName(service: string): string {
  const name = service
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'service' : name;
}
