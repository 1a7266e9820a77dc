import type { Complexity } from './complexity.ts';
import type { Facts } from './facts.ts';
import type { Risk, RiskLevel } from './plan-document.ts';
import type { Specification } from './specification.ts';

const LARGE_GB = 1000;
const MANY_DEPENDENCIES = 5;
const SHORT_DOWNTIME_MINUTES = 60;
const HUGE_ROWS = 100_000_000;

/** Severity from probability and impact, as in the matrix that {@link riskMatrix} prints. */
export function severityOf(probability: Risk['probability'], impact: RiskLevel): RiskLevel {
  const sum = { low: 0, medium: 1, high: 2 }[probability] + { low: 0, medium: 1, high: 2, critical: 3 }[impact];
  return sum >= 4 ? 'critical' : sum >= 3 ? 'high' : sum >= 2 ? 'medium' : 'low';
}

export interface RisksOptions {
  readonly facts: Facts;
  readonly complexity: Complexity;
  /** What a look at the server found. */
  readonly surveyed?: readonly Omit<Risk, 'severity'>[];
}

/** What may go wrong, as far as the specification and the server tell; most severe first. */
export function risksOf(specification: Specification, { facts, complexity, surveyed = [] }: RisksOptions): readonly Risk[] {
  const { type, constraints = {}, business_continuity: continuity, owners = {} } = specification;
  const found: Omit<Risk, 'severity'>[] = [...surveyed];
  const add = (risk: Omit<Risk, 'severity'>): unknown => found.push(risk);
  const ofDatabase = type === 'database' || type === 'data';
  if (ofDatabase) {
    add({ category: 'technical', description: 'Rows are lost or changed on their way', probability: 'low', impact: 'critical', mitigation: 'Sync acknowledges nothing before it is applied; compare every row behind a fence (banyan validate --level full) before anybody is moved', owner: 'database administrator' });
    add({ category: 'technical', description: `${facts.source} answers slowly while it is copied and compared`, probability: 'medium', impact: 'high', mitigation: 'Copy and compare throttled by its answer time; set sync.throttle and validate.throttle', owner: 'database administrator' });
  }
  if (type === 'service' || type === 'api') {
    add({ category: 'technical', description: `${facts.target} answers differently from ${facts.source}`, probability: 'medium', impact: 'high', mitigation: 'Compare in the shadow, explain each difference, move users by the percent with automatic rollback', owner: 'service developer' });
    add({ category: 'technical', description: 'Clients depend on what no contract says', probability: 'medium', impact: 'medium', mitigation: 'Keep their URLs with the router\'s adapters; check both APIs (banyan check --type api)', owner: 'service developer' });
  }
  if (type === 'infrastructure') {
    add({ category: 'technical', description: 'The network between both sides is slower or less reliable than within one', probability: 'medium', impact: 'high', mitigation: 'Measure it under load in the pilot; keep talkative systems together', owner: 'network engineer' });
    add({ category: 'financial', description: 'Running costs differ from the estimate', probability: 'medium', impact: 'medium', mitigation: 'Budget alarms from the first day, right-size after the pilot', owner: 'product owner' });
  }
  for (const { name, rows = 0, critical } of facts.tables) {
    if (critical) add({ category: 'business', description: `${name} is critical: a wrong row in it is seen at once`, probability: 'low', impact: 'critical', mitigation: `Write rules for ${name} (validate.rules), and compare it last before each step`, owner: 'product owner' });
    if (rows >= HUGE_ROWS) add({ category: 'technical', description: `${name} has ${rows} rows: a statement that writes it anew locks it for long`, probability: 'medium', impact: 'high', mitigation: 'Only statements without a rewrite; backfill by keys', owner: 'database administrator' });
  }
  for (const { table, name, loses } of facts.changes) {
    if (loses !== undefined) add({ category: 'technical', description: `${table}: undoing "${name}" loses ${loses}`, probability: 'low', impact: 'high', mitigation: `Copy ${table} before the second half; keep both forms until nobody reads the old one`, owner: 'database administrator' });
  }
  const { data_volume_gb: volume = 0, dependencies = [], max_downtime_minutes: downtime, compliance_requirements: compliance = [], special_requirements: special = [] } = constraints;
  if (volume > LARGE_GB) add({ category: 'technical', description: `${volume} GB take longer than one window`, probability: 'high', impact: 'medium', mitigation: 'The copy goes on where it was killed; nobody waits for its end', owner: 'database administrator' });
  if (dependencies.length > 0) add({ category: 'technical', description: `${dependencies.join(', ')} depend on what is moved`, probability: dependencies.length > MANY_DEPENDENCIES ? 'high' : 'medium', impact: 'medium', mitigation: 'Agree with each owner on a day to test, and on whom to call', owner: 'platform engineer' });
  if (downtime !== undefined && downtime < SHORT_DOWNTIME_MINUTES) add({ category: 'business', description: `No more than ${downtime} minutes of downtime are allowed`, probability: 'medium', impact: 'high', mitigation: 'Move users through the fence, by the percent: nobody waits longer than its bound (route.fence.timeoutMs)', owner: 'product owner' });
  for (const each of compliance) add({ category: 'compliance', description: `${each} must hold on both sides, and on the way`, probability: 'low', impact: 'critical', mitigation: `Work through the ${each} checklist of this plan`, owner: 'security engineer' });
  for (const each of special) add({ category: 'business', description: `Special requirement: ${each}`, probability: 'medium', impact: 'medium', mitigation: 'Write a test for it, and make it a gate', owner: 'product owner' });
  if (continuity?.critical_business_hours?.start !== undefined) add({ category: 'business', description: `Work reaches into business hours (${continuity.critical_business_hours.start} to ${continuity.critical_business_hours.end ?? ''})`, probability: 'low', impact: 'high', mitigation: 'Begin no phase of high risk in them; the timeline does not', owner: 'product owner' });
  if (complexity === 'critical' || complexity === 'high') add({ category: 'business', description: 'More can go wrong at once than one person can follow', probability: 'medium', impact: 'high', mitigation: 'One person decides, one carries out, one watches; rehearse it whole (banyan rehearse)', owner: 'platform engineer' });
  add({ category: 'technical', description: 'The way back does not work when it is needed', probability: 'low', impact: 'critical', mitigation: 'Test it before each phase (banyan runbook test), and keep it in sync until it is closed by hand', owner: 'platform engineer' });
  const order: readonly RiskLevel[] = ['critical', 'high', 'medium', 'low'];
  return found
    .map((risk): Risk => ({ category: risk.category, description: risk.description, probability: risk.probability, impact: risk.impact, severity: severityOf(risk.probability, risk.impact), mitigation: risk.mitigation, owner: owners[risk.owner] ?? risk.owner }))
    .toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** What a rule asks for, item by item; a rule that is not known asks for what any does. */
export function checklistOf(requirement: string): readonly string[] {
  const name = requirement.toUpperCase().replaceAll(/[^A-Z]/g, '');
  const entry = Object.entries(CHECKLISTS).find(([key]) => name.startsWith(key));
  return entry?.[1] ?? [`Name who answers for ${requirement}`, `Write down how ${requirement} is held on both sides while both are written`];
}

const CHECKLISTS: Readonly<Record<string, readonly string[]>> = {
  GDPR: [
    'Mark the columns that hold personal data, and say why each is moved', 'Encrypt every connection (sslmode=verify-full) and every disk',
    'Let a request for erasure reach both sides while both are written', 'Keep personal values out of logs, reports and examples', 'Say how long the old side, its backups and the quarantine keep them',
    'Sign an agreement with whoever runs the new side; check where it stands', 'Update the record of processing',
  ],
  SOX: [
    'Keep the audit of who changed what, when and why (banyan route history, banyan.audit)', 'Let two people approve each step that can not be undone', 'Let nobody who wrote a change carry it out alone',
    'Keep financial rows unchanged: compare sums by business rules before and after', 'Keep all reports for seven years',
  ],
  HIPAA: [
    'Mark the columns that hold health data', 'Encrypt every connection and every disk, with keys of your own', 'Log every access to these columns on both sides', 'Sign a business associate agreement with whoever runs the new side',
    'Keep such values out of test data; rehearse on made-up rows', 'Keep the audit for six years', 'Write down how a breach is told within 60 days',
  ],
  PCI: [
    'Keep card numbers out of logs, reports, the quarantine and examples', 'Never store the verification code, not even in sync', 'Encrypt stored numbers, and rotate the keys with the move', 'Part the networks of the card data from the rest on both sides',
    'Scan the new side before it gets users', 'Give each person a login of their own; two factors from outside', 'Keep audit logs for a year, three months of them at hand',
  ],
};
