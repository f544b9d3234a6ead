/** A person with a real keyboard and mouse at a browser's window, whatever came before. */
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { Desk } from '@peerdeck/harness/desk';
import type { Probe } from '@peerdeck/harness/probe';
import { Signaling } from '@peerdeck/harness/signaling';
import type { Stack } from '@peerdeck/harness/stack';
import { useStack } from '@peerdeck/harness/use-stack';
import { waitUntil } from '@peerdeck/harness/wait';

function typedBy(probe: Probe, from: number): string {
  return probe.input
    .slice(from)
    .flatMap((each) => (each.event === 'key' && each.down ? [each.keysym] : []))
    .join('');
}

const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

describe('hands', () => {
  let desk: Desk;
  before(async () => {
    desk = await Desk.open();
  });
  after(() => desk?.close());
  const stack = useStack();

  /** Alone with the host, connected, with a first letter that arrived. */
  async function sitDown({ host, viewer, probe }: Stack): Promise<void> {
    if (!viewer.page.isClosed()) await viewer.close();
    await desk.viewer.open(host.viewerUrl);
    await desk.viewer.waitForPicture();
    await desk.waitForFocus();
    // The window manager gives the keyboard to the window that is clicked.
    await desk.pointAt(700, 500);
    await desk.hands.click(1);
    // On a busy machine it does so a moment later, and a letter before that is nobody's.
    const from = probe.input.length;
    const arrives = () => waitUntil('a letter', 1000, () => typedBy(probe, from).length > 0);
    await waitUntil('a first letter', 20_000, async () => {
      await desk.hands.type('a');
      return arrives().then(
        () => true,
        () => false,
      );
    });
    await typesAtOnce(probe);
  }

  /** The picture is there, so keys arrive: each of them, with no click since they sat down. An ICE restart may hold them for some seconds. */
  async function typesAtOnce(probe: Probe): Promise<void> {
    const from = probe.input.length;
    await desk.hands.type('abc');
    await waitUntil('the letters', 10_000, () => typedBy(probe, from).length >= 3).catch(
      async () => {
        const focus = await desk.viewer.page.evaluate(
          () => `${document.activeElement?.tagName}#${document.activeElement?.id}`,
        );
        throw new Error(`typed '${typedBy(probe, from)}', focus on ${focus}`);
      },
    );
    assert.equal(typedBy(probe, from), 'abc');
  }

  async function pictureMoves({ probe }: Stack): Promise<void> {
    await desk.viewer.waitForPicture(40_000);
    await desk.viewer.waitForPaint(await probe.paint());
  }

  for (const seconds of [3, 8]) {
    stack.it(`types at once after the host slept for ${seconds} s`, async (parts) => {
      await sitDown(parts);
      parts.host.child.kill('SIGSTOP');
      await sleep(seconds);
      parts.host.child.kill('SIGCONT');
      await pictureMoves(parts);
      await typesAtOnce(parts.probe);
    });
  }

  for (const seconds of [3, 8]) {
    stack.it(`types at once after the viewer slept for ${seconds} s`, async (parts) => {
      await sitDown(parts);
      desk.signal('SIGSTOP');
      await sleep(seconds);
      desk.signal('SIGCONT');
      await pictureMoves(parts);
      await typesAtOnce(parts.probe);
    });
  }

  stack.it('types at once after both slept', async (parts) => {
    await sitDown(parts);
    parts.host.child.kill('SIGSTOP');
    desk.signal('SIGSTOP');
    await sleep(10);
    desk.signal('SIGCONT');
    parts.host.child.kill('SIGCONT');
    await pictureMoves(parts);
    await typesAtOnce(parts.probe);
  });

  stack.it('types on while signaling is started anew, and after', async (parts) => {
    await sitDown(parts);
    const { port } = parts.signaling;
    await parts.signaling.close();
    await typesAtOnce(parts.probe);
    parts.signaling = new Signaling({ port });
    await parts.signaling.ready();
    await waitUntil('both back', 30_000, async () => (await parts.signaling.members()) >= 2);
    await typesAtOnce(parts.probe);
  });

  stack.it(
    'the mouse’s back and forward buttons, and Alt+Left, leave no session',
    async (parts) => {
      await sitDown(parts);
      const { viewer, hands } = desk;
      const address = viewer.page.url();
      await hands.click(8);
      await hands.click(9);
      await hands.chord('Alt', 'Left');
      await pictureMoves(parts);
      await typesAtOnce(parts.probe);
      assert.equal(viewer.page.url(), address);
      assert.equal(await viewer.state(), 'connected');
    },
  );
});
