import { campaign } from './campaign.ts';
import { routerUnderAttack } from './target.ts';

/*
 * The long version of the fuzz test: `npm run fuzz:proxy [-- CONVERSATIONS [SEED]]` (default 10,000). Exits with 1 if
 * a promise is not kept.
 */
const conversations = Number(process.argv[2] ?? 10_000);
const seed = Number(process.argv[3] ?? 1);
const target = await routerUnderAttack();
const started = performance.now();
const { answers, reached, faults } = await campaign(target, { seed, conversations });
await target.close();
process.stdout.write(`${conversations} conversations from seed ${seed} in ${((performance.now() - started) / 1000).toFixed(1)} s; answers ${JSON.stringify(answers)}; ${reached} requests reached the upstream; ${faults.length} faults\n`);
for (const fault of faults.slice(0, 20)) process.stdout.write(`${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
