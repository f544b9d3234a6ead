import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Child } from './child.ts';
import { hostAgentMain, workspace } from './paths.ts';
import { waitUntil } from './wait.ts';

export interface VideoConfig {
  bitrateStart?: number;
  bitrateMin?: number;
  bitrateMax?: number;
  fps?: number;
}

export interface HostOptions {
  display: string;
  /** Where signaling and the page are. */
  address: string;
  port: number;
  /** Both speak TLS. */
  secure?: boolean | undefined;
  video?: VideoConfig | undefined;
  /** Where its token is, if signaling asks for one. */
  tokenFile?: string | undefined;
  /** It takes no way but over a TURN server. */
  relayOnly?: boolean | undefined;
  /** Beside that of this process; read when it starts. */
  env?: Readonly<Record<string, string>> | undefined;
}

/** What the host agent tells the process that started it. */
interface Message {
  type: 'ready' | 'status';
  viewerUrl?: string;
  viewUrl?: string;
  viewers: number;
}

/** The host agent from its source. Started again it keeps its room code. */
export class Host {
  readonly child: Child;
  readonly #options: HostOptions;
  readonly #directory: string;
  #viewerUrl = '';
  #viewUrl = '';
  #viewers = 0;

  constructor(options: HostOptions, directory = mkdtempSync(join(tmpdir(), 'peerdeck-host-'))) {
    this.#options = options;
    this.#directory = directory;
    const { display, address, port, tokenFile, video = {}, relayOnly = false } = options;
    const s = options.secure === true ? 's' : '';
    const config = join(directory, 'config.json');
    writeFileSync(config, JSON.stringify({ host: { video, network: { relayOnly } } }));
    const args = ['--conditions=@peerdeck/source', hostAgentMain, '--config', config];
    args.push('--display', display, '--identity', join(directory, 'identity.json'));
    args.push('--signaling-url', `ws${s}://${address}:${port}`);
    args.push('--web-url', `http${s}://${address}:${port}/`);
    if (tokenFile !== undefined) args.push('--token-file', tokenFile);
    this.child = new Child({
      name: 'host-agent',
      command: process.execPath,
      args,
      cwd: workspace,
      env: { ...process.env, ...options.env },
      onMessage: (message) => this.#take(message as Message),
    });
  }

  get pid(): number {
    return this.child.pid;
  }

  /** The link for control. */
  get viewerUrl(): string {
    return this.#viewerUrl;
  }

  /** The link that shows and does not let touch. */
  get viewUrl(): string {
    return this.#viewUrl;
  }

  /** Viewers that it counts now. */
  get viewers(): number {
    return this.#viewers;
  }

  async ready(): Promise<void> {
    await waitUntil('the host agent ready', 30_000, () => {
      if (this.child.ended) throw new Error(`host-agent ended:\n${this.child.log}`);
      return this.#viewerUrl;
    });
  }

  /** A new process with the same settings and identity; this one must have ended. */
  again(): Host {
    return new Host(this.#options, this.#directory);
  }

  async close(): Promise<void> {
    await this.child.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #take({ type, viewerUrl = '', viewUrl = '', viewers }: Message): void {
    this.#viewers = viewers;
    if (type !== 'ready') return;
    this.#viewerUrl = viewerUrl;
    this.#viewUrl = viewUrl;
  }
}
