import type { MediaHost, SourceOptions, WindowInfo } from '@peerdeck/native-capture';
import type { Config } from './config.ts';

/** The configured source is not there. The message lists what is, and the remedy. */
export class SourceNotFoundError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SourceNotFoundError';
  }
}

export interface ChosenSource {
  readonly options: SourceOptions;
  /** For the viewers: what they see. */
  readonly kind: 'desktop' | 'window';
  readonly title: string;
  /** Worth telling the owner, e.g. that the desktop is shared instead of a window. */
  readonly note?: string;
}

/** The display that is shared; undefined where the platform has none or none is set. */
export function displayOf(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const display = config.host.display === '' ? env['DISPLAY'] : config.host.display;
  return display === '' ? undefined : display;
}

/** What to capture, by the configuration and the windows that are there now. */
export async function chooseSource(
  host: Pick<MediaHost, 'listWindows'>,
  config: Config,
  display: string | undefined,
): Promise<ChosenSource> {
  const { targetProcessName: target, allowDesktopFallback, capture } = config.host;
  const on = display === undefined ? {} : { display };
  const desktop: ChosenSource = {
    options: { kind: capture.source, ...on },
    kind: 'desktop',
    title: display ?? 'desktop',
  };
  if (target === '' || capture.source === 'synthetic') return withSize(desktop, config);
  const windows = await host.listWindows(on);
  const found = bestWindow(windows, target);
  if (found !== undefined) return windowSource(found, config, on);
  const message =
    `No window of a process named "${target}" (host.targetProcessName). ` + candidates(windows);
  if (allowDesktopFallback) return { ...desktop, note: `${message} Sharing the whole desktop.` };
  throw new SourceNotFoundError(
    `${message} Set host.targetProcessName to one of them, to "" for the whole desktop, ` +
      'or host.allowDesktopFallback to true.',
  );
}

function windowSource(
  found: WindowInfo,
  config: Config,
  on: { readonly display?: string },
): ChosenSource {
  const { resizeClientArea, targetWidth, targetHeight } = config.host.window;
  const size = resizeClientArea ? { resize: true, width: targetWidth, height: targetHeight } : {};
  return {
    options: { kind: config.host.capture.source, ...on, window: found.id, ...size },
    kind: 'window',
    title: found.title === '' ? found.process : found.title,
  };
}

/** A synthetic picture has the size that a window would be given. */
function withSize(source: ChosenSource, config: Config): ChosenSource {
  if (config.host.capture.source !== 'synthetic') return source;
  const { targetWidth: width, targetHeight: height } = config.host.window;
  return { ...source, title: 'test picture', options: { kind: 'synthetic', width, height } };
}

/** The largest window of the process; ".exe" and case do not matter. */
function bestWindow(windows: readonly WindowInfo[], target: string): WindowInfo | undefined {
  const wanted = plain(target);
  return windows
    .filter((window) => plain(window.process) === wanted)
    .sort((a, b) => b.width * b.height - a.width * a.height)[0];
}

function plain(process: string): string {
  return process.toLowerCase().replace(/\.exe$/, '');
}

function candidates(windows: readonly WindowInfo[]): string {
  const names = [...new Set(windows.map((window) => window.process))].filter((one) => one !== '');
  if (names.length === 0) return 'No process has a window now.';
  const shown = names.sort().slice(0, 12).join(', ');
  return `Processes with a window now: ${shown}${names.length > 12 ? ', …' : ''}.`;
}
