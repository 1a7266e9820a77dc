/** Names of JSON fields and what they become: `{'address.zip': 'postcode'}`. Lists on the way are passed through. */
export type FieldNames = Readonly<Record<string, string>>;

interface Field {
  /** What its name becomes; undefined: it stays. */
  name: string | undefined;
  readonly below: Map<string, Field>;
}

export type CompiledFields = Field;

export function compileFields(names: FieldNames): CompiledFields {
  const root: Field = { name: undefined, below: new Map() };
  for (const [path, name] of Object.entries(names)) {
    let at = root;
    for (const part of path.split('.')) {
      const next = at.below.get(part) ?? { name: undefined, below: new Map<string, Field>() };
      at.below.set(part, next);
      at = next;
    }
    at.name = name;
  }
  return root;
}

/**
 * A JSON text with its fields renamed, and not a byte else changed: no value is read and written again, so numbers
 * of any length arrive as they were. Undefined if the text is no JSON.
 */
export function renameFields(text: string, fields: CompiledFields): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // From here on every bracket has its partner and every quote its end.
  const open: { readonly isObject: boolean; readonly field: Field | undefined }[] = [];
  let result = '';
  let copied = 0;
  let wantsName = false;
  /** Of the value that comes next. */
  let field: Field | undefined = fields;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '{' || char === '[') {
      wantsName = char === '{';
      open.push({ isObject: wantsName, field });
    } else if (char === '}' || char === ']') {
      open.pop();
      wantsName = false;
    } else if (char === ',') {
      const inside = open.at(-1);
      wantsName = inside?.isObject === true;
      field = inside?.field;
    } else if (char === '"') {
      const end = endOfText(text, i);
      if (wantsName) {
        const name = String(JSON.parse(text.slice(i, end)));
        field = open.at(-1)?.field?.below.get(name);
        if (field?.name !== undefined) {
          result += text.slice(copied, i) + JSON.stringify(field.name);
          copied = end;
        }
        wantsName = false;
      }
      i = end - 1;
    }
  }
  return result + text.slice(copied);
}

/** Behind the quote that ends the text which begins at `start`. */
function endOfText(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}
