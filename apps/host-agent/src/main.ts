import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openNativeMediaHost } from '@peerdeck/native-capture';
import { SUBPROTOCOL_V2, type SocketConstructor } from '@peerdeck/protocol';
import { Agent } from './agent.ts';
import { helpText, parseCommandLine, parseLogLevel, type CommandLine } from './cli.ts';
import { loadConfig, type Config, type LoadedConfig } from './config.ts';
import { diagnose } from './doctor.ts';
import { defaultIdentityFile, loadIdentity, type Identity } from './identity.ts';
import { waitForIdentity } from './identity-lock.ts';
import { makeLinks } from './link.ts';
import { createLog, type Log } from './log.ts';
import { displayOf } from './source-choice.ts';
import { signalingSocket } from './signaling-socket.ts';
import { ipcSink, NO_STATUS, TerminalSink, type StatusSink } from './status.ts';
import { tokenOf } from './token.ts';

/** Two event pumps hold a pool thread each; the rest is for commands, files and name look-ups. */
process.env['UV_THREADPOOL_SIZE'] ??= '8';

/** Between the first signal and giving up on an orderly end. */
const CLOSE_DEADLINE_MS = 2000;
const SIGNALING_PROBE_MS = 3000;

async function main(): Promise<number> {
  const { env } = process;
  const line = parseCommandLine(process.argv.slice(2));
  if (line.command === 'help') return print(helpText());
  if (line.command === 'version') return print(`${version()}\n`);
  const file = configFile(line);
  const loaded = loadConfig({ file, env, flags: line.settings });
  if (line.command === 'print-config') {
    return print(`${JSON.stringify(loaded.config, secretsHidden, 2)}\n`);
  }
  const level = line.logLevel ?? parseLogLevel(env['PEERDECK_LOG_LEVEL'], 'PEERDECK_LOG_LEVEL');
  const log = createLog(level ?? (line.command === 'doctor' ? 'error' : 'info'));
  if (line.command === 'doctor') return doctor(loaded, log);
  for (const note of loaded.notes) log.warn(note);
  return run(line, loaded, log);
}

async function run(line: CommandLine, { config }: LoadedConfig, log: Log): Promise<number> {
  const { env } = process;
  // A supervisor that goes away while we wait takes us along; serve() has its own way to end.
  const alone = (): never => process.exit(0);
  if (supervisor() !== undefined) process.once('disconnect', alone);
  const identityFile = line.identityFile ?? env['PEERDECK_IDENTITY'] ?? defaultIdentityFile(env);
  const lock = await waitForIdentity({
    file: identityFile,
    onWait: (owner, waitMs) => {
      const problem =
        `Another agent (process ${owner}) uses the identity ${identityFile}; waiting for it to ` +
        'end. With --identity FILE this one can have its own.';
      log.warn({ owner, waitMs }, problem);
      supervisor()?.({ ...NO_STATUS, problem });
    },
    onNone: (why) => log.warn({ why }, 'no lock beside the identity'),
    sleep,
  });
  process.off('disconnect', alone);
  try {
    return await serve({ line, config, log, identityFile });
  } finally {
    lock.release();
  }
}

interface Serving {
  readonly line: CommandLine;
  readonly config: Config;
  readonly log: Log;
  readonly identityFile: string;
}

async function serve({ line, config, log, identityFile }: Serving): Promise<number> {
  const { env } = process;
  const identity = loadIdentity({ file: identityFile, newCode: line.newCode });
  const { serverUrlBase: signalingUrl, webUrl } = config.client;
  const linksOf = (of: Identity) => makeLinks({ identity: of, signalingUrl, webUrl });
  const renew = () => {
    const renewed = loadIdentity({ file: identityFile, newCode: true });
    return { identity: renewed, links: linksOf(renewed) };
  };
  const token = tokenOf({ client: config.client, log });
  const WebSocket = signalingSocket(config.client.certificateFile);
  const send = supervisor();
  const status: StatusSink = send === undefined ? new TerminalSink(process.stdout) : ipcSink(send);
  const host = await openMediaHost(log);
  return new Promise<number>((resolve) => {
    const agent = new Agent({
      config,
      identity,
      links: linksOf(identity),
      renew,
      display: displayOf(config, env),
      host,
      WebSocket: WebSocket as unknown as SocketConstructor,
      token,
      status,
      log,
      timers: { set: setTimeout, clear: (timer) => clearTimeout(timer as NodeJS.Timeout) },
      now: () => performance.now(),
    });
    const end = async (code: number, reason: string): Promise<void> => {
      if (code !== 0) process.stderr.write(`peerdeck-host: ${reason}\n`);
      log.info({ reason }, 'ending');
      await agent.close();
      resolve(code);
    };
    onEnd((reason) => void end(0, reason));
    onKick((what) => {
      agent
        .kick(what)
        .catch((error: unknown) => log.error({ error: textOf(error) }, 'not removed'));
    });
    agent.start().catch((error: unknown) => {
      // A start that was overtaken by the end fails because of it.
      if (!agent.isClosing) void end(1, textOf(error));
    });
  });
}

