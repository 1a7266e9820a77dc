/** Which of the two databases (or HTTP servers) of one service. */
export type Side = 'monolith' | 'service';

/** The way of a stream: from one side to the other. */
export type Direction = 'monolith-to-service' | 'service-to-monolith';

export const otherSide = (side: Side): Side => (side === 'monolith' ? 'service' : 'monolith');

export const directionFrom = (side: Side): Direction =>
  side === 'monolith' ? 'monolith-to-service' : 'service-to-monolith';

export const sourceSide = (direction: Direction): Side =>
  direction === 'monolith-to-service' ? 'monolith' : 'service';
