import type { Registry } from 'prom-client';
import { Counts } from '../metrics/counts.ts';

/**
 * `given`: a member's first; `renewed`: in time before those end; `limited`: not given yet, by
 * RATE_LIMIT_TURN_PER_10MIN; `no-host`: not given, for the room has no connected host.
 */
export const TURN_RESULTS = ['given', 'renewed', 'limited', 'no-host'] as const;
export type TurnResult = (typeof TURN_RESULTS)[number];

export class TurnMetrics {
  readonly #credentials: Counts;

  constructor(registry: Registry) {
    this.#credentials = new Counts({
      name: 'signaling_turn_credentials_total',
      help:
        'TURN credentials for members: given to newcomers, renewed, limited by ' +
        'RATE_LIMIT_TURN_PER_10MIN, or not given since no host is connected.',
      labels: ['result'],
      registry,
      known: TURN_RESULTS.map((result) => [result] as const),
    });
  }

  credentials(result: TurnResult): void {
    this.#credentials.inc(result);
  }
}
