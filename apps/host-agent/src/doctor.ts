import { networkInterfaces } from 'node:os';
import {
  isNativeError,
  NativeLibraryError,
  type BackendReport,
  type MediaHost,
} from '@peerdeck/native-capture';
import type { Config } from './config.ts';
import { messageOf } from './screen.ts';
import { chooseSource } from './source-choice.ts';

export interface DoctorOptions {
  readonly config: Config;
  readonly display: string | undefined;
  readonly version: string;
  readonly openHost: () => Promise<MediaHost>;
  /** Whether the signaling service answers; the text says why not. */
  readonly checkSignaling: (url: string) => Promise<string | undefined>;
  readonly interfaces?: typeof networkInterfaces;
}

export interface DoctorReport {
  readonly text: string;
  /** True if a viewer could be served: a source, an encoder and signaling work. */
  readonly healthy: boolean;
}

/** What works on this machine and why the rest does not. Opens and closes everything it tries. */
export async function diagnose(options: DoctorOptions): Promise<DoctorReport> {
  const lines: string[] = [];
  const faults: string[] = [];
  lines.push('Versions', `  peerdeck ${options.version}, Node ${process.version}`);
  let host: MediaHost | undefined;
  try {
    host = await options.openHost();
    await examine(host, options, lines, faults);
  } catch (error) {
    const known = error instanceof NativeLibraryError || isNativeError(error);
    lines.push(`  ✗ native libraries: ${known ? messageOf(error) : String(error)}`);
    faults.push('the native libraries do not work');
  } finally {
    await host?.close();
  }
  lines.push('', 'Network', ...networkLines(options));
  const unreachable = await options.checkSignaling(options.config.client.serverUrlBase);
  const { serverUrlBase } = options.config.client;
  lines.push(line(unreachable === undefined, `signaling ${serverUrlBase}`, unreachable ?? ''));
  if (unreachable !== undefined) faults.push('the signaling service cannot be reached');
  const healthy = faults.length === 0;
  lines.push('', healthy ? 'All that is needed works.' : `Not ready: ${faults.join('; ')}.`, '');
  return { text: lines.join('\n'), healthy };
}

async function examine(
  host: MediaHost,
  options: DoctorOptions,
  lines: string[],
  faults: string[],
): Promise<void> {
  const { config, display } = options;
  const on = display === undefined ? {} : { display };
  const versions = await host.describe();
  const report = await host.probe(on);
  for (const [name, value] of Object.entries({ ...versions, ...report.versions })) {
    lines.push(`  ${name} ${value}`);
  }
  lines.push('', `Display  ${display ?? 'none (set DISPLAY or --display)'}`);
  lines.push('', 'Sources', ...backendLines(report.sources));
  lines.push('', 'Encoders', ...backendLines(report.encoders));
  lines.push('', 'Input', ...backendLines(report.injectors));
  lines.push('', 'The configured source');
  try {
    const source = await chooseSource(host, config, display);
    const pipeline = await host.openPipeline({
      source: source.options,
      encoder: { kind: config.host.video.encoder },
    });
    const { width, height, source: kind, encoder } = pipeline.info;
    await pipeline.close();
    lines.push(line(true, `${kind}, ${width}×${height}, ${encoder}`, source.note ?? ''));
  } catch (error) {
    lines.push(line(false, 'cannot be opened', messageOf(error)));
    faults.push('the configured source cannot be opened');
  }
}

function backendLines(backends: readonly BackendReport[]): string[] {
  return backends.map(({ name, available, reason }) => line(available, name, reason));
}

function networkLines(options: DoctorOptions): string[] {
  const { interfaces: wanted, includeLoopback } = options.config.host.network;
  return Object.entries((options.interfaces ?? networkInterfaces)()).map(([name, addresses]) => {
    const listed = addresses ?? [];
    const internal = listed.every((one) => one.internal);
    const why =
      wanted.length > 0 && !wanted.includes(name)
        ? 'not in host.network.interfaces'
        : internal && !includeLoopback
          ? 'host.network.includeLoopback is off'
          : '';
    return line(why === '', `${name} ${listed.map((one) => one.address).join(', ')}`, why);
  });
}

function line(works: boolean, what: string, why: string): string {
  return `  ${works ? '✓' : '✗'} ${what}${why === '' ? '' : `: ${why}`}`;
}
