import type { TableName } from '../../../../model/names.ts';
import type { Role } from './effect.ts';
import type { FormName } from './forms.ts';

/** A form as one statement uses it. */
export interface FormUse {
  readonly form: FormName;
  readonly relations: Readonly<Partial<Record<Role, readonly TableName[]>>>;
}

export function use(form: FormName, relations: FormUse['relations'] = {}): FormUse {
  return { form, relations };
}
