import type { Page } from 'playwright-core';

/** A key of a US keyboard: the browser's code and the X keysyms without and with Shift. */
interface Key {
  code: string;
  plain: string;
  shifted: string;
}

const names: Record<string, string> = {
  ' ': 'space', '!': 'exclam', '"': 'quotedbl', '#': 'numbersign', $: 'dollar', '%': 'percent',
  '&': 'ampersand', "'": 'apostrophe', '(': 'parenleft', ')': 'parenright', '*': 'asterisk',
  '+': 'plus', ',': 'comma', '-': 'minus', '.': 'period', '/': 'slash', ':': 'colon',
  ';': 'semicolon', '<': 'less', '=': 'equal', '>': 'greater', '?': 'question', '@': 'at',
  '[': 'bracketleft', '\\': 'backslash', ']': 'bracketright', '^': 'asciicircum',
  _: 'underscore', '`': 'grave', '{': 'braceleft', '|': 'bar', '}': 'braceright', '~': 'asciitilde',
  '\n': 'Return',
}; // prettier-ignore

const keysym = (character: string): string => names[character] ?? character;

const keys: Key[] = [
  ...[...'abcdefghijklmnopqrstuvwxyz'].map((letter) => ({
    code: `Key${letter.toUpperCase()}`,
    plain: letter,
    shifted: letter.toUpperCase(),
  })),
  ...[...'0123456789'].map((digit, i) => ({
    code: `Digit${digit}`,
    plain: digit,
    shifted: ')!@#$%^&*('.charAt(i),
  })),
  { code: 'Space', plain: ' ', shifted: ' ' },
  { code: 'Enter', plain: '\n', shifted: '\n' },
  { code: 'Minus', plain: '-', shifted: '_' },
  { code: 'Equal', plain: '=', shifted: '+' },
  { code: 'BracketLeft', plain: '[', shifted: '{' },
  { code: 'BracketRight', plain: ']', shifted: '}' },
  { code: 'Backslash', plain: '\\', shifted: '|' },
  { code: 'Semicolon', plain: ';', shifted: ':' },
  { code: 'Quote', plain: "'", shifted: '"' },
  { code: 'Backquote', plain: '`', shifted: '~' },
  { code: 'Comma', plain: ',', shifted: '<' },
  { code: 'Period', plain: '.', shifted: '>' },
  { code: 'Slash', plain: '/', shifted: '?' },
];

/**
 * Types as a person at a US keyboard does, with Shift held where it is needed (Playwright's own
 * typing leaves it out). -> the keysyms that must be pressed, in order.
 */
export async function typeText(page: Page, text: string): Promise<string[]> {
  const pressed: string[] = [];
  for (const character of text) {
    const key = keys.find(({ plain, shifted }) => plain === character || shifted === character);
    if (!key) throw new Error(`no key for ${JSON.stringify(character)}`);
    const shift = key.plain !== character;
    if (shift) await page.keyboard.down('ShiftLeft');
    await page.keyboard.press(key.code);
    if (shift) await page.keyboard.up('ShiftLeft');
    if (shift) pressed.push('Shift_L');
    pressed.push(keysym(character));
  }
  return pressed;
}
