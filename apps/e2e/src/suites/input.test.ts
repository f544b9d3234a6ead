import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { pageCoordinates, pictureArea, pixelsUnder } from '../harness/picture-area.ts';
import type { Probe, XInput } from '@peerdeck/harness/probe';
import { typeText } from '../harness/typing.ts';
import { useStack } from '@peerdeck/harness/use-stack';
import type { Viewer } from '@peerdeck/harness/viewer';
import { waitUntil } from '@peerdeck/harness/wait';

type Button = Extract<XInput, { event: 'button' }>;

const buttons = (input: readonly XInput[]): Button[] =>
  input.filter((each) => each.event === 'button');

const five = [
  [0, 0],
  [1279, 0],
  [640, 360],
  [0, 719],
  [1279, 719],
] as const;

const layouts = [
  { name: 'at its own size', width: 1280, height: 720 },
  { name: 'with bars left and right', width: 1600, height: 720 },
  { name: 'with bars above and below, half size', width: 640, height: 900 },
  { name: 'at double size', width: 2560, height: 1440 },
];

/** What arrives must be a pixel that lies under the place that was clicked, in both directions. */
async function clickAt(viewer: Viewer, probe: Probe, x: number, y: number): Promise<void> {
  const area = await pictureArea(viewer.page);
  const place = pageCoordinates(area, x, y);
  const before = buttons(probe.input).length;
  await viewer.page.mouse.click(place.x, place.y);
  await waitUntil(`a press and a release for ${x},${y}`, 5000, () => {
    return buttons(probe.input).length >= before + 2;
  });
  const arrived = buttons(probe.input).slice(before);
  assert.deepEqual(
    arrived.map(({ down, button }) => ({ down, button })),
    [
      { down: true, button: 1 },
      { down: false, button: 1 },
    ],
  );
  const [left, right] = pixelsUnder(area.left, area.scale, place.x);
  const [top, bottom] = pixelsUnder(area.top, area.scale, place.y);
  for (const { x: gotX, y: gotY } of arrived) {
    assert.ok(gotX >= left && gotX <= right, `x ${gotX}, clicked ${x} (${left}..${right})`);
    assert.ok(gotY >= top && gotY <= bottom, `y ${gotY}, clicked ${y} (${top}..${bottom})`);
    if (area.scale >= 1) assert.deepEqual({ x: gotX, y: gotY }, { x, y });
  }
}

describe('input', () => {
  const stack = useStack();

  stack.it('typed text arrives with exact keysyms', async ({ probe, viewer }) => {
    await viewer.waitForPicture();
    await viewer.page.mouse.click(640, 360);
    await waitUntil('the click', 5000, () => buttons(probe.input).length >= 2);
    const wanted = await typeText(viewer.page, 'Hello, World! [42] {~@^_"} 3.1/x\n');
    const keys = (): Extract<XInput, { event: 'key' }>[] =>
      probe.input.filter((each) => each.event === 'key');
    await waitUntil('all keys', 5000, () => keys().length >= wanted.length * 2);
    const pressed = keys().filter(({ down }) => down);
    assert.deepEqual(
      pressed.map(({ keysym }) => keysym),
      wanted,
    );
    const held = new Set<number>();
    for (const { keycode, down } of keys()) {
      assert.equal(held.has(keycode), !down, `key ${keycode} pressed or released twice`);
      if (down) held.add(keycode);
      else held.delete(keycode);
    }
    assert.equal(held.size, 0, 'every key is released');
  });

  for (const { name, width, height } of layouts) {
    stack.it(`clicks at five places hit their pixels, page ${name}`, async (parts) => {
      const { probe, viewer } = parts;
      await viewer.page.setViewportSize({ width, height });
      await viewer.waitForPicture();
      for (const [x, y] of five) await clickAt(viewer, probe, x, y);
    });
  }

  stack.it('middle and right button arrive as such', async ({ probe, viewer }) => {
    await viewer.waitForPicture();
    for (const [name, number] of [
      ['middle', 2],
      ['right', 3],
    ] as const) {
      const before = buttons(probe.input).length;
      await viewer.page.mouse.click(500, 300, { button: name });
      await waitUntil(`${name} button`, 5000, () => buttons(probe.input).length >= before + 2);
      const got = buttons(probe.input).slice(before);
      assert.deepEqual(
        got.map(({ button, down }) => [button, down]),
        [
          [number, true],
          [number, false],
        ],
      );
    }
  });

  stack.it('the wheel arrives as notches, both ways', async ({ probe, viewer }) => {
    await viewer.waitForPicture();
    await viewer.page.mouse.move(640, 360);
    for (const [delta, number] of [
      [100, 5],
      [-100, 4],
    ] as const) {
      const before = buttons(probe.input).length;
      for (let notch = 0; notch < 3; notch++) await viewer.page.mouse.wheel(0, delta);
      await waitUntil(`3 notches of ${delta}`, 5000, () => {
        return buttons(probe.input).length >= before + 6;
      });
      const got = buttons(probe.input).slice(before);
      assert.deepEqual(
        got.map(({ button }) => button),
        Array<number>(6).fill(number),
      );
      assert.deepEqual(got.filter(({ down }) => down).length, 3);
    }
  });

  stack.it('a drag presses, moves and releases at its places', async ({ probe, viewer }) => {
    await viewer.waitForPicture();
    const area = await pictureArea(viewer.page);
    const from = pageCoordinates(area, 200, 150);
    const to = pageCoordinates(area, 900, 600);
    const start = probe.input.length;
    await viewer.page.mouse.move(from.x, from.y);
    await viewer.page.mouse.down();
    await viewer.page.mouse.move(to.x, to.y, { steps: 20 });
    await viewer.page.mouse.up();
    await waitUntil('the release', 5000, () => {
      return buttons(probe.input.slice(start)).some(({ down }) => !down);
    });
    const got = probe.input.slice(start);
    const press = got.findIndex(({ event }) => event === 'button');
    const release = got.findLastIndex(({ event }) => event === 'button');
    const between = got.slice(press + 1, release).filter((each) => each.event === 'motion');
    const position = ({ x, y }: { x: number; y: number }): number[] => [x, y];
    assert.deepEqual(buttons(got).map(position), [
      [200, 150],
      [900, 600],
    ]);
    assert.ok(between.length >= 2, `${between.length} positions on the way`);
    for (const [i, { x }] of between.entries()) {
      assert.ok(x >= (between[i - 1]?.x ?? 200), 'positions come in order');
    }
    assert.deepEqual(between.slice(-1).map(position), [[900, 600]]);
  });
});
