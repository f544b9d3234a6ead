import { Counter, Rate, Trend } from 'k6/metrics';

/** What the scenarios measure. Times are milliseconds. */

/** From the start of a connection to the welcome. */
export const joinMs = new Trend('signaling_join_ms', true);
/** From a message being sent to its being received, in the message itself. */
export const relayMs = new Trend('signaling_relay_ms', true);
/** From the host's connection to the last candidate that both peers wait for. */
export const setupMs = new Trend('signaling_setup_ms', true);
/** From a connection being lost to the welcome of the next. */
export const reconnectMs = new Trend('signaling_reconnect_ms', true);
/** Joins that were answered with a welcome. */
export const joined = new Rate('signaling_joined');
/** Relayed messages that arrived, in order. */
export const delivered = new Rate('signaling_delivered');
/** Returns that got their old place. */
export const resumed = new Rate('signaling_resumed');
/** Typed errors of the service, closes that nobody asked for, and failed connections. */
export const errors = new Counter('signaling_errors');

/** The first few are worth a line each; a thousand of the same are not. */
let told = 0;

export function failed(code: string, detail: string): void {
  errors.add(1, { code });
  told += 1;
  if (told <= 3) console.error(`${code}: ${detail}`);
}
