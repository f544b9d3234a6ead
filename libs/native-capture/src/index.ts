export { ABI_VERSION, type NativeErrorCode } from './abi.ts';
export { NativeError, NativeLibraryError, isNativeError } from './errors.ts';
export type {
  ArrivalReport,
  BackendReport,
  Burst,
  ChannelState,
  CursorShape,
  EncoderEvent,
  IceCandidate,
  NativeFault,
  NativeLog,
  PeerFeedback,
  PeerPath,
  PeerState,
  PipelineInfo,
  PipelineStats,
  ProbeReport,
  SourceEvent,
  WindowInfo,
} from './events.ts';
export { findLibraries, type LibraryPaths } from './library-paths.ts';
export type * from './media-host.ts';
export { openNativeMediaHost, type NativeMediaHostOptions } from './native-media-host.ts';
