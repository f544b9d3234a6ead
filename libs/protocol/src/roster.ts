import type { Member, ServerMessage } from './signaling-messages.ts';

/** The other members of a room, as one member of it has heard. */
export class Roster {
  readonly #members = new Map<string, Member>();

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  has(peerId: string): boolean {
    return this.#members.has(peerId);
  }

  /** Those of a welcome: whoever was here before is gone. */
  begin(members: readonly Member[]): void {
    this.#members.clear();
    for (const member of members) this.#members.set(member.peerId, member);
  }

  /** Messages that are about no member change nothing. */
  hear(message: ServerMessage): void {
    switch (message.type) {
      case 'member-joined':
      case 'member-resumed':
        this.#remember(message, 'connected');
        return;
      case 'member-detached':
        this.#remember(message, 'detached');
        return;
      case 'member-left':
        this.#members.delete(message.peerId);
        return;
      default:
    }
  }

  #remember({ peerId, role }: Pick<Member, 'peerId' | 'role'>, state: Member['state']): void {
    this.#members.set(peerId, { peerId, role, state });
  }
}
