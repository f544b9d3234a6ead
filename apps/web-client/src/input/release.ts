/**
 * Calls `release` whenever keyups and button releases may pass the page by: it loses the focus,
 * is hidden, or is left. Returns what takes the listeners away.
 */
export function releaseOnLeave(page: Window, release: () => void): () => void {
  const onVisibility = () => {
    if (page.document.visibilityState === 'hidden') release();
  };
  page.addEventListener('blur', release);
  page.addEventListener('pagehide', release);
  page.document.addEventListener('visibilitychange', onVisibility);
  return () => {
    page.removeEventListener('blur', release);
    page.removeEventListener('pagehide', release);
    page.document.removeEventListener('visibilitychange', onVisibility);
  };
}
