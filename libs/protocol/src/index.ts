export * from './bytes.ts';
export * from './close-codes.ts';
export type { LossCause } from './comeback.ts';
export * from './control-messages.ts';
export * from './emitter.ts';
export * from './error-codes.ts';
export * from './hid-usages.ts';
export {
  generateHostKey,
  hostKeyFromSecret,
  hostKeyHash,
  signHostSlot,
  verifyHostSlot,
  type HostKey,
} from './host-key.ts';
export * from './identifiers.ts';
export * from './input-codec.ts';
export * from './input-encoder.ts';
export * from './invitation.ts';
export * from './limits.ts';
export * from './message-parser.ts';
export * from './original-messages.ts';
export * from './reconnect-policy.ts';
export * from './room-code.ts';
export * from './sdp-auth.ts';
export * from './signaling-messages.ts';
export * from './signaling-client.ts';
export type {
  SendResult,
  SignalingClientOptions,
  SignalingError,
  SignalingEvents,
  SignalingState,
} from './signaling-client-options.ts';
export type { SocketConstructor, SocketLike, Timers } from './web-socket.ts';
