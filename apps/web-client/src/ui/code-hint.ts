import { parseInvitation, parseRoomCode, type Invitation } from '@peerdeck/protocol';

export interface CodeHint {
  /** What was entered, once it is whole. */
  readonly invitation?: Invitation;
  readonly text: string;
  readonly tone: 'plain' | 'good' | 'bad';
}

const CODE_CHARACTERS = 16;

/**
 * What to tell while somebody types. Silent until there is something to say: a code that is not
 * finished is no fault while the field has the focus (`typing`).
 */
export function codeHint(typed: string, typing: boolean): CodeHint {
  if (typed.trim() === '') return { text: '', tone: 'plain' };
  const parsed = parseInvitation(typed);
  if (parsed.ok) {
    const { invitation } = parsed;
    const isView = invitation.code.role === 'view';
    const text = isView ? 'View code: you watch, without control.' : 'Control code.';
    return { invitation, text, tone: 'good' };
  }
  const alone = parseRoomCode(typed);
  if (typing && !alone.ok && alone.error.code === 'wrong-length') {
    const length = typed.replaceAll(/[\s\-\u2010-\u2015\u2212_.]/g, '').length;
    const isView = /^\s*v-/i.test(typed);
    const needed = CODE_CHARACTERS + (isView ? 1 : 0);
    if (length < needed) return { text: `${length} of ${needed} characters`, tone: 'plain' };
  }
  return { text: parsed.message, tone: 'bad' };
}

/** The spelling to show when the field is left; a link stays what it is. */
export function tidyCode(typed: string): string {
  const parsed = parseRoomCode(typed);
  return parsed.ok ? parsed.code.text : typed.trim();
}
