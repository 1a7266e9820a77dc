/*
 * The part of SARIF 2.1.0 (OASIS) that Banyan writes, as a JSON Schema: every object that may appear, and nothing beyond
 * it. Written from the standard; what passes here passes the standard's own schema, which allows more.
 */

const text = { type: 'string', minLength: 1 } as const;
const object = (properties: object, required: readonly string[]) => ({ type: 'object', properties, required, additionalProperties: false });
const list = (items: object) => ({ type: 'array', items });
const message = object({ text }, ['text']);

const rule = object({ id: text, name: text, shortDescription: message, fullDescription: message, help: message }, ['id']);

/** RFC 3986: no blanks, no backslashes, percent signs only in escapes, at most one fragment. */
const uriReference = { type: 'string', pattern: "^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:[A-Za-z0-9._~:/?@!$&'()*+,;=\\[\\]-]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?$" };
const location = object({ physicalLocation: object({ artifactLocation: object({ uri: uriReference }, ['uri']) }, ['artifactLocation']), logicalLocations: list(object({ fullyQualifiedName: text }, ['fullyQualifiedName'])) }, ['physicalLocation']);
const suppression = object({ kind: { enum: ['inSource', 'external'] }, status: { enum: ['accepted', 'underReview', 'rejected'] }, justification: text }, ['kind']);
const result = object(
  {
    ruleId: text, ruleIndex: { type: 'integer', minimum: 0 }, level: { enum: ['none', 'note', 'warning', 'error'] }, message, locations: { ...list(location), maxItems: 1 },
    suppressions: { ...list(suppression), uniqueItems: true }, partialFingerprints: { type: 'object', additionalProperties: { type: 'string' } },
  },
  ['ruleId', 'ruleIndex', 'level', 'message', 'locations', 'partialFingerprints'],
);

export const SARIF_SCHEMA = object(
  {
    $schema: { const: 'https://json.schemastore.org/sarif-2.1.0.json' }, version: { const: '2.1.0' },
    runs: list(object({ tool: object({ driver: object({ name: text, rules: { ...list(rule), uniqueItems: true } }, ['name']) }, ['driver']), results: list(result) }, ['tool', 'results'])),
  },
  ['version', 'runs'],
);
