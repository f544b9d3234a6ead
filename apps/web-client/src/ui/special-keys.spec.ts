import { usageOfCode } from '@peerdeck/protocol';
import { SPECIAL_KEYS } from './special-keys.ts';

it('names only keys that can be sent', () => {
  for (const { codes } of SPECIAL_KEYS) {
    for (const code of codes) expect(usageOfCode(code)).toBeDefined();
  }
});
