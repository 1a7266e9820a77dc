import type { FastifyInstance } from 'fastify';
import { Compile } from 'typebox/compile';

export type Json = Readonly<Record<string, unknown>>;

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly examples?: readonly unknown[];
  readonly maxLength?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
}

interface OperationObject {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>>;
  };
}

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly id: string;
  readonly parameters: readonly Parameter[];
  readonly body?: Schema;
  readonly responses: OperationObject['responses'];
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly body: Json;
}

/** Calls operations of a service by their ids and holds every answer against the document. */
export class OpenApiDriver {
  readonly operations: readonly Operation[];
  readonly #app: FastifyInstance;
  readonly #document: OpenApi;
  readonly #checks = new Map<Schema, (value: unknown) => string>();

  constructor(app: FastifyInstance, document: OpenApi) {
    this.#app = app;
    this.#document = document;
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([method]) => method !== 'parameters')
        .map(([method, value]): Operation => {
          const operation = value as OperationObject;
          const shared = (item['parameters'] ?? []) as readonly Parameter[];
          const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
          return {
            method: method.toUpperCase() as Operation['method'],
            path,
            id: operation.operationId,
            parameters: [...shared, ...(operation.parameters ?? [])],
            responses: operation.responses,
            ...(body ? { body } : {}),
          };
        }),
    );
  }

  operation(id: string): Operation {
    const found = this.operations.find((operation) => operation.id === id);
    if (!found) throw new Error(`no operation ${id}`);
    return found;
  }

  /** A body of every property, or of those required, made from the document alone. */
  body(id: string, only: 'all' | 'required' = 'all'): Record<string, unknown> {
    const schema = this.#resolve(this.operation(id).body ?? {});
    const names = only === 'all' ? Object.keys(schema.properties ?? {}) : (schema.required ?? []);
    return Object.fromEntries(names.map((name) => [name, this.#sample(schema.properties?.[name] ?? {})]));
  }

  properties(id: string): readonly string[] {
    return Object.keys(this.#resolve(this.operation(id).body ?? {}).properties ?? {});
  }

  async call(
    id: string,
    request: {
      readonly path?: Readonly<Record<string, string>>;
      readonly query?: Readonly<Record<string, string>>;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Answer> {
    const operation = this.operation(id);
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(request.path?.[name] ?? ''));
    const query = new URLSearchParams(request.query).toString();
    return this.send(operation, query === '' ? path : `${path}?${query}`, request);
  }

  /** Sends to any URL as if to `operation`; fails if the answer is one that the document does not have. */
  async send(
    operation: Operation,
    url: string,
    request: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const hasBody = request.body !== undefined;
    const response = await this.#app.inject({
      method: operation.method,
      url,
      headers: { ...(hasBody ? { 'content-type': 'application/json' } : {}), ...request.headers },
      ...(hasBody ? { payload: typeof request.body === 'string' ? request.body : JSON.stringify(request.body) } : {}),
    });
    const { statusCode: status, headers, payload: text } = response;
    const isJson = /json/.test(String(headers['content-type'] ?? ''));
    const answer = { status, headers, text, body: isJson ? (JSON.parse(text) as Json) : {} };
    this.#check(operation, answer, `${operation.method} ${url} ${hasBody ? JSON.stringify(request.body).slice(0, 300) : ''}`);
    return answer;
  }

  #check(operation: Operation, answer: Answer, what: string): void {
    const declared = operation.responses[String(answer.status)];
    if (!declared) throw new Error(`${what}: ${answer.status} is not in the document: ${answer.text}`);
    const response = declared.$ref ? this.#document.components.responses[declared.$ref.split('/').at(-1)!]! : declared;
    const schema = Object.values(response.content ?? {})[0]?.schema;
    if (!schema || !response.content || 'text/plain' in response.content) return;
    if (answer.status >= 400) {
      const type = String(answer.headers['content-type']);
      if (!type.startsWith('application/problem+json')) throw new Error(`${what}: ${type}`);
    }
    let check = this.#checks.get(schema);
    if (!check) {
      const validator = Compile(this.#inline(schema) as object);
      check = (value) => (validator.Check(value) ? '' : JSON.stringify(validator.Errors(value).slice(0, 3)));
      this.#checks.set(schema, check);
    }
    const errors = check(answer.body);
    if (errors !== '') throw new Error(`${what}: ${answer.text.slice(0, 500)} does not match: ${errors}`);
  }

  #resolve(schema: Schema): Schema {
    return schema.$ref ? this.#document.components.schemas[schema.$ref.split('/').at(-1)!]! : schema;
  }

  #inline(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#inline(item));
    if (typeof value !== 'object' || value === null) return value;
    if ('$ref' in value && typeof value.$ref === 'string') return this.#inline(this.#resolve({ $ref: value.$ref }));
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.#inline(member)]));
  }

  #sample(schema: Schema): unknown {
    if (schema.anyOf) return this.#sample(schema.anyOf[0]!);
    if (schema.enum) return schema.enum[0];
    if (schema.type === 'array') return [this.#sample(schema.items ?? {}), this.#sample(schema.items ?? {})];
    if (schema.examples) return schema.examples[0];
    if (schema.type === 'boolean') return true;
    if (schema.type === 'integer' || schema.type === 'number') return 1;
    if (schema.type === 'string') return 'text'.slice(0, schema.maxLength ?? 4);
    return { a: [1, 'two', null] };
  }
}
