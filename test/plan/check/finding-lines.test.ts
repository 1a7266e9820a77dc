import { describe, expect, it } from 'vitest';
import { parseText } from '../../../src/plan/document.ts';
import type { Finding } from '../../../src/plan/check/finding.ts';
import { LONGEST_WITH_LINES } from '../../../src/plan/check/places/document-lines.ts';
import { withLines } from '../../../src/plan/check/places/with-lines.ts';

const YAML = `openapi: 3.1.0
paths:
  /users/{userId}:
    parameters:
      - $ref: '#/components/parameters/Limit'
    post:
      security: [{ key: [] }]
      requestBody:
        content:
          text/csv: { schema: { type: string } }
          application/json:
            schema:
              allOf:
                - $ref: "#/components/schemas/User"
                - properties:
                    extra.name: { type: string }
      responses:
        200:
          headers: { X-A: { schema: { type: string } } }
          content:
            application/json: { schema: { oneOf: [{ $ref: '#/components/schemas/User' }] } }
components:
  parameters:
    Limit: { name: limit, in: query }
  schemas:
    User:
      properties:
        name: { type: string }
        boss: { $ref: '#/components/schemas/User' }
`;

const finding = (path: string): Finding => ({ type: 't', rule: 'r', severity: 'breaking', description: 'd', field_path: path, old_value: null, new_value: null, impact: '', suggested_migration: '', affected_operations: [] });
const api = (text: string, path: string) => withLines({ findings: [finding(path)], type: 'api', file: 'new.yaml', text, document: parseText('new.yaml', text) })[0]?.location;

describe('a finding of an API has the line of the new document', () => {
  it.each([
    ['paths./users/{userId}.post', 6, 5], ['paths./users/{id}.post.security', 7, 7], ['paths./users/{id}.post.parameters.limit', 6, 5], ['paths./users/{id}.parameters.limit', 24, 5],
    ['paths./users/{id}.post.request', 8, 7], ['paths./users/{id}.post.request.properties.name', 28, 9], ['paths./users/{id}.post.request.properties.boss.properties.name', 28, 9],
    ['paths./users/{id}.post.request.properties.extra.name', 16, 21], ['paths./users/{id}.post.request.content.text/csv', 10, 11], ['paths./users/{id}.post.responses.200.headers.X-A', 19, 22],
    ['paths./users/{id}.post.responses.200.oneOf.User.properties.name', 28, 9], ['paths./users/{id}.post.responses.404', 17, 7], ['paths./nobody', 2, 1], ['', 1, 1],
  ])('%s', (path, line, column) => {
    expect(api(YAML, path)).toEqual({ file: 'new.yaml', line, column });
  });

  it('in JSON as well', () => {
    const json = JSON.stringify(parseText('new.yaml', YAML), null, 2);
    const { line = 0 } = api(json, 'paths./users/{userId}.post.responses.200.oneOf.User.properties.boss') ?? {};
    expect(json.split('\n')[line - 1]?.trim()).toMatch(/"User": \{/);
  });

  it('and none where the document is too long to be read again, or circles never end', () => {
    expect(api(`${YAML}# ${'x'.repeat(LONGEST_WITH_LINES)}`, 'paths')).toBeUndefined();
    const circle = '{"openapi":"3.1.0","components":{"schemas":{"A":{"$ref":"#/components/schemas/A"},"B":{"allOf":[{"$ref":"#/components/schemas/B"},{"$ref":"#/components/schemas/B"}]}}}}';
    expect(api(circle, 'components.schemas.B.properties.x')).toMatchObject({ line: 1 });
    expect(api(circle, 'components.schemas.A.properties.x')).toMatchObject({ line: 1 });
  });
});

it('of a message, the line of its schema', () => {
  const text = '{\n  "type": "object",\n  "properties": {\n    "id": { "type": "string" }\n  }\n}';
  const at = (path: string) => withLines({ findings: [finding(path)], type: 'schema', file: 'm.json', text, document: parseText('m.json', text) })[0]?.location?.line;
  expect([at('message'), at('message.properties.id'), at('message.properties.gone')]).toEqual([1, 4, 3]);
});

it('of GraphQL, the line of the type, field, argument or value', () => {
  const text = 'schema {\n  query: Q\n}\ntype Q {\n  users(\n    limit: Int\n  ): [User]\n}\ntype User { name: String }\nenum Role {\n  A\n}\ndirective @auth(\n  role: Role\n) on FIELD\n';
  const at = (path: string) => withLines({ findings: [finding(path)], type: 'graphql', file: 'a.graphql', text })[0]?.location?.line;
  expect(['schema.query', 'Q.users', 'Q.users.args.limit', 'User.gone', 'Role.A', '@auth.args.role', 'Nobody'].map(at)).toEqual([2, 5, 6, 9, 11, 14, undefined]);
});
