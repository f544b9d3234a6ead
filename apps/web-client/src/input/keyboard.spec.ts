import { Keyboard, type KeyLike } from './keyboard.ts';

function event(code: string, more: Partial<KeyLike> = {}): KeyLike {
  return {
    code,
    key: code,
    repeat: false,
    isComposing: false,
    timeStamp: 0,
    getModifierState: () => false,
    ...more,
  };
}

function keyboard(options: { isMac?: boolean; shortcut?: (event: KeyLike) => boolean } = {}) {
  const log: string[] = [];
  const keys = new Keyboard({
    sink: {
      key: (usage, down, repeat) =>
        log.push(`${down ? (repeat === true ? 'repeat' : 'down') : 'up'} ${usage.toString(16)}`),
    },
    isMac: options.isMac ?? false,
    shortcut: options.shortcut ?? (() => false),
  });
  return { keys, log };
}

describe('Keyboard', () => {
  it('sends physical keys', () => {
    const { keys, log } = keyboard();
    expect(keys.keyDown(event('KeyA'))).toBe('sent');
    expect(keys.keyUp(event('KeyA'))).toBe('sent');
    expect(log).toEqual(['down 4', 'up 4']);
  });

  it('flags auto-repeat and never presses twice', () => {
    const { keys, log } = keyboard();
    keys.keyDown(event('KeyA'));
    keys.keyDown(event('KeyA', { repeat: true }));
    // Some systems lose the keyup and send a second keydown without `repeat`.
    keys.keyDown(event('KeyA'));
    keys.keyUp(event('KeyA'));
    keys.keyUp(event('KeyA'));
    expect(log).toEqual(['down 4', 'repeat 4', 'repeat 4', 'up 4']);
  });

  it('does not press a key that was down before the focus came', () => {
    const { keys, log } = keyboard();
    expect(keys.keyDown(event('Enter', { repeat: true }))).toBe('sent');
    expect(keys.keyUp(event('Enter'))).toBe('left');
    expect(log).toEqual([]);
  });

  it('releases everything once', () => {
    const { keys, log } = keyboard();
    keys.keyDown(event('ShiftLeft'));
    keys.keyDown(event('KeyB'));
    expect(keys.held).toBe(2);
    keys.releaseAll();
    keys.releaseAll();
    expect(log).toEqual(['down e1', 'down 5', 'up e1', 'up 5']);
    expect(keys.held).toBe(0);
  });

  it('leaves composed text, touch keyboards and unknown keys to the browser', () => {
    const { keys, log } = keyboard();
    expect(keys.keyDown(event('KeyA', { key: 'Process' }))).toBe('left');
    expect(keys.keyDown(event('KeyA', { isComposing: true }))).toBe('left');
    expect(keys.keyDown(event('', { key: 'Unidentified' }))).toBe('left');
    expect(keys.keyDown(event('BrowserBack'))).toBe('left');
    expect(log).toEqual([]);
  });

  it("keeps the page's own shortcuts from the host", () => {
    const { keys, log } = keyboard({ shortcut: (key) => key.code === 'F11' });
    expect(keys.keyDown(event('F11'))).toBe('local');
    expect(keys.keyUp(event('F11'))).toBe('left');
    expect(log).toEqual([]);
  });

  it('takes the ControlLeft back that Windows adds to AltGr', () => {
    const { keys, log } = keyboard();
    keys.keyDown(event('ControlLeft', { timeStamp: 100 }));
    keys.keyDown(event('AltRight', { timeStamp: 100, getModifierState: (n) => n === 'AltGraph' }));
    expect(log).toEqual(['down e0', 'up e0', 'down e6']);
    keys.keyUp(event('ControlLeft'));
    keys.keyUp(event('AltRight'));
    expect(log.slice(3)).toEqual(['up e6']);
  });

  it('keeps a Control that the user holds with AltGr', () => {
    const { keys, log } = keyboard();
    keys.keyDown(event('ControlLeft', { timeStamp: 100 }));
    keys.keyDown(event('AltRight', { timeStamp: 400, getModifierState: (n) => n === 'AltGraph' }));
    expect(log).toEqual(['down e0', 'down e6']);
  });

  it('makes up for the keyups that macOS swallows under Command', () => {
    const { keys, log } = keyboard({ isMac: true });
    keys.keyDown(event('MetaLeft'));
    keys.keyDown(event('ShiftLeft'));
    keys.keyDown(event('KeyC'));
    keys.keyUp(event('MetaLeft'));
    expect(log).toEqual(['down e3', 'down e1', 'down 6', 'up e3', 'up 6']);
    expect(keys.held).toBe(1);
  });

  it("presses Caps Lock on both of macOS's half events", () => {
    const { keys, log } = keyboard({ isMac: true });
    keys.keyDown(event('CapsLock'));
    keys.keyUp(event('CapsLock'));
    expect(log).toEqual(['down 39', 'up 39', 'down 39', 'up 39']);
  });

  it('plays a chord in order and back', () => {
    const { keys, log } = keyboard();
    keys.chord(['ControlLeft', 'AltLeft', 'Delete']);
    expect(log).toEqual(['down e0', 'down e2', 'down 4c', 'up 4c', 'up e2', 'up e0']);
  });
});
