import type { KeyLike } from '../input/keyboard.ts';

export type ShortcutName = 'fullscreen' | 'stats' | 'release';

/** Which of the page's own shortcuts a key is. All others go to the host. */
export function shortcutOf(event: KeyLike): ShortcutName | undefined {
  const held = (name: string) => event.getModifierState(name);
  if (event.code === 'F11') {
    return held('Control') || held('Alt') || held('Shift') || held('Meta')
      ? undefined
      : 'fullscreen';
  }
  if (!held('Control') || !held('Alt') || !held('Shift')) return undefined;
  if (event.code === 'KeyF') return 'fullscreen';
  if (event.code === 'KeyS') return 'stats';
  if (event.code === 'KeyZ') return 'release';
  return undefined;
}
