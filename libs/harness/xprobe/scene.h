/*
 * What the window shows below the code: nothing, scrolling text, full-window motion, or grain that
 * is new in each paint and so takes whatever rate an encoder is given. A scene is a function of the
 * paint's number, so that two runs show the same pictures.
 */
#ifndef XPROBE_SCENE_H
#define XPROBE_SCENE_H

#include <X11/Xlib.h>

enum scene_kind { SCENE_STILL, SCENE_SCROLL, SCENE_GAME, SCENE_NOISE };

typedef struct scene {
  Display *display;
  GC gc;
  enum scene_kind kind;
  int width, height; /* of the window */
  int page_height;   /* rows after which the text repeats */
  Pixmap texture;    /* what scrolls, pans or jumps; None for SCENE_STILL */
  Pixmap sprite;
} scene;

/* `drawable` gives screen and depth. Draws the textures once; each paint then only copies. */
void scene_open(scene *self, Display *display, Drawable drawable, int depth, enum scene_kind kind,
                int width, int height);
void scene_close(scene *self);
/* Below the code: the rows of the window from `top` on. */
void scene_draw(scene *self, Drawable target, unsigned number);

#endif
