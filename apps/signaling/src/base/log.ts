import { createHash } from 'node:crypto';
import { pino, type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { redacted } from './redact.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: string;
  readonly pretty: boolean;
  readonly nodeId: string;
  /** Where lines go; standard output unless a test wants them. */
  readonly destination?: DestinationStream;
}

/** JSON lines with `time` in ISO 8601, or lines for people. */
export function createLogger(options: LogOptions): Logger {
  const settings = {
    level: options.level,
    base: { service: 'signaling', node: options.nodeId },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: faultOf },
    formatters: { level: (label: string) => ({ level: label }), log: redacted },
  };
  const destination = options.destination ?? pino.destination({ fd: 1, sync: true });
  if (!options.pretty) return pino(settings, destination);
  const people = { destination, colorize: false, ignore: 'service,node,pid,hostname', sync: true };
  return pino(settings, pretty(people));
}

/** Texts of an error are no one's to choose, and bounded all the same. */
const MAX_MESSAGE = 500;
const MAX_STACK = 4000;

/** What of an error is logged: errors of libraries carry the arguments of what failed. */
function faultOf(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack = '' } = error;
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: name,
    message: message.slice(0, MAX_MESSAGE),
    stack: stack.slice(0, MAX_STACK),
    ...(typeof code === 'string' ? { code } : {}),
  };
}

/**
 * A room as logs name it. Who knows a room's id may knock at it, so logs carry a mark that
 * tells rooms apart and leads nobody to them.
 */
export function roomTag(room: string): string {
  return createHash('sha256').update(room).digest('hex').slice(0, 12);
}
