/** Keys that browsers or systems keep for themselves, by KeyboardEvent.code. */
export interface SpecialKeys {
  readonly label: string;
  readonly codes: readonly string[];
}

export const SPECIAL_KEYS: readonly SpecialKeys[] = [
  { label: 'Ctrl + Alt + Del', codes: ['ControlLeft', 'AltLeft', 'Delete'] },
  { label: 'Esc', codes: ['Escape'] },
  { label: 'Super / Windows', codes: ['MetaLeft'] },
  { label: 'Alt + Tab', codes: ['AltLeft', 'Tab'] },
  { label: 'Alt + F4', codes: ['AltLeft', 'F4'] },
  { label: 'Ctrl + W', codes: ['ControlLeft', 'KeyW'] },
  { label: 'F11', codes: ['F11'] },
  { label: 'Print Screen', codes: ['PrintScreen'] },
];
