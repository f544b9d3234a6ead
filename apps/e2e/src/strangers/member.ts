import { generateHostKey, signHostSlot, SUBPROTOCOL_V2, toBase64Url } from '@peerdeck/protocol';
import type { HostKey, PeerRole } from '@peerdeck/protocol';

import { waitUntil } from '@peerdeck/harness/wait';

type Message = Record<string, unknown> & { type: string };

export interface MemberOptions {
  /** ws://… of the signaling service. */
  url: string;
  room: string;
  role?: PeerRole;
  /** Of a host; a new one without it. */
  hostKey?: HostKey;
}

/**
 * A member of a room that keeps no rule but those it wants to: what anybody can write who has
 * read docs/protocol.md. It answers nothing and comes back only when told to.
 */
export class Member {
  readonly received: Message[] = [];
  readonly #socket: WebSocket;
  #closeCode: number | undefined;

  constructor({ url, room, role = 'viewer', hostKey }: MemberOptions) {
    this.#socket = new WebSocket(url, [SUBPROTOCOL_V2]);
    this.#socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      this.received.push(message);
      if (message.type !== 'hello') return;
      const join = { type: 'join', room, role };
      this.send(role === 'host' ? { ...join, ...slot(message, room, hostKey) } : join);
    };
    this.#socket.onclose = ({ code }) => {
      this.#closeCode = code;
    };
  }

  /** Resolves when it is in. */
  static async join(options: MemberOptions): Promise<Member> {
    const member = new Member(options);
    await waitUntil('a welcome, or the end', 10_000, () => member.welcome ?? member.isClosed);
    return member;
  }

  get welcome(): Message | undefined {
    return this.received.find(({ type }) => type === 'welcome');
  }

  get isClosed(): boolean {
    return this.#closeCode !== undefined;
  }

  /** What the service closed it with. */
  get closeCode(): number | undefined {
    return this.#closeCode;
  }

  send(message: Message): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Says goodbye; idempotent. */
  leave(): void {
    this.send({ type: 'leave' });
    this.close();
  }

  /** Idempotent. */
  close(): void {
    this.#socket.close();
  }
}

function slot(hello: Message, room: string, hostKey = generateHostKey()): object {
  return {
    hostKey: toBase64Url(hostKey.publicKey),
    hostSignature: signHostSlot(String(hello['challenge']), room, hostKey),
  };
}
