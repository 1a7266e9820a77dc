import { Type } from 'typebox';
import { listOf, section, text } from './schema-parts.ts';

/** The section `runbook` of banyan.yaml. */
export const runbookSchema = section(
  {
    contacts: listOf(
      section({
        role: text('text', 'What this person decides or does. The roles of a plan are those of its `rollback_contacts`, else migration lead, database administrator, service developer, on-call engineer, product owner; upper and lower case are the same.'),
        name: text('text', 'Who it is.'),
        phone: Type.Optional(text('text', 'A telephone number, in quotes: YAML reads +49… as a number.')),
        email: Type.Optional(text('email', 'An address of electronic mail.')),
        channel: Type.Optional(text('text', 'A room where this person reads, such as "#database".')),
        backup: Type.Optional(text('text', 'Who is called when this person does not answer.')),
      }),
      'Who is called. Each has a phone, an email or a channel; a role may have several people, called in this order.',
      { default: [] },
    ),
  },
  { default: {}, description: 'Rollback runbooks.' },
);
