import {
  SignalingClient,
  type IncomingRelay,
  type MemberEvent,
  type SignalingClientOptions,
  type SignalingError,
  type SignalingState,
  type SocketConstructor,
  type Welcome,
} from '@peerdeck/protocol';
import { WebSocket } from 'ws';

export type MemberOptions = Omit<SignalingClientOptions, 'WebSocket'>;

/** A host or viewer as the host agent and the page are: the real client, which remembers. */
export class Member {
  readonly client: SignalingClient;
  readonly messages: (IncomingRelay | MemberEvent)[] = [];
  readonly welcomes: Welcome[] = [];
  readonly states: SignalingState[] = [];
  readonly errors: SignalingError[] = [];
  /** Longest time without a place, in milliseconds, ended by a welcome. */
  longestAwayMs = 0;
  #awaySince: number | undefined;

  constructor(options: MemberOptions) {
    const WebSocketOfClient = WebSocket as unknown as SocketConstructor;
    this.client = new SignalingClient({ ...options, WebSocket: WebSocketOfClient });
    this.client.on('message', (message) => this.messages.push(message));
    this.client.on('error', (error) => this.errors.push(error));
    this.client.on('state', (state) => {
      this.states.push(state);
      if (state.state !== 'joined') this.#awaySince ??= performance.now();
    });
    this.client.on('welcome', (welcome) => {
      if (this.welcomes.length > 0 && this.#awaySince !== undefined) {
        this.longestAwayMs = Math.max(this.longestAwayMs, performance.now() - this.#awaySince);
      }
      this.#awaySince = undefined;
      this.welcomes.push(welcome);
    });
    this.client.connect();
  }

  get joined(): boolean {
    return this.client.state.state === 'joined';
  }

  get peerId(): string {
    return this.client.welcome?.peerId ?? '';
  }

  get resumes(): number {
    return this.welcomes.filter(({ resumed }) => resumed).length;
  }

  /** What it heard of the type, in order. */
  of<Type extends (IncomingRelay | MemberEvent)['type']>(
    type: Type,
  ): Extract<IncomingRelay | MemberEvent, { type: Type }>[] {
    return this.messages.filter(
      (message): message is Extract<IncomingRelay | MemberEvent, { type: Type }> =>
        message.type === type,
    );
  }

  /** Ends without a word. Idempotent. */
  close(): void {
    this.client.close();
  }
}
