import { z } from 'zod';
import { configSchema } from './config-schema.ts';

/** One leaf of the configuration, as the docs, the environment and `--set` know it. */
export interface ConfigKey {
  /** Dotted, as in "host.video.fps". */
  readonly path: string;
  /** PEERDECK_HOST_VIDEO_FPS. */
  readonly variable: string;
  readonly type: string;
  readonly bounds: string;
  readonly fallback: unknown;
  readonly text: string;
}

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Every leaf, in the order of the schema. */
export function configKeys(): readonly ConfigKey[] {
  const root = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return walk(root, []);
}

/** The keys that an object at this dotted path may have; '' is the top. */
export function keysAt(path: string): readonly string[] {
  const prefix = path === '' ? '' : `${path}.`;
  const below = configKeys()
    .map((key) => key.path)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length).split('.')[0] ?? '');
  return [...new Set(below)];
}

export function variableOf(path: string): string {
  const snake = path.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll('.', '_');
  return `PEERDECK_${snake.toUpperCase()}`;
}

function walk(schema: JsonSchema, path: readonly string[]): ConfigKey[] {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([key, one]) => walk(one, [...path, key]));
  }
  const dotted = path.join('.');
  return [
    {
      path: dotted,
      variable: variableOf(dotted),
      type: schema.enum === undefined ? (schema.type ?? 'string') : 'choice',
      bounds: boundsOf(schema),
      fallback: schema.default,
      text: schema.description ?? '',
    },
  ];
}

function boundsOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.join(', ');
  if (schema.minimum === undefined || schema.maximum === undefined) return '';
  return `${schema.minimum} to ${schema.maximum}`;
}
