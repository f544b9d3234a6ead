import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 500;
/** As after SIGHUP: who was listening is gone. */
export const EXIT_RUNNER_GONE = 129;
/** npm tells a script its name and its text by these. */
const MARKS = ['npm_lifecycle_event', 'npm_lifecycle_script'];

/**
 * Calls `onGone` once when the npm that runs this script has ended, or the shell between the two:
 * npm passes a signal on to that shell only, and SIGKILL to nobody, so this process would live on,
 * and all that it started with it.
 *
 * Who started npm is of no interest: it may go at any time (`npm start &` and log out, a launcher).
 * Neither does one that was started without npm watch anybody.
 *
 * @returns {() => void} ends the watch
 */
export function watchRunner(onGone, { watched = runners(), everyMs = LOOK_EVERY_MS } = {}) {
  if (watched.length === 0) return () => {};
  const timer = setInterval(() => {
    if (watched.every(isAlive)) return;
    clearInterval(timer);
    onGone();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * The processes above this one that run this npm script: those that npm gave the script's name, and
 * the npm above them. One in another session (setsid) cut itself loose on purpose.
 *
 * @returns {{ pid: number, began: string }[]} none without npm
 */
export function runners(pid = process.pid) {
  const found = [];
  let here = look(pid);
  const { session } = here ?? {};
  const script = marks(pid);
  while (script !== undefined && here !== undefined && marks(here.pid) === script) {
    here = look(here.parent);
    if (here === undefined || here.session !== session) break;
    found.push({ pid: here.pid, began: here.began });
  }
  return found;
}

/** The same process, not another one that got its number since. */
function isAlive({ pid, began }) {
  const now = look(pid);
  return now !== undefined && now.began === began && now.state !== 'Z' && now.state !== 'X';
}

/** What /proc/PID/stat says (proc(5)); undefined where there is no such process, or no /proc. */
function look(pid) {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    ...{ pid, state: fields[0], parent: Number(fields[1]), session: fields[3] },
    began: fields[19],
  };
}

/** Name and text of the npm script that a process belongs to, in one text. */
function marks(pid) {
  const variables = read(`/proc/${pid}/environ`)?.split('\0') ?? [];
  const found = variables.filter((entry) => MARKS.some((name) => entry.startsWith(`${name}=`)));
  return found.length === 0 ? undefined : found.sort().join('\n');
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // it ended, or is another user's
  }
}
