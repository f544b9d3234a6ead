import { join } from 'node:path';
import { capture } from './command.mjs';

/**
 * Where the host agent would say that the page is, when the user named another place (a proxy in
 * front, a server of files): by an option, a variable or its configuration. The agent itself is
 * asked, for it alone knows which of these holds; and only when one of them is there, since that
 * takes a part of a second.
 *
 * @returns {string | undefined}
 */
export function webUrl({ root, node, env, config, agentArguments }) {
  const mayName =
    config !== undefined ||
    agentArguments.some((argument) => /web-?url|--config/i.test(argument)) ||
    Object.keys(env).some((name) => name.startsWith('PEERDECK_'));
  if (!mayName) return undefined;
  const args = [join(root, 'apps/host-agent/dist/main.js'), ...agentArguments, '--print-config'];
  if (config !== undefined) args.push('--config', config);
  const text = capture(node, args, env);
  if (text === undefined) return undefined; // a mistake, which the agent will tell of as it starts
  const named = JSON.parse(text).client.webUrl;
  return named === '' ? undefined : named;
}

/**
 * The folder of that place, for signaling (BASE_PATH): a proxy may leave the path on when it asks
 * for the page. '' where it lies at the root, or below a name that signaling would not take; then
 * the proxy has to take it off.
 */
export function basePathOf(url) {
  const { pathname } = new URL('.', url);
  const path = pathname.replace(/\/$/, '');
  return /^(\/[\w~-][\w.~-]*)+$/.test(path) && path.length <= 256 ? path : '';
}
