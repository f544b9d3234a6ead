import { Pointer, type PointerLike } from './pointer.ts';

const at = (clientX: number, clientY: number, buttons = 0): PointerLike => ({
  clientX,
  clientY,
  buttons,
  movementX: 0,
  movementY: 0,
});

function setup() {
  const log: string[] = [];
  const pixel = (share: number, size: number) =>
    Math.floor((Math.round(share * 65_535) * size) / 65_536);
  const place = (x: number, y: number) => `${pixel(x, 100)},${pixel(y, 50)}`;
  const pointer = new Pointer({
    sink: {
      position: (x, y) => log.push(`to ${place(x, y)}`),
      motion: (dx, dy) => log.push(`by ${dx},${dy}`),
      button: (button, down, x, y) =>
        log.push(`${down ? 'press' : 'release'} ${button} ${place(x, y)}`),
      buttonInPlace: (button, down) => log.push(`${down ? 'press' : 'release'} ${button} here`),
    },
    // 100x50 shown in a square: bars of 25 above and below.
    geometry: () => ({
      box: { left: 0, top: 0, width: 100, height: 100 },
      picture: { width: 100, height: 50 },
    }),
  });
  return { pointer, log };
}

describe('Pointer', () => {
  it('follows positions and skips what did not move', () => {
    const { pointer, log } = setup();
    expect(pointer.move(at(10, 30))).toBe(true);
    expect(pointer.move(at(10.4, 30.4))).toBe(false);
    expect(pointer.move(at(11, 30))).toBe(true);
    expect(log).toEqual(['to 10,5', 'to 11,5']);
  });

  it('sends no position beside the picture, unless something is being dragged', () => {
    const { pointer, log } = setup();
    expect(pointer.move(at(10, 10))).toBe(false);
    expect(pointer.down(at(10, 10, 1))).toBe(false);
    pointer.down(at(10, 30, 1));
    pointer.move(at(10, 0, 1));
    pointer.up(at(10, 0, 0));
    expect(log).toEqual(['press 0 10,5', 'to 10,0', 'release 0 10,0']);
  });

  it('tells the five buttons, also those that come as moves', () => {
    const { pointer, log } = setup();
    pointer.down(at(50, 50, 1));
    pointer.move(at(50, 50, 1 | 2));
    pointer.move(at(50, 50, 2));
    pointer.up(at(50, 50, 0));
    pointer.down(at(50, 50, 4));
    pointer.up(at(50, 50, 0));
    pointer.down(at(50, 50, 8));
    pointer.move(at(50, 50, 8 | 16));
    pointer.up(at(50, 50, 0));
    expect(log.map((line) => line.replace(/ [\d,]+$/, ''))).toEqual([
      'press 0',
      'press 2',
      'release 0',
      'release 2',
      'press 1',
      'release 1',
      'press 3',
      'press 4',
      'release 3',
      'release 4',
    ]);
  });

  it('does not press a button that went down elsewhere', () => {
    const { pointer, log } = setup();
    pointer.move(at(50, 50, 1));
    pointer.up(at(50, 50, 0));
    expect(log).toEqual(['to 50,25']);
  });

  it('notices a release that was swallowed', () => {
    const { pointer, log } = setup();
    pointer.down(at(50, 50, 1));
    pointer.move(at(51, 50, 0));
    expect(log).toEqual(['press 0 50,25', 'to 51,25', 'release 0 51,25']);
    expect(pointer.held).toBe(0);
  });

  it('releases all where the pointer was', () => {
    const { pointer, log } = setup();
    pointer.down(at(50, 50, 1 | 2));
    pointer.releaseAll();
    pointer.releaseAll();
    expect(log).toEqual(['press 0 50,25', 'press 2 50,25', 'release 0 50,25', 'release 2 50,25']);
  });

  it('presses in place while locked', () => {
    const { pointer, log } = setup();
    pointer.move(at(10, 30));
    pointer.locked = true;
    pointer.down(at(0, 0, 1));
    pointer.up(at(0, 0, 0));
    expect(log).toEqual(['to 10,5', 'press 0 here', 'release 0 here']);
  });

  it('adds motion up while locked, fractions too', () => {
    const { pointer, log } = setup();
    pointer.locked = true;
    const by = (movementX: number, movementY: number) =>
      pointer.move({ ...at(0, 0), movementX, movementY });
    by(0.5, 0);
    by(0.5, -1.5);
    by(3, -0.5);
    expect(log).toEqual(['by 1,-1', 'by 3,-1']);
  });
});
