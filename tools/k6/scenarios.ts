/** What a scenario is run with where the command line does not say otherwise. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly env: Readonly<Record<string, number>>;
  /** A few seconds of it: shows that it works, measures nothing. */
  readonly smoke: Readonly<Record<string, number>>;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'room-bursts',
    about: 'many rooms made at once: join, offer, answer, candidates, leave',
    env: { ROOMS: 500, DURATION: 20 },
    smoke: { ROOMS: 20, DURATION: 2 },
  },
  {
    name: 'sustained-relay',
    about: 'paced messages in rooms that stay',
    env: { ROOMS: 1000, RATE: 1, DURATION: 30 },
    smoke: { ROOMS: 20, RATE: 10, DURATION: 2, RAMP: 1 },
  },
  {
    name: 'churn',
    about: 'clients that come and go: leaving, closing to return, cut off',
    env: { ROOMS: 500, DURATION: 20 },
    smoke: { ROOMS: 20, DURATION: 2 },
  },
  {
    name: 'reconnect-storm',
    about: 'a node dies, and all its clients come back at once',
    env: { ROOMS: 500, DURATION: 12 },
    smoke: { ROOMS: 20, DURATION: 4, RAMP: 1 },
  },
];
