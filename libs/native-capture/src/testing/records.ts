/** Builds one event record as the native side does (peerdeck_abi.h, pd_event_header). */
export function record(
  type: number,
  handle: number,
  payload: Uint8Array,
  channel = 0,
  timeUs = 0,
): Uint8Array {
  const size = 24 + payload.length;
  const bytes = new Uint8Array(Math.ceil(size / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, channel, true);
  view.setBigInt64(8, BigInt(handle), true);
  view.setBigInt64(16, BigInt(timeUs), true);
  bytes.set(payload, 24);
  return bytes;
}
