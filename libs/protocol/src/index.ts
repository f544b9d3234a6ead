export * from './close-codes.ts';
export * from './control-messages.ts';
export * from './error-codes.ts';
export * from './identifiers.ts';
export * from './limits.ts';
export * from './message-parser.ts';
export * from './original-messages.ts';
export * from './signaling-messages.ts';
