import { shortcutOf } from './shortcuts.ts';

const key = (code: string, ...modifiers: string[]) => ({
  code,
  key: code,
  repeat: false,
  isComposing: false,
  timeStamp: 0,
  getModifierState: (name: string) => modifiers.includes(name),
});
const all = ['Control', 'Alt', 'Shift'];

it('takes few keys for itself', () => {
  expect(shortcutOf(key('F11'))).toBe('fullscreen');
  expect(shortcutOf(key('F11', 'Control'))).toBeUndefined();
  expect(shortcutOf(key('KeyF', ...all))).toBe('fullscreen');
  expect(shortcutOf(key('KeyS', ...all))).toBe('stats');
  expect(shortcutOf(key('KeyZ', ...all))).toBe('release');
  expect(shortcutOf(key('KeyF', 'Control', 'Alt'))).toBeUndefined();
  expect(shortcutOf(key('KeyQ', ...all))).toBeUndefined();
});
