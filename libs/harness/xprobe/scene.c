#include "scene.h"

#include <X11/Xutil.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAN = 256, SPRITE = 96, SPRITES = 12, LINE = 16 };

static uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static uint32_t channel(double value) {
  return value < 0 ? 0 : value > 255 ? 255 : (uint32_t)value;
}

/* Takes over the pixels, which malloc gave. */
static Pixmap pixmap_of(const scene *self, Drawable like, int depth, uint32_t *pixels, int width,
                        int height) {
  Pixmap pixmap = XCreatePixmap(self->display, like, (unsigned)width, (unsigned)height,
                                (unsigned)depth);
  XImage *image =
      XCreateImage(self->display, DefaultVisual(self->display, DefaultScreen(self->display)),
                   (unsigned)depth, ZPixmap, 0, (char *)pixels, (unsigned)width, (unsigned)height,
                   32, 0);
  XPutImage(self->display, pixmap, self->gc, image, 0, 0, 0, 0, (unsigned)width, (unsigned)height);
  XDestroyImage(image); /* frees pixels too */
  return pixmap;
}

/* Smooth shapes with a little grain: what a game's frame costs an encoder, not white noise. */
static Pixmap motion_texture(const scene *self, Drawable like, int depth, int width, int height,
                             uint32_t seed) {
  uint32_t *pixels = malloc((size_t)width * (size_t)height * 4);
  uint32_t state = seed;
  const double phase = (double)(seed % 7);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      const double wave = sin(x * 0.021 + phase) + cos(y * 0.017) + sin((x + y) * 0.009);
      const double ridge = sin(x * 0.11) * cos(y * 0.13) * 18;
      const double grain = (double)(next_random(&state) & 15) - 8;
      const int block = ((x >> 6) + (y >> 6) * 3 + (int)phase) % 5;
      const double base = 110 + wave * 28 + ridge + grain;
      pixels[y * width + x] = channel(base + block * 9) << 16 | channel(base) << 8 |
                              channel(base - block * 12 + 20);
    }
  }
  return pixmap_of(self, like, depth, pixels, width, height);
}

/* Grains of 2 by 2 pixels: each picture drawn from another place of it is new to an encoder. */
static Pixmap noise_texture(const scene *self, Drawable like, int depth, int width, int height) {
  /* a row and a column more, for the last grains of odd sizes */
  uint32_t *pixels = malloc(((size_t)width + 1) * ((size_t)height + 1) * 4);
  uint32_t state = 11;
  for (int y = 0; y < height; y += 2) {
    for (int x = 0; x < width; x += 2) {
      const uint32_t grey = 88 + (next_random(&state) & 63);
      const uint32_t pixel = grey << 16 | grey << 8 | grey;
      uint32_t *at = pixels + y * width + x;
      at[0] = at[1] = at[width] = at[width + 1] = pixel;
    }
  }
  return pixmap_of(self, like, depth, pixels, width, height);
}

static Pixmap text_texture(scene *self, Drawable like, int depth) {
  static const char *const words[] = {"frame",  "window", "signal", "encode", "packet", "browser",
                                      "return", "static", "const",  "render", "buffer", "thread",
                                      "0x7f3a", "{",      "}",      "=>",     "//",     "while"};
  const int lines = self->height / LINE + 1;
  self->page_height = lines * LINE;
  const unsigned total = (unsigned)(self->page_height + self->height);
  Pixmap pixmap =
      XCreatePixmap(self->display, like, (unsigned)self->width, total, (unsigned)depth);
  XSetForeground(self->display, self->gc, 0xfafaf5);
  XFillRectangle(self->display, pixmap, self->gc, 0, 0, (unsigned)self->width, total);
  uint32_t state = 7;
  char *text = malloc(512);
  for (int line = 0; line < lines; line++) {
    size_t used = 0;
    const size_t wanted = next_random(&state) % ((unsigned)self->width / 7);
    while (used < wanted && used < 480) {
      const char *word = words[next_random(&state) % (sizeof words / sizeof *words)];
      memcpy(text + used, word, strlen(word));
      used += strlen(word);
      text[used++] = ' ';
    }
    XSetForeground(self->display, self->gc, line % 4 == 0 ? 0x205090 : 0x202020);
    XDrawString(self->display, pixmap, self->gc, 8, line * LINE + 12, text, (int)used);
  }
  free(text);
  XCopyArea(self->display, pixmap, pixmap, self->gc, 0, 0, (unsigned)self->width,
            (unsigned)self->height, 0, self->page_height);
  return pixmap;
}

void scene_open(scene *self, Display *display, Drawable drawable, int depth, enum scene_kind kind,
                int width, int height) {
  memset(self, 0, sizeof *self);
  self->display = display;
  self->kind = kind;
  self->width = width;
  self->height = height;
  self->gc = XCreateGC(display, drawable, 0, NULL);
  XSetGraphicsExposures(display, self->gc, False);
  if (kind == SCENE_SCROLL) self->texture = text_texture(self, drawable, depth);
  if (kind == SCENE_GAME) {
    self->texture = motion_texture(self, drawable, depth, width + 2 * PAN, height + 2 * PAN, 1);
    self->sprite = motion_texture(self, drawable, depth, SPRITE, SPRITE, 5);
  }
  if (kind == SCENE_NOISE) {
    self->texture = noise_texture(self, drawable, depth, width + 2 * PAN, height + 2 * PAN);
  }
}

void scene_close(scene *self) {
  if (self->texture) XFreePixmap(self->display, self->texture);
  if (self->sprite) XFreePixmap(self->display, self->sprite);
  if (self->gc) XFreeGC(self->display, self->gc);
  memset(self, 0, sizeof *self);
}

void scene_draw(scene *self, Drawable target, unsigned number) {
  const unsigned width = (unsigned)self->width, height = (unsigned)self->height;
  if (self->kind == SCENE_STILL) {
    XSetForeground(self->display, self->gc, 0x6e7b8b);
    XFillRectangle(self->display, target, self->gc, 0, 0, width, height);
    return;
  }
  if (self->kind == SCENE_SCROLL) {
    const int row = (int)(number * 3 % (unsigned)self->page_height);
    XCopyArea(self->display, self->texture, target, self->gc, 0, row, width, height, 0, 0);
    return;
  }
  if (self->kind == SCENE_NOISE) {
    uint32_t state = number * 2654435761u;
    const int left = (int)(next_random(&state) % (2 * PAN));
    const int row = (int)(next_random(&state) % (2 * PAN));
    XCopyArea(self->display, self->texture, target, self->gc, left, row, width, height, 0, 0);
    return;
  }
  const int x = PAN + (int)(PAN * 0.9 * sin(number * 0.031));
  const int y = PAN + (int)(PAN * 0.9 * cos(number * 0.023));
  XCopyArea(self->display, self->texture, target, self->gc, x, y, width, height, 0, 0);
  for (int i = 0; i < SPRITES; i++) {
    const double turn = number * (0.02 + i * 0.004) + i;
    const int sx = (int)((self->width - SPRITE) * (0.5 + 0.5 * sin(turn)));
    const int sy = (int)((self->height - SPRITE) * (0.5 + 0.5 * cos(turn * 1.3)));
    XCopyArea(self->display, self->sprite, target, self->gc, 0, 0, SPRITE, SPRITE, sx, sy);
  }
}
