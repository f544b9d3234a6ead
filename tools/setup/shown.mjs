const LOOK_EVERY_MS = 50;

/** Whether a window manager manages this display: it names a window that names itself (EWMH). */
export async function hasManager(x) {
  const [window] = (await x.numbers(x.root, '_NET_SUPPORTING_WM_CHECK')) ?? [];
  if (window === undefined) return false;
  const [itself] = (await x.numbers(window, '_NET_SUPPORTING_WM_CHECK')) ?? [];
  return itself === window;
}

/** Whether the window manager has a window of this instance name, and it can be seen. */
export async function shows(x, name) {
  for (const window of (await x.numbers(x.root, '_NET_CLIENT_LIST')) ?? []) {
    const instance = (await x.text(window, 'WM_CLASS'))?.split('\0')[0];
    if (instance !== name) continue;
    const { viewable, width, height } = (await x.window(window)) ?? {};
    if (viewable && width > 1 && height > 1) return true;
  }
  return false;
}

/** Looks until there is something, or the deadline, or `stop()`; whether there was. */
export async function until(look, { deadlineMs, stop = () => false }) {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    if (stop()) return false;
    if (await look()) return true;
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
