import { codeOfUsage, KEYBOARD_USAGES, MODIFIER_USAGES, usageOfCode } from './hid-usages.ts';

describe('the usage table', () => {
  it.each([
    ['KeyA', 0x04],
    ['KeyZ', 0x1d],
    ['Digit1', 0x1e],
    ['Digit0', 0x27],
    ['Enter', 0x28],
    ['F1', 0x3a],
    ['F12', 0x45],
    ['F13', 0x68],
    ['F24', 0x73],
    ['ArrowUp', 0x52],
    ['Numpad1', 0x59],
    ['Numpad0', 0x62],
    ['IntlBackslash', 0x64],
    ['ContextMenu', 0x65],
    ['IntlRo', 0x87],
    ['Lang5', 0x94],
    ['ControlLeft', 0xe0],
    ['MetaRight', 0xe7],
    ['OSLeft', 0xe3],
    ['VolumeUp', 0x80],
  ])('%s is 0x%s', (code, usage) => {
    expect(usageOfCode(code)).toBe(usage);
  });

  it('goes there and back, one usage a code', () => {
    expect(KEYBOARD_USAGES).toHaveLength(new Set(KEYBOARD_USAGES).size);
    for (const usage of KEYBOARD_USAGES) {
      const code = codeOfUsage(usage);
      expect(code && usageOfCode(code)).toBe(usage);
    }
    for (const usage of MODIFIER_USAGES) expect(KEYBOARD_USAGES).toContain(usage);
  });

  it('knows nothing else', () => {
    for (const code of ['', 'Unidentified', 'Fn', 'MediaPlayPause', 'constructor', '__proto__']) {
      expect(usageOfCode(code)).toBeUndefined();
    }
    expect(codeOfUsage(0)).toBeUndefined();
    expect(codeOfUsage(0xffff)).toBeUndefined();
  });

  it('covers the codes of a full keyboard', () => {
    // The alphanumeric, control pad, arrow pad, numpad and function sections of UI Events KeyboardEvent code.
    const codes =
      'Backquote Backslash BracketLeft BracketRight Comma Equal IntlBackslash IntlRo IntlYen Minus ' +
      'Period Quote Semicolon Slash AltLeft AltRight Backspace CapsLock ContextMenu ControlLeft ' +
      'ControlRight Enter MetaLeft MetaRight ShiftLeft ShiftRight Space Tab Convert KanaMode Lang1 ' +
      'Lang2 Lang3 Lang4 Lang5 NonConvert Delete End Help Home Insert PageDown PageUp ArrowDown ' +
      'ArrowLeft ArrowRight ArrowUp NumLock NumpadAdd NumpadBackspace NumpadClear NumpadClearEntry ' +
      'NumpadComma NumpadDecimal NumpadDivide NumpadEnter NumpadEqual NumpadMemoryAdd ' +
      'NumpadMemoryClear NumpadMemoryRecall NumpadMemoryStore NumpadMemorySubtract NumpadMultiply ' +
      'NumpadParenLeft NumpadParenRight NumpadSubtract Escape PrintScreen ScrollLock Pause ' +
      'AudioVolumeDown AudioVolumeMute AudioVolumeUp Power Again Copy Cut Find Open Paste Props ' +
      'Select Undo';
    const there = codes.split(' ');
    // A usage given to two codes would come back as the wrong one.
    expect(there.map((code) => codeOfUsage(usageOfCode(code) ?? 0))).toEqual(there);
  });
});
