/** A rectangle or a size in CSS pixels of the viewport (`clientX`, `getBoundingClientRect`). */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
export interface Size {
  readonly width: number;
  readonly height: number;
}
/** A place on the picture, 0..1 from its left and top edge. */
export interface PicturePoint {
  readonly x: number;
  readonly y: number;
  /** False: the pointer is beside the picture, and the point is the nearest one on its edge. */
  readonly inside: boolean;
}

const MAX = 65_535;

/**
 * Where `object-fit: contain` puts a picture of size `picture` inside the element `box`. All in
 * CSS pixels, so device pixel ratio, page zoom and fullscreen change nothing here: they change
 * both sides alike. Undefined while either has no area.
 */
export function containedPicture(box: Box, picture: Size): Box | undefined {
  if (!(box.width > 0 && box.height > 0 && picture.width > 0 && picture.height > 0)) {
    return undefined;
  }
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const width = picture.width * scale;
  const height = picture.height * scale;
  return {
    left: box.left + (box.width - width) / 2,
    top: box.top + (box.height - height) / 2,
    width,
    height,
  };
}

/**
 * The picture's coordinates of a pointer event. `client` is `clientX`/`clientY`. Which source
 * pixel is under the pointer is decided here, once; the number sent lies well inside that pixel's
 * share, so that the host finds the same pixel whether it maps it back by
 * floor(n · size / 65536) or by round(n · (size − 1) / 65535), n being the 16-bit number sent.
 */
export function toPicturePoint(
  client: { readonly x: number; readonly y: number },
  box: Box,
  picture: Size,
): PicturePoint | undefined {
  const shown = containedPicture(box, picture);
  if (shown === undefined) return undefined;
  const x = ((client.x - shown.left) / shown.width) * picture.width;
  const y = ((client.y - shown.top) / shown.height) * picture.height;
  return {
    x: toShare(x, picture.width),
    y: toShare(y, picture.height),
    inside: x >= 0 && y >= 0 && x < picture.width && y < picture.height,
  };
}

/** The 16-bit number on the wire as a share, so that rounding it again gives it back. */
function toShare(pixel: number, size: number): number {
  const whole = Math.min(size - 1, Math.max(0, Math.floor(pixel)));
  const within = 0.25 + (size > 1 ? (0.5 * whole) / (size - 1) : 0);
  return Math.min(MAX, Math.round(((whole + within) * (MAX + 1)) / size)) / MAX;
}
