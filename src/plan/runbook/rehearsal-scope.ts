import type { PlanToUndo, StepToUndo } from './plan-to-undo.ts';

/** A step that changes something, and that no throw-away database can try. */
export interface NotRehearsed {
  readonly step_id: string;
  readonly name: string;
  readonly why: string;
}

/** What of a plan can be tried on a database alone, and what can not: that is never passed over in silence. */
export function rehearsalScope({ phases }: PlanToUndo): { readonly sql: readonly StepToUndo[]; readonly notRehearsed: readonly NotRehearsed[] } {
  const steps = phases.flatMap(({ steps: each = [] }) => each);
  const runs = ({ script_type: type, start = '' }: StepToUndo): boolean => type === 'sql' && start !== '';
  return {
    sql: steps.filter(runs),
    notRehearsed: steps.filter((step) => !runs(step)).flatMap((step) => {
      const why = whyNot(step);
      return why === undefined ? [] : [{ step_id: step.step_id, name: step.name, why }];
    }),
  };
}

/** Undefined: a step that nothing has to undo. */
function whyNot({ script_type: type, start = '', complete = '', rollback }: StepToUndo): string | undefined {
  // Whether a request only reads nobody can tell from here; of commands and of what people do the plan says it by an empty way back.
  if (type === 'api') return start === '' && complete === '' && rollback === '' ? undefined : `${whyNotRun(type)}${rollback === '' ? '; the plan has no way back for it' : ''}`;
  if (rollback === '') return undefined;
  if (type === 'sql') return 'it has a way back, and no statement to begin with';
  return whyNotRun(type);
}

/** Why what is no statement is not run. */
export function whyNotRun(type: string): string {
  if (type === 'api') return 'a request to a running service, and none runs here';
  if (type === 'manual') return 'a person does it';
  return type === 'banyan' || type === 'bash' ? 'a command, which needs the running system' : `nothing here runs what is of the type ${type}`;
}
