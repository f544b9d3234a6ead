import { isAbsolute, resolve } from 'node:path';
import { UsageError } from './errors.mjs';
import { DEFAULT_PORT } from './network.mjs';
import { describeOptions, displayName, parseOptions, portNumber } from './options.mjs';

const OPTIONS = [
  {
    name: 'display',
    value: ':N',
    parse: displayName,
    about: 'Share this X display. Default: $DISPLAY.',
  },
  { name: 'demo', off: true, about: 'Without a display, stop instead of starting a demo desktop.' },
  {
    name: 'port',
    value: 'P',
    parse: portNumber,
    about: `Port of the page and of signaling. Default: the first free one from ${DEFAULT_PORT} on.`,
  },
  {
    name: 'host',
    value: 'ADDR',
    about:
      'Address to listen on. Default: 0.0.0.0, all of them; 127.0.0.1 keeps it to this machine.',
  },
  { name: 'config', value: 'FILE', about: "The host agent's config.json (docs/configuration.md)." },
  {
    name: 'https',
    about:
      'Serve https: keyboard lock (Esc, Alt-Tab in fullscreen) needs a secure page. With a generated ' +
      'certificate, or with yours:',
  },
  { name: 'cert', value: 'FILE', about: 'Certificate chain for --https, PEM.' },
  { name: 'key', value: 'FILE', about: 'Its private key, PEM.' },
  {
    name: 'status-file',
    value: 'FILE',
    about:
      'Written once all is ready, kept true, removed at the end: JSON with ready, viewerUrl, signalingUrl, ' +
      'roomCode, display, pids. For scripts and supervisors.',
  },
  { name: 'yes', about: 'Install what is missing without asking.' },
  { name: 'help', about: 'This text.' },
];

export const START_HELP = `Shares this machine's desktop with a browser.

npm start -- [options] [-- options of the host agent]

${describeOptions(OPTIONS)}

Ctrl-C ends everything that was started; a second Ctrl-C ends it at once.
`;

/**
 * @param {string[]} argv
 * @param {string} from folder that file names are relative to
 */
export function parseStart(argv, from) {
  const { values, rest } = parseOptions(OPTIONS, argv);
  const file = (name) => {
    const path = values[name];
    return path === undefined || isAbsolute(path) ? path : resolve(from, path);
  };
  const https = values.https === true;
  const [cert, key] = [file('cert'), file('key')];
  if (!https && (cert !== undefined || key !== undefined)) {
    throw new UsageError('--cert and --key are for https.', 'Add --https.');
  }
  return {
    help: values.help === true,
    yes: values.yes === true,
    demo: values.demo !== false,
    display: values.display,
    port: values.port,
    host: values.host ?? '0.0.0.0',
    https,
    cert,
    key,
    config: file('config'),
    statusFile: file('status-file'),
    agentArguments: rest,
  };
}
