import { readFileSync } from 'node:fs';
import { LIMITS } from '@peerdeck/protocol';
import { z } from 'zod';
import { configSchema } from './config-schema.ts';

/**
 * The configuration may allow no value that a native library refuses, for the person would hear of it
 * only when somebody wants to watch. Both sides state their bounds once; here they are compared.
 */
const native = new URL('../../../native/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, native), 'utf8');
const cpp = read('capture-encoder/src/base/options.cpp');
const header = read('capture-encoder/src/base/options.h');
const go = read('pion_webrtc/internal/options/options.go');

interface Bounds {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly properties?: Record<string, Bounds>;
}

function configured(path: string): Bounds {
  let at = z.toJSONSchema(configSchema, { io: 'input' }) as Bounds;
  for (const key of path.split('.')) {
    const next = at.properties?.[key];
    if (next === undefined) throw new Error(`the configuration has no ${path}`);
    at = next;
  }
  return at;
}

/** `r.integer("key", fallback, 1, 64)` → [1, 64]. */
function range(key: string): readonly [number, number] {
  const found = new RegExp(
    `\\.(?:integer|number)\\("${key}",[^;]*?(-?[\\d']+), (-?[\\d']+)\\)`,
  ).exec(cpp);
  if (found === null) throw new Error(`options.cpp reads no number ${key}`);
  return [Number(found[1]), Number(found[2])];
}

/** `o.kind = r.choice("kind", o.kind, {"a", "b"})` → ["a", "b"], within one function. */
function choices(reader: string, key: string): string[] {
  const body = cpp.slice(cpp.indexOf(reader));
  const list = new RegExp(`choice\\("${key}"[^{]*{([^}]*)}`).exec(body)?.[1];
  if (list === undefined) throw new Error(`${reader} has no choice ${key}`);
  return [...list.matchAll(/"(\w+)"/g)].map(([, word = '']) => word);
}

const numbers = [
  ['host.video.fps', 'fps', 'fps'],
  ['host.video.bitrateStart', 'bitrateBps', 'bitrate_bps'],
  ['host.video.bitrateMin', 'bitrateBps', undefined],
  ['host.video.bitrateMax', 'bitrateBps', undefined],
  ['host.video.threads', 'threads', 'threads'],
  ['host.video.quality', 'quality', 'quality'],
  ['host.capture.maxQueueDepth', 'maxQueueDepth', 'max_queue_depth'],
  ['host.capture.framePoolBuffers', 'framePoolBuffers', 'frame_pool_buffers'],
  ['host.capture.dropWindowMs', 'dropWindowMs', 'drop_window_ms'],
  ['host.capture.dropMinEvents', 'dropMinEvents', 'drop_min_events'],
  ['host.capture.minUpdateInterval100ns', 'minUpdateInterval100ns', 'min_update_interval_100ns'],
  ['host.capture.mmcss.priority', 'priority', 'mmcss_priority'],
  ['host.window.targetWidth', 'width', undefined],
  ['host.window.targetHeight', 'height', undefined],
] as const;

describe('what the configuration allows, the native libraries take', () => {
  it.each(numbers)('%s', (path, option, member) => {
    const { minimum = NaN, maximum = NaN, default: fallback } = configured(path);
    const [least, most] = range(option);
    expect(minimum).toBeGreaterThanOrEqual(least);
    expect(maximum).toBeLessThanOrEqual(most);
    if (member === undefined) return;
    const value = new RegExp(`[^\\w]${member} = (-?\\d+)`).exec(header)?.[1];
    expect(fallback).toBe(Number(value));
  });

  it('has as many encoder threads on both sides', () => {
    expect(configured('host.video.threads').maximum).toBe(range('threads')[1]);
  });

  it.each([
    ['host.capture.source', 'SourceOptions parse_source', 'kind'],
    ['host.video.encoder', 'EncoderOptions parse_encoder', 'kind'],
    ['host.input.injector', 'InjectorOptions::parse', 'kind'],
  ])('%s', (path, reader, key) => {
    expect([...(configured(path).enum ?? [])].sort()).toEqual(choices(reader, key).sort());
  });

  it('opens as many peers as viewers may come, each twice while it connects anew', () => {
    const [, least, most] = /"maxPeers":\s+integer\(&o\.MaxPeers, (\d+), (\d+)\)/.exec(go) ?? [];
    const { minimum = NaN, maximum = NaN } = configured('host.maxViewers');
    expect(minimum * 2).toBeGreaterThanOrEqual(Number(least));
    expect(maximum * 2).toBeLessThanOrEqual(Number(most));
  });

  it('reads an offer of every size that the protocol lets through', () => {
    const text = read('pion_webrtc/internal/peer/signaling.go');
    const [, kib] = /maxOffer\s+= (\d+) << 10/.exec(text) ?? [];
    expect(Number(kib) * 1024).toBe(LIMITS.sdpBytes);
  });
});
