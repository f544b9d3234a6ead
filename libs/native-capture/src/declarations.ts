/**
 * The exported functions of both libraries, as data: libraries.ts turns them into koffi calls and
 * declarations.spec.ts compares them with the C headers.
 *
 * `bytes in` is a const pointer that the callee reads during the call, `bytes out` one that it
 * fills; both are given as a Buffer and passed by address, without a copy. `address` is a C
 * function pointer or a `user` value carried as an integer.
 */
export type NativeType = 'int32' | 'int64' | 'uint32' | 'uint64' | 'double' | 'in' | 'out';
export interface NativeFunction {
  readonly result: 'int32' | 'int64';
  readonly args: readonly NativeType[];
}

const options = ['in', 'uint32', 'out', 'uint32'] as const;

export const pionFunctions = {
  pdw_abi_version: { result: 'int32', args: [] },
  pdw_describe: { result: 'int32', args: ['out', 'uint32'] },
  pdw_engine_open: { result: 'int64', args: options },
  pdw_engine_close: { result: 'int32', args: ['int64'] },
  pdw_stream_open: { result: 'int64', args: ['int64', ...options] },
  pdw_stream_close: { result: 'int32', args: ['int64'] },
  pdw_stream_set_wake: { result: 'int32', args: ['int64', 'uint64', 'uint64'] },
  pdw_peer_open: { result: 'int64', args: ['int64', ...options] },
  pdw_peer_answer: { result: 'int32', args: ['int64', ...options] },
  pdw_peer_add_candidate: { result: 'int32', args: ['int64', ...options] },
  pdw_peer_send: { result: 'int32', args: ['int64', 'uint32', 'int32', 'in', 'uint32'] },
  pdw_peer_set_video: { result: 'int32', args: ['int64', 'int32'] },
  pdw_peer_set_input: { result: 'int32', args: ['int64', 'int32'] },
  pdw_peer_set_pace: { result: 'int32', args: ['int64', 'uint64', 'double', 'uint64'] },
  pdw_peer_close: { result: 'int32', args: ['int64', 'uint32'] },
  pdw_poll_events: { result: 'int32', args: ['out', 'uint32', 'uint32'] },
  pdw_wake_events: { result: 'int32', args: [] },
  pdw_leaks: { result: 'int32', args: ['out', 'uint32'] },
} as const satisfies Record<string, NativeFunction>;

export const captureFunctions = {
  pdc_abi_version: { result: 'int32', args: [] },
  pdc_probe: { result: 'int32', args: options },
  pdc_list_windows: { result: 'int32', args: options },
  pdc_pipeline_open: { result: 'int64', args: options },
  pdc_pipeline_set_sink: { result: 'int32', args: ['int64', 'uint64', 'uint64'] },
  pdc_pipeline_start: { result: 'int32', args: ['int64', 'out', 'uint32'] },
  pdc_pipeline_stop: { result: 'int32', args: ['int64'] },
  pdc_pipeline_close: { result: 'int32', args: ['int64'] },
  pdc_pipeline_set_rate: { result: 'int32', args: ['int64', 'uint64', 'double', 'double'] },
  pdc_pipeline_request_keyframe: { result: 'int32', args: ['int64'] },
  pdc_pipeline_stats: { result: 'int32', args: ['int64', 'out', 'uint32'] },
  pdc_injector_open: { result: 'int64', args: options },
  pdc_injector_inject: { result: 'int32', args: ['int64', 'in', 'uint32'] },
  pdc_injector_text: { result: 'int32', args: ['int64', 'in', 'uint32'] },
  pdc_injector_release_all: { result: 'int32', args: ['int64'] },
  pdc_injector_close: { result: 'int32', args: ['int64'] },
  pdc_poll_events: { result: 'int32', args: ['out', 'uint32', 'uint32'] },
  pdc_wake_events: { result: 'int32', args: [] },
  pdc_leaks: { result: 'int32', args: ['out', 'uint32'] },
} as const satisfies Record<string, NativeFunction>;

/** Exported, but only ever called native to native: their addresses are handed over. */
export const pionCallbacks = ['pdw_push'] as const;
export const captureCallbacks = ['pdc_wake'] as const;
