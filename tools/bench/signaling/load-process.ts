import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { firstMessage, startChild, stopChild } from './child.ts';
import type { Connected, Relayed, Request } from './protocol.ts';

/** The process that makes the load, seen from the bench. One request at a time. */
export class LoadProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(core: number | undefined): Promise<LoadProcess> {
    const file = fileURLToPath(new URL('load.ts', import.meta.url));
    const child = startChild({ command: process.execPath, args: [file], core, ipc: true });
    await firstMessage(child, 'the load');
    return new LoadProcess(child);
  }

  ask(request: Extract<Request, { type: 'saturate' | 'pace' }>): Promise<Relayed>;
  ask(request: Extract<Request, { type: 'connect' | 'churn' | 'disconnect' }>): Promise<Connected>;
  async ask(request: Request): Promise<unknown> {
    const answer = once(this.#child, 'message');
    this.#child.send(request);
    const [message] = (await answer) as [unknown];
    return message;
  }

  close(): Promise<void> {
    return stopChild(this.#child);
  }
}
