import { after, before, it } from 'node:test';

import { openStack } from './stack.ts';
import type { Stack, StackOptions } from './stack.ts';

export interface StackSuite {
  /** A test on the running stack; when it fails, every part's log is printed. */
  it(name: string, body: (stack: Stack) => Promise<void>): void;
}

/** One stack for all tests of the enclosing `describe`, opened before and closed after them. */
export function useStack(options: StackOptions = {}): StackSuite {
  let stack: Stack | undefined;
  before(async () => {
    stack = await openStack(options);
  });
  after(() => stack?.close());
  return {
    it(name, body) {
      it(name, async () => {
        if (!stack) throw new Error('the stack did not open');
        try {
          await body(stack);
        } catch (error) {
          console.error(stack.report());
          throw error;
        }
      });
    },
  };
}
