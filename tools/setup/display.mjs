import { createConnection } from 'node:net';
import { existsSync } from 'node:fs';
import { SetupError } from './errors.mjs';

const CONNECT_MS = 3000;

/** `host:1.0` → { host: 'host', number: 1 }; an empty host means this machine. */
export function parseDisplay(display) {
  const match = /^([^:]*):(\d+)(?:\.\d+)?$/.exec(display);
  return match === null ? undefined : { host: match[1], number: Number(match[2]) };
}

/**
 * Which desktop to share.
 *
 * @returns {{ kind: 'display', display: string, asked: boolean } | { kind: 'demo' }}
 */
export function chooseDesktop({ display, demo, env }) {
  if (display !== undefined) return { kind: 'display', display, asked: true };
  if (env.DISPLAY) return { kind: 'display', display: env.DISPLAY, asked: false };
  if (demo) return { kind: 'demo' };
  throw new SetupError(
    'There is no desktop to share: DISPLAY is not set, and --no-demo was given.',
    {
      remedy:
        'Start this inside a desktop session, give one with --display :0, or leave out --no-demo.',
    },
  );
}

/** Ends the command early when no X server answers there. */
export async function requireDisplay({ display, asked }) {
  const where = parseDisplay(display);
  if (where !== undefined && (await answers(where))) return;
  throw new SetupError(
    asked
      ? `No X server answers at --display ${display}.`
      : `DISPLAY is ${display}, but no X server answers there.`,
    {
      remedy: asked
        ? `The displays of this machine are listed by: ls /tmp/.X11-unix`
        : 'Give another one with --display :N, or unset DISPLAY to get a demo desktop.',
    },
  );
}

function answers({ host, number }) {
  const path = `/tmp/.X11-unix/X${number}`;
  const local = host === '' || host === 'unix';
  if (local && !existsSync(path)) return Promise.resolve(false);
  const socket = createConnection(local ? { path } : { host, port: 6000 + number });
  return new Promise((resolve) => {
    const done = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(CONNECT_MS, () => done(false));
    socket.once('error', () => done(false));
    socket.once('connect', () => done(true));
  });
}
