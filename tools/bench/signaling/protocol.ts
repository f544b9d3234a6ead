import type { DialectName } from './dialects.ts';

/* What the bench asks of the process that makes the load, and its answers. */

export interface Where {
  readonly dialect: DialectName;
  /** Where the `first` and the `second` of each room connect to. */
  readonly ports: readonly [number, number];
}

export type Request =
  /** Opens rooms of two; `concurrency`: connections under way at a time. */
  | (Where & {
      readonly type: 'connect';
      readonly rooms: number;
      readonly firstRoom: number;
      readonly concurrency: number;
    })
  /** As much as goes, with so many messages of each room under way at a time. */
  | {
      readonly type: 'saturate';
      readonly inFlight: number;
      /** Before the measured time. */
      readonly warmUpMs: number;
      readonly seconds: number;
      readonly bytes: number;
      readonly pids: readonly number[];
      readonly dialect: DialectName;
    }
  /** So many messages a second, evenly over the rooms, whether they arrive or not. */
  | {
      readonly type: 'pace';
      readonly perSecond: number;
      readonly warmUpMs: number;
      readonly seconds: number;
      readonly bytes: number;
      readonly pids: readonly number[];
      readonly dialect: DialectName;
    }
  /** Connects and leaves again, one pair after the other in each of `concurrency` lanes. */
  | (Where & { readonly type: 'churn'; readonly pairs: number; readonly concurrency: number })
  | { readonly type: 'disconnect' };

export interface Connected {
  readonly connections: number;
  readonly seconds: number;
  /** What went wrong, and how often. */
  readonly errors: Record<string, number>;
}

export interface Relayed {
  /** Of the whole time, warm-up and end included. */
  readonly total: number;
  readonly received: number;
  readonly seconds: number;
  /** CPU milliseconds of each of the asked processes, in their order. */
  readonly cpuMs: number[];
  /** Of the process that makes the load. */
  readonly loadCpuMs: number;
  /** Milliseconds from send to receipt; of `pace` only. */
  readonly p50: number;
  readonly p99: number;
  readonly errors: Record<string, number>;
}

export type Answer = Connected | Relayed;
