import { describe, expect, it } from 'vitest';
import { access, docComment, literal, property, typeBox, value } from './source.ts';

describe('source text', () => {
  it.each(['plain', "it's", 'a "quoted" \\ one', 'line\nbreak', '\u2028${x}`', "'; process.exit(); '"])('a literal of %j reads as it was', (text) => {
    expect(JSON.parse(`"${literal(text).slice(1, -1).replaceAll("\\'", "'").replaceAll('"', '\\"')}"`)).toBe(text);
    expect(literal(text)).not.toMatch(/[^\\]'./);
  });

  it('quotes names that need it', () => {
    expect(property('a_1')).toBe('a_1');
    expect(property('a b')).toBe("'a b'");
    expect(property('__proto__')).toBe("['__proto__']");
    expect(access('key', 'id')).toBe('key.id');
    expect(access('key', 'a b')).toBe("key['a b']");
  });

  it('keeps a comment a comment', () => {
    expect(docComment('one */ line')).toBe('/** one * / line */');
    expect(docComment('two\n\nlines ', '  ')).toBe('  /**\n   * two\n   *\n   * lines\n   */');
  });

  it('writes values and schemas', () => {
    expect(value({ a: [1, 'x', true, null], 'b c': {}, d: undefined })).toBe("{ a: [1, 'x', true, null], 'b c': {}, d: undefined }");
    expect(typeBox({ anyOf: [{ type: 'string', maxLength: 3 }, { type: 'null' }] })).toBe('Type.Union([Type.String({ maxLength: 3 }), Type.Null()])');
    expect(typeBox({ type: 'array', items: { enum: ["it's"] } })).toBe("Type.Array(Type.Enum(['it\\'s']))");
    expect(typeBox({ type: 'array' })).toBe('Type.Array(Type.Unknown())');
    expect(typeBox({ type: 'boolean' })).toBe('Type.Boolean()');
  });
});
