import pino, { type Logger } from 'pino';
import type { LogLevel } from './cli.ts';

export type Log = Logger;

/**
 * JSON lines on stderr. What could open a room never gets here by intent; the redaction is the
 * second line.
 */
export function createLog(level: LogLevel): Log {
  return pino(
    {
      name: 'host-agent',
      level,
      redact: {
        paths: [
          'code',
          'roomCode',
          'viewCode',
          'token',
          'sdp',
          'auth',
          'credential',
          '*.credential',
        ],
        censor: '[redacted]',
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

export function silentLog(): Log {
  return pino({ level: 'silent' });
}