/** What sends to a supervisor. `node --watch` has a channel too, but only for itself. */
function supervisor(): ((message: object) => void) | undefined {
  if (process.env['WATCH_REPORT_DEPENDENCIES'] !== undefined) return undefined;
  return process.send === undefined ? undefined : (message) => process.send?.(message);
}

/**
 * Signals, and a supervisor that goes away. Only the first counts: Ctrl-C comes from the terminal
 * and again from a supervisor that passes it on; the deadline bounds the rest.
 */
function onEnd(end: (reason: string) => void): void {
  let ending = false;
  const once = (reason: string): void => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(1), CLOSE_DEADLINE_MS).unref();
    end(reason);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => once(signal));
  }
  if (supervisor() === undefined) return;
  process.once('disconnect', () => once('the supervisor went away'));
  process.on('message', (message) => {
    // For platforms without SIGTERM.
    if (typeof message === 'object' && message !== null && 'type' in message) {
      if (message.type === 'stop') once('asked to stop');
    }
  });
}

/**
 * The owner's switch: SIGUSR2 removes all viewers and makes a new code. A supervisor may say
 * `{"type":"kick","newCode":false,"session":"…"}`; without `session` all are meant.
 */
function onKick(kick: (what: { session?: string; newCode: boolean }) => void): void {
  if (process.platform !== 'win32') process.on('SIGUSR2', () => kick({ newCode: true }));
  if (supervisor() === undefined) return;
  process.on('message', (message) => {
    if (typeof message !== 'object' || message === null) return;
    if (!('type' in message) || message.type !== 'kick') return;
    const newCode = 'newCode' in message && message.newCode === true;
    const named = 'session' in message && typeof message.session === 'string';
    kick(named ? { newCode, session: String(message.session) } : { newCode });
  });
}

function openMediaHost(log: Log) {
  return openNativeMediaHost({
    log: ({ library, level, message }) => log[level]({ library }, message),
  });
}

async function doctor({ config, notes }: LoadedConfig, log: Log): Promise<number> {
  const report = await diagnose({
    config,
    display: displayOf(config, process.env),
    version: version(),
    openHost: () => openMediaHost(log),
    checkSignaling: (url) => checkSignaling(url, signalingSocket(config.client.certificateFile)),
  });
  print([...notes, report.text].join('\n'));
  return report.healthy ? 0 : 1;
}

/** undefined if a peerdeck.v2 server answers there; else why not. */
function checkSignaling(
  url: string,
  WebSocket: ReturnType<typeof signalingSocket>,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, [SUBPROTOCOL_V2], { handshakeTimeout: SIGNALING_PROBE_MS });
    socket.once('open', () => {
      const right = socket.protocol === SUBPROTOCOL_V2;
      socket.close();
      resolve(right ? undefined : `it does not speak ${SUBPROTOCOL_V2}`);
    });
    socket.once('error', (error) => resolve(error.message === '' ? 'refused' : error.message));
  });
}

/** --config, PEERDECK_CONFIG, or the config.json beside this program if there is one. */
function configFile(line: CommandLine): string | undefined {
  const named = line.configFile ?? process.env['PEERDECK_CONFIG'];
  if (named !== undefined && named !== '') return named;
  const beside = fileURLToPath(new URL('../config.json', import.meta.url));
  return existsSync(beside) ? beside : undefined;
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function secretsHidden(key: string, value: unknown): unknown {
  const secret = key === 'credential' || key === 'token';
  return secret && value !== '' ? '[hidden]' : value;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** A user's mistake needs no stack; anything else does. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = ['UsageError', 'ConfigError', 'IdentityError', 'NativeLibraryError'];
  const plain = [...known, 'NativeError', 'SourceNotFoundError'].includes(error.name);
  return plain ? error.message : (error.stack ?? error.message);
}

main()
  .then((code) => {
    process.exitCode = code;
    if (process.connected) process.disconnect();
  })
  .catch((error: unknown) => {
    process.stderr.write(`peerdeck-host: ${textOf(error)}\n`);
    process.exitCode = 1;
    if (process.connected) process.disconnect();
  });
