import { which } from './command.mjs';

/**
 * Makes a child end with this process even when it is killed: the kernel sends SIGTERM then
 * (PR_SET_PDEATHSIG, set by util-linux' setpriv, which Debian and Ubuntu always have).
 */
export function ownProcess(command, args, setpriv = which('setpriv')) {
  if (setpriv === undefined) return { command, args };
  return { command: setpriv, args: ['--pdeathsig', 'TERM', '--', command, ...args] };
}
