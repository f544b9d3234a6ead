import { FakeMediaHost, type FakeEngine } from '@peerdeck/native-capture/testing';
import { generateHostKey, type OutgoingRelay } from '@peerdeck/protocol';
import { Audience } from '../audience.ts';
import { loadConfig } from '../config.ts';
import { silentLog } from '../log.ts';
import { Screen } from '../screen.ts';
import { TestClock } from './clock.ts';
import { KEYS, TestViewer } from './test-viewer.ts';

/** An audience with everything that it needs, and viewers to come. */
export async function openAudience(flags: Record<string, string> = {}) {
  const { config } = loadConfig({ env: {}, flags });
  const host = new FakeMediaHost();
  const engine: FakeEngine = await host.openEngine();
  const clock = new TestClock();
  const log = silentLog();
  const sent: OutgoingRelay[] = [];
  const gone = new Set<string>();
  const kicked: string[] = [];
  const stream = await engine.openStream();
  const screen = new Screen({ host, stream, config, display: ':1', log, timers: clock });
  const audience = new Audience({
    engine,
    screen,
    config,
    keys: { control: KEYS.controlKey, view: KEYS.viewKey },
    hostKey: generateHostKey(),
    hostName: 'test host',
    send: (message) => sent.push(message),
    isMember: (peerId) => !gone.has(peerId),
    kick: (peerId) => kicked.push(peerId),
    iceServers: () => [],
    log,
    now: clock.now,
  });
  const viewer = (name: string, options: { role?: 'control' | 'view'; key?: Uint8Array } = {}) =>
    new TestViewer({ name, audience, engine, sent, ...options });
  const pipeline = () => [...host.pipelines][0];
  const injector = () => [...host.injectors][0];
  return { host, engine, clock, sent, gone, kicked, screen, audience, viewer, pipeline, injector };
}
