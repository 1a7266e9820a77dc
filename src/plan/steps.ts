import type { PlanGate, PlanStep } from './plan-document.ts';
import type { ChangeStep } from './schema-change-sql.ts';

type Step = Omit<PlanStep, 'step_id'>;
type Parts = { readonly start: string; readonly complete?: string; readonly rollback?: string; readonly validate?: string; readonly loses?: string };

/** Something that a command of Banyan does. What only reads has nothing to be undone. */
export function banyan(name: string, { start, complete = '', rollback = '', validate = '' }: Parts): Step {
  return { name, script_type: 'banyan', start, complete, rollback, validate };
}

/** Something that nobody can do but a person. */
export function byHand(name: string, { start, complete = '', rollback = '', validate = '', loses }: Parts): Step {
  return { name, script_type: 'manual', start, complete, rollback, validate, ...(loses === undefined ? {} : { loses }) };
}

/** The statements of one part of each change, where there are any. */
export function sqlSteps(changes: readonly ChangeStep[], part: 'expand' | 'contract' | 'validate'): Step[] {
  return changes.filter((change) => change[part] !== '').map((change) => {
    const { table, name, validate } = change;
    if (part === 'validate') return { name: `see that ${table} is as it should be: ${name}`, script_type: 'sql', start: validate, complete: '', rollback: '', validate };
    const [rollback, undone, loses] = part === 'expand'
      ? [change.rollback, change.undone, change.loses]
      : [change.undoContract ?? '-- What was taken away is put back from the copy that was made before.', change.contractUndone, change.contractLoses];
    return {
      name: `${table}: ${name}${part === 'contract' ? ', second half' : ''}`, script_type: 'sql', start: change[part], complete: '', rollback, validate: part === 'contract' ? (change.validateContract ?? validate) : validate,
      ...(undone === undefined ? {} : { validate_rollback: undone }),
      ...(loses === undefined ? {} : { loses }),
    };
  });
}

/** A gate of the router's own evidence. */
export function abTest(): PlanGate {
  return { name: 'enough was seen', criterion: "the step's evidence is complete (banyan route status: gradual)" };
}
