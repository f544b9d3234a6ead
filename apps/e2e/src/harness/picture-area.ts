import type { Page } from 'playwright-core';

/** Where the picture is drawn in the page (CSS pixels) and how large it really is. */
export interface PictureArea {
  left: number;
  top: number;
  width: number;
  height: number;
  /** CSS pixels for one pixel of the picture. */
  scale: number;
  pictureWidth: number;
  pictureHeight: number;
}

/** Worked out from the element's box alone, apart from the page's own reckoning. */
export function pictureArea(page: Page): Promise<PictureArea> {
  return page.evaluate(() => {
    const video = document.querySelector<HTMLVideoElement>('#video');
    if (!video) throw new Error('the page has no #video');
    const box = video.getBoundingClientRect();
    const { videoWidth: pictureWidth, videoHeight: pictureHeight } = video;
    const scale = Math.min(box.width / pictureWidth, box.height / pictureHeight);
    const width = pictureWidth * scale;
    const height = pictureHeight * scale;
    const left = box.left + (box.width - width) / 2;
    const top = box.top + (box.height - height) / 2;
    return { left, top, width, height, scale, pictureWidth, pictureHeight };
  });
}

/** A whole CSS pixel (browsers report mouse positions so) that lies on picture pixel (x, y). */
export function pageCoordinates(area: PictureArea, x: number, y: number): { x: number; y: number } {
  const along = (offset: number, position: number): number => {
    const exact = offset + position * area.scale;
    // a shrunk picture has several pixels under one CSS pixel, and the last of them no other
    return area.scale >= 1
      ? Math.ceil(exact - 1e-6)
      : Math.max(Math.ceil(offset), Math.floor(exact));
  };
  return { x: along(area.left, x), y: along(area.top, y) };
}

/** The picture's pixels that lie under one CSS pixel: [first, last]. */
export function pixelsUnder(offset: number, scale: number, css: number): [number, number] {
  const first = Math.floor((css - offset) / scale);
  return [first, Math.max(first, Math.ceil((css + 1 - offset) / scale) - 1)];
}
