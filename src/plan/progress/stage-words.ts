import type { Stage } from '../../model/stage.ts';
import type { Audience } from './progress.ts';

export interface StageWords {
  /** Where it stands, for each audience. */
  readonly is: Readonly<Record<Audience, string>>;
  /** What entering it takes: names of gates, as `banyan migrate` asks them. */
  readonly gates: readonly string[];
  /** What users notice of it. */
  readonly felt: string;
}

/** What each stage means to whom. */
export const STAGE_WORDS: Readonly<Record<Stage, StageWords>> = {
  planned: {
    is: { executive: 'The move is planned; nothing has been changed yet', technical: 'planned: nothing was done yet', stakeholders: 'The move is planned. Nothing has changed for anybody' },
    gates: [], felt: 'Nothing',
  },
  prepared: {
    is: { executive: 'Both systems are ready for the move', technical: 'prepared: the prerequisites of both servers hold', stakeholders: 'The servers were checked and are ready' },
    gates: ['prerequisites'], felt: 'Nothing',
  },
  provisioned: {
    is: { executive: 'The new service has a home for its data', technical: 'provisioned: the service\'s schema is there', stakeholders: 'The new service has its own, still empty database' },
    gates: [], felt: 'Nothing',
  },
  synced: {
    is: { executive: 'All data is copied, and kept up to date', technical: 'synced: copied, and the streams follow', stakeholders: 'All data was copied to the new service and is kept up to date' },
    gates: ['following'], felt: 'Nothing',
  },
  validated: {
    is: { executive: 'The copy was proved to be complete and correct', technical: 'validated: every row was compared', stakeholders: 'Every record was compared; old system and new service hold the same' },
    gates: ['equal'], felt: 'Nothing',
  },
  routed: {
    is: { executive: 'Customers can be moved from now on; all are still served by the old system', technical: 'routed: the router serves the route, at 0 %', stakeholders: 'Requests pass a switch from which users can be moved; all still use the old system' },
    gates: ['served'], felt: 'Nothing',
  },
  canary: {
    is: { executive: 'The first customers use the new service', technical: 'canary: 1 % of users are on the service', stakeholders: 'One user in a hundred is served by the new service' },
    gates: ['following', 'served', 'equal'], felt: 'One user in a hundred is served by the new service',
  },
  half: {
    is: { executive: 'Half of the customers use the new service', technical: 'half: 50 % of users are on the service', stakeholders: 'Half of the users are served by the new service' },
    gates: ['following', 'served', 'equal'], felt: 'Half of the users are served by the new service',
  },
  live: {
    is: { executive: 'All customers use the new service', technical: 'live: 100 % of users are on the service', stakeholders: 'Everybody is served by the new service' },
    gates: ['following', 'served', 'equal'], felt: 'Everybody is served by the new service',
  },
};

/** What a gate asks, for people who know nothing of gates. */
export const GATE_WORDS: Readonly<Record<string, string>> = {
  prerequisites: 'both systems pass their checks', following: 'the new service is up to date', equal: 'every record was compared and is the same', served: 'the new service answers and is well',
};
