import type { Connection, ConnectionEnd, ConnectionHandler } from '../socket/connection.ts';
import type { Session } from './session.ts';
import type { ConnectionTrace } from '../tracing/connection-trace.ts';

export type Version = 'original' | 'v2';

/** Who keeps the entries; told before the session is. */
export interface EntryOwner {
  ended(entry: Entry, end: ConnectionEnd): void;
  closed(entry: Entry): void;
}

export interface EntryOptions {
  readonly owner: EntryOwner;
  readonly version: Version;
  /** What limits per address count it by. */
  readonly limitKey: string;
  readonly connection: Connection;
  readonly session: Session;
  readonly trace: ConnectionTrace;
}

/** A connection that was let in, and what it means. */
export class Entry implements ConnectionHandler {
  readonly version: Version;
  readonly limitKey: string;
  readonly connection: Connection;
  readonly session: Session;
  readonly trace: ConnectionTrace;
  readonly #owner: EntryOwner;

  constructor({ owner, version, limitKey, connection, session, trace }: EntryOptions) {
    this.#owner = owner;
    this.version = version;
    this.limitKey = limitKey;
    this.connection = connection;
    this.session = session;
    this.trace = trace;
  }

  message(text: string, bytes: number): void | Promise<void> {
    return this.session.message(text, bytes);
  }

  ended(end: ConnectionEnd): void {
    this.#owner.ended(this, end);
    this.session.ended(end);
    this.trace.end({ code: end.code, by: end.by });
  }

  closed(): void {
    this.#owner.closed(this);
  }

  failed(error: unknown): void {
    this.session.failed(error);
  }
}
