import fc from 'fast-check';
import { containedPicture, toPicturePoint } from './coordinates.ts';

const box = (left: number, top: number, width: number, height: number) => ({
  left,
  top,
  width,
  height,
});
const hd = { width: 1280, height: 720 };
const onWire = (share: number) => Math.round(share * 65_535);
const byFloor = (share: number, size: number) => Math.floor((onWire(share) * size) / 65_536);
const byRound = (share: number, size: number) => Math.round((onWire(share) * (size - 1)) / 65_535);
const pixel = (clientX: number, clientY: number, element = box(0, 0, 1280, 720), size = hd) => {
  const point = toPicturePoint({ x: clientX, y: clientY }, element, size);
  if (point === undefined) return undefined;
  return [byFloor(point.x, size.width), byFloor(point.y, size.height), point.inside];
};

describe('containedPicture', () => {
  it('fills a box of the same shape', () => {
    expect(containedPicture(box(10, 20, 640, 360), hd)).toEqual(box(10, 20, 640, 360));
  });
  it('leaves bars above and below in a tall box', () => {
    expect(containedPicture(box(0, 0, 640, 480), hd)).toEqual(box(0, 60, 640, 360));
  });
  it('leaves bars left and right in a wide box', () => {
    expect(containedPicture(box(0, 0, 1000, 360), hd)).toEqual(box(180, 0, 640, 360));
  });
  it('is undefined without an area', () => {
    expect(containedPicture(box(0, 0, 0, 360), hd)).toBeUndefined();
    expect(containedPicture(box(0, 0, 10, 10), { width: 0, height: 0 })).toBeUndefined();
  });
});

describe('toPicturePoint', () => {
  it('names each source pixel at scale 1', () => {
    expect(pixel(0, 0)).toEqual([0, 0, true]);
    expect(pixel(1279.9, 719.9)).toEqual([1279, 719, true]);
    expect(pixel(640.5, 360.5)).toEqual([640, 360, true]);
  });
  it('takes the letterbox off', () => {
    // 640x480 shows 1280x720 at half size, 60 px lower.
    const element = box(100, 50, 640, 480);
    expect(pixel(100, 110, element)).toEqual([0, 0, true]);
    expect(pixel(100 + 320, 50 + 240, element)).toEqual([640, 360, true]);
    expect(pixel(100 + 320, 50 + 10, element)).toEqual([640, 0, false]);
    expect(pixel(100 + 639.9, 50 + 419.9, element)).toEqual([1279, 719, true]);
  });
  it('clamps beside the picture', () => {
    expect(pixel(-500, 4000)).toEqual([0, 719, false]);
  });
  it('does not change with the device pixel ratio or in fullscreen', () => {
    // A 1920x1080 screen at ratio 1.5 is a 1280x720 viewport; the picture is 1920x1080.
    const fullHd = { width: 1920, height: 1080 };
    expect(pixel(640, 360, box(0, 0, 1280, 720), fullHd)).toEqual([960, 540, true]);
    // The same place with page zoom 200 %: half as many CSS pixels, half the coordinates.
    expect(pixel(320, 180, box(0, 0, 640, 360), fullHd)).toEqual([960, 540, true]);
    // Fullscreen on a 16:10 screen: bars above and below.
    expect(pixel(640, 400, box(0, 0, 1280, 800), fullHd)).toEqual([960, 540, true]);
    expect(pixel(0, 40, box(0, 0, 1280, 800), fullHd)).toEqual([0, 0, true]);
  });
  it('finds the same source pixel however the host rounds, for any size and scale', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7680 }),
        fc.nat({ max: 7679 }),
        fc.double({ min: 0.1, max: 4, noNaN: true }),
        (width, at, scale) => {
          const source = at % width;
          const element = box(7, 9, width * scale, 100 * scale);
          const client = { x: 7 + (source + 0.5) * scale, y: 9 };
          const point = toPicturePoint(client, element, { width, height: 100 });
          expect(point).toBeDefined();
          if (point === undefined) return;
          expect(byFloor(point.x, width)).toBe(source);
          expect(byRound(point.x, width)).toBe(source);
        },
      ),
    );
  });
});
