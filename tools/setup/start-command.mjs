import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bootstrap } from './bootstrap.mjs';
import { chooseDesktop, requireDisplay } from './display.mjs';
import { SetupError } from './errors.mjs';
import { choosePort, lanAddresses } from './network.mjs';
import { allowedOrigins, pageOrigins } from './links.mjs';
import { ownProcess } from './own-process.mjs';
import { requireSupported } from './platform.mjs';
import { Session } from './session.mjs';
import { START_HELP, parseStart } from './start-options.mjs';
import { StatusFile } from './status-file.mjs';
import { statusText } from './status-text.mjs';
import { tlsSettings } from './tls.mjs';
import { basePathOf, webUrl } from './web-url.mjs';

/** npm passes a Ctrl-C on that the terminal has sent to this process as well. */
const SAME_KEY_MS = 300;

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * `npm start`.
 *
 * @param {(end: () => void) => void} onRunnerGone takes what to do once the npm that runs this is gone
 * @returns {Promise<number>} the exit code, once everything has ended
 */
export async function start(argv, report, onRunnerGone) {
  // npm runs scripts in the repository's folder; file names are meant from where npm was called.
  const options = parseStart(argv, process.env.INIT_CWD ?? process.cwd());
  if (options.help) {
    report.line(START_HELP);
    return 0;
  }
  requireSupported();
  const desktop = await checkFirst(options);
  const uses = [...(desktop.kind === 'demo' ? ['demo'] : []), ...(options.https ? ['https'] : [])];
  const { node, env } = await bootstrap({ root: ROOT, uses, yes: options.yes, report });
  return await run({ options, desktop, node, env, report, onRunnerGone });
}

/** What can be known at once must not fail after minutes of installing. */
async function checkFirst(options) {
  const desktop = chooseDesktop({ ...options, env: process.env });
  if (desktop.kind === 'display') await requireDisplay(desktop);
  if (options.port !== undefined) await choosePort(options);
  if (options.config !== undefined && !existsSync(options.config)) {
    throw new SetupError(`--config ${options.config} does not exist.`, {
      remedy: 'Give the path of a config.json, or leave the option out for the defaults.',
    });
  }
  return desktop;
}

async function run({ options, desktop, node, env, report, onRunnerGone }) {
  const taken = [];
  const port = await choosePort({ ...options, onTaken: (busy) => taken.push(busy) });
  if (taken.length > 0) {
    report.note(`Port ${taken.join(', ')} in use: using ${port} (choose one with --port P).`);
  }
  const addresses = lanAddresses();
  const tls = await tlsSettings({ root: ROOT, options, addresses });
  const { host, config, agentArguments } = options;
  const elsewhere = webUrl({ root: ROOT, node, env, config, agentArguments });
  const origins = pageOrigins({
    ...{ host, port, https: options.https, name: tls?.name, webUrl: elsewhere, addresses },
  });
  const session = new Session({
    ...{ root: ROOT, node, env, own: ownProcess, desktop, host, port, tls, config, agentArguments },
    origins,
    allowedOrigins: allowedOrigins({
      ...{ host, port, names: tls?.names },
      named: [origins.local, ...origins.lan],
    }),
    basePath: elsewhere === undefined ? '' : basePathOf(elsewhere),
    statusFile: new StatusFile(options.statusFile),
  });
  const ended = untilEnd(session, report, onRunnerGone);
  session.on('note', (text) => report.warn(text));
  session.on('changed', (state) => report.bottom(statusText(state)));
  const started = report
    .step('Starting', () => session.start())
    .then(() => show({ session, report, desktop, options }));
  try {
    await Promise.race([started, ended]);
    return await ended;
  } finally {
    report.bottom('');
    await session.close();
  }
}

async function show({ session, report, desktop, options }) {
  const { local, lan, watch, roomCode, display } = session.links();
  const what = desktop.kind === 'demo' ? `a demo desktop (${display})` : `display ${display}`;
  const others = lan.filter((link) => link !== local);
  const open = !options.https && others.length > 0;
  const plain = 'Http is for networks that you trust; --https is there for all others.';
  const qr = await qrCode(lan[0] ?? local);
  const own = 'The certificate is our own: the browser asks once whether to trust it.';
  const wayland =
    '! This is a Wayland session: only X11 windows are seen. An Xorg session shares all.';
  const text = [
    '',
    `  Sharing ${what}. Whoever has the link can see and control it.`,
    '',
    `  On this machine  ${local}`,
    ...others.map((link) => `  From the network ${link}`),
    ...(open ? [`                   ${plain}`] : []),
    `  To watch only    ${watch}`,
    `  Room code        ${roomCode}`,
    ...(options.https && !options.cert ? [`  ${own}`] : []),
    '',
    ...qr.split('\n').map((row) => `  ${row}`),
    ...(process.env.WAYLAND_DISPLAY && desktop.kind === 'display' ? [`  ${wayland}`] : []),
    '  Ctrl-C ends it.',
    '',
  ];
  report.line(text.join('\n')); // at once, so that the bottom line is drawn once
}

/** The encoder comes with the npm packages, which are there only since the bootstrap. */
async function qrCode(text) {
  const file = createRequire(join(ROOT, 'package.json')).resolve('uqr');
  const { renderUnicodeCompact } = await import(pathToFileURL(file).href);
  return renderUnicodeCompact(text, { border: 2 });
}

/** Resolves with the exit code at a signal, rejects when the session can't go on. */
function untilEnd(session, report, onRunnerGone, clock = Date.now) {
  return new Promise((resolve, reject) => {
    let first;
    const begin = (text) => {
      first = clock();
      report.bottom('');
      report.note(text);
      resolve(0);
    };
    const stop = () => {
      if (first === undefined) {
        begin('Ending. (Ctrl-C once more ends it at once.)');
      } else if (clock() - first > SAME_KEY_MS) {
        session.kill();
        process.exit(130);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    onRunnerGone(() => first === undefined && begin('Ending: the npm that ran this is gone.'));
    session.once('lost', reject);
  });
}
