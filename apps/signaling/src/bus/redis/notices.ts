import { roomTag } from '../../base/log.ts';
import { NO_SPAN, type Span } from '../../tracing/span.ts';
import { parseTraceParent } from '../../tracing/trace-parent.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import type { Link } from './link.ts';
import type { Mirrors } from './mirrors.ts';
import type { RoomAnswer, Store } from './store.ts';
import { decodeItem, encodeNotice, type RoomNotice } from './wire.ts';

export interface NoticesOptions {
  readonly nodeId: string;
  readonly link: Link;
  readonly store: Store;
  readonly mirrors: Mirrors;
  readonly tracing: Pick<Tracing, 'start'>;
}

/** What the nodes tell each other: changes of rooms to one another, and frames on their way in. */
export class Notices {
  readonly #options: NoticesOptions;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** To every other node that has members in the room, or had. */
  announce(room: string, { version, changes, nodes }: RoomAnswer, span = NO_SPAN): void {
    if (changes.length === 0) return;
    const { nodeId, link, store } = this.#options;
    const { traceParent } = span;
    const text = encodeNotice({ room, version, changes, traceParent });
    for (const node of nodes) if (node !== nodeId) link.publish(store.channel(node), text);
  }

  received(text: string): void {
    const { mirrors } = this.#options;
    const item = decodeItem(text);
    if (item === undefined) return;
    if (item.type === 'notice') {
      const mirror = mirrors.find(item.notice.room);
      const span = this.#heard(item.notice);
      mirror?.received(item);
      span.end();
      if (mirror !== undefined) mirrors.forget(mirror);
      return;
    }
    const mirror = mirrors.placeOf(item.connectionId);
    if (mirror === undefined) mirrors.listener?.frame(item.connectionId, item.frame);
    else mirror.received(item);
  }

  /** What another node did, in the trace of whoever had it done. */
  #heard({ room, changes, traceParent }: RoomNotice): Span {
    const parent = parseTraceParent(traceParent);
    if (parent === undefined) return NO_SPAN;
    const attributes = { room: roomTag(room), change: changes[0]?.how ?? 'none' };
    return this.#options.tracing.start('notice', { parent, attributes });
  }
}
