/*
 * xprobe: an X client with known content and a record of the input that reaches it.
 *
 *   xprobe [--display :N] [--width W] [--height H] [--scene still|scroll|game|noise]
 *
 * Without a size it covers the screen. stdin takes one command a line:
 *   paint             one paint
 *   run HZ COUNT      COUNT paints at HZ (0: without end), a late tick is left out
 *   stop              ends a run
 *   scene NAME        changes the scene, and paints
 *   reset             sets both counters to 0, and paints
 *   quit              (the end of stdin too)
 * stdout: `ready W H`, `paint N US` (CLOCK_MONOTONIC, taken just before the picture is handed to
 * the X server), `click N US` (a button press, painted at once), `done N` at the end of a run, and
 * the input as JSON lines. The server is grabbed while a paint is made of its parts, so that no
 * capture sees half of it.
 */
#include <X11/XKBlib.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "code.h"
#include "input.h"
#include "scene.h"

typedef struct probe {
  Display *display;
  Window window;
  Pixmap row; /* the code, before it is shown */
  GC gc;
  int depth, width, height, strip; /* strip: height of the code's row */
  scene scene;
  uint16_t paints;
  uint8_t clicks;
  long left; /* paints of this run; -1: without end; 0: no run */
  int timer;
} probe;

static void draw_code(probe *self, Drawable target) {
  const uint32_t bits = code_bits(self->paints, self->clicks);
  for (int cell = 0; cell < CODE_CELLS; cell++) {
    const int left = cell * self->width / CODE_CELLS;
    const int right = (cell + 1) * self->width / CODE_CELLS;
    XSetForeground(self->display, self->gc, bits >> (31 - cell) & 1 ? 0xffffff : 0);
    XFillRectangle(self->display, target, self->gc, left, 0, (unsigned)(right - left),
                   (unsigned)self->strip);
  }
}

/* Still content: only the code's row is copied, as a small change on a quiet desktop. */
static void show(probe *self, int whole, const char *label, unsigned number) {
  const unsigned width = (unsigned)self->width, strip = (unsigned)self->strip;
  draw_code(self, self->row);
  XSync(self->display, False); /* the row is ready: the clock starts at the copies */
  const int64_t at = now_us();
  XGrabServer(self->display);
  if (whole || self->scene.kind != SCENE_STILL) {
    scene_draw(&self->scene, self->window, self->paints);
  }
  XCopyArea(self->display, self->row, self->window, self->gc, 0, 0, width, strip, 0, 0);
  XUngrabServer(self->display);
  XFlush(self->display);
  if (label) printf("%s %u %lld\n", label, number, (long long)at);
}

static void paint(probe *self) {
  self->paints++;
  show(self, 0, "paint", self->paints);
}

static void set_timer(probe *self, double hz) {
  struct itimerspec spec = {0};
  if (hz > 0) {
    const long period = (long)(1e9 / hz);
    spec.it_interval.tv_sec = spec.it_value.tv_sec = period / 1000000000;
    spec.it_interval.tv_nsec = spec.it_value.tv_nsec = period % 1000000000;
  }
  timerfd_settime(self->timer, 0, &spec, NULL);
}

static void end_run(probe *self) {
  self->left = 0;
  set_timer(self, 0);
  printf("done %u\n", self->paints);
}

static int scene_of(const char *name) {
  if (strcmp(name, "still") == 0) return SCENE_STILL;
  if (strcmp(name, "scroll") == 0) return SCENE_SCROLL;
  if (strcmp(name, "game") == 0) return SCENE_GAME;
  if (strcmp(name, "noise") == 0) return SCENE_NOISE;
  return -1;
}

static void set_scene(probe *self, enum scene_kind kind) {
  scene_close(&self->scene);
  scene_open(&self->scene, self->display, self->window, self->depth, kind, self->width,
             self->height);
  show(self, 1, NULL, 0);
}

static void open_window(probe *self, const char *display, int width, int height) {
  self->display = XOpenDisplay(display);
  if (!self->display) {
    fprintf(stderr, "xprobe: cannot open display '%s'\n", XDisplayName(display));
    exit(1);
  }
  const int screen = DefaultScreen(self->display);
  self->depth = DefaultDepth(self->display, screen);
  self->width = width > 0 ? width : DisplayWidth(self->display, screen);
  self->height = height > 0 ? height : DisplayHeight(self->display, screen);
  self->strip = self->height / 18 > 16 ? self->height / 18 : 16;
  /* Override-redirect: a window manager, if there is one, leaves place and size alone. */
  XSetWindowAttributes attributes = {
      .override_redirect = True,
      .background_pixel = 0x6e7b8b,
      .event_mask = KeyPressMask | KeyReleaseMask | ButtonPressMask | ButtonReleaseMask |
                    PointerMotionMask | ExposureMask | StructureNotifyMask,
  };
  self->window = XCreateWindow(self->display, DefaultRootWindow(self->display), 0, 0,
                               (unsigned)self->width, (unsigned)self->height, 0, self->depth,
                               InputOutput, CopyFromParent,
                               CWOverrideRedirect | CWBackPixel | CWEventMask, &attributes);
  XStoreName(self->display, self->window, "xprobe");
  XkbSetDetectableAutoRepeat(self->display, True, NULL);
  self->gc = XCreateGC(self->display, self->window, 0, NULL);
  XSetGraphicsExposures(self->display, self->gc, False);
  self->row = XCreatePixmap(self->display, self->window, (unsigned)self->width,
                            (unsigned)self->strip, (unsigned)self->depth);
  XMapRaised(self->display, self->window);
  XEvent event;
  XWindowEvent(self->display, self->window, ExposureMask, &event);
  XSetInputFocus(self->display, self->window, RevertToPointerRoot, CurrentTime);
  XSync(self->display, False);
}

static void drain_events(probe *self) {
  while (XPending(self->display) > 0) {
    XEvent event;
    XNextEvent(self->display, &event);
    input_print(&event, now_us());
    if (event.type == Expose && event.xexpose.count == 0) show(self, 1, NULL, 0);
    if (event.type != ButtonPress || event.xbutton.button > 3) continue;
    XSetInputFocus(self->display, self->window, RevertToPointerRoot, CurrentTime);
    self->clicks++;
    show(self, 0, "click", self->clicks);
  }
}

/* -> 0 when the program shall end. */
static int obey(probe *self, const char *line) {
  double hz = 0;
  long count = 0;
  char name[16];
  if (strcmp(line, "paint") == 0) paint(self);
  else if (sscanf(line, "run %lf %ld", &hz, &count) == 2 && hz > 0 && hz <= 1000) {
    self->left = count > 0 ? count : -1;
    set_timer(self, hz);
  } else if (strcmp(line, "stop") == 0) {
    end_run(self);
  } else if (strcmp(line, "reset") == 0) {
    self->paints = self->clicks = 0;
    show(self, 0, NULL, 0);
    printf("reset\n");
  } else if (sscanf(line, "scene %15s", name) == 1 && scene_of(name) >= 0) {
    set_scene(self, (enum scene_kind)scene_of(name));
    printf("scene %s\n", name);
  } else if (strcmp(line, "quit") == 0) {
    return 0;
  } else {
    fprintf(stderr, "xprobe: unknown command '%s'\n", line);
  }
  return 1;
}

static int read_commands(probe *self) {
  static char buffer[256];
  static size_t used;
  const ssize_t got = read(STDIN_FILENO, buffer + used, sizeof buffer - 1 - used);
  if (got <= 0) return 0;
  used += (size_t)got;
  char *end;
  while ((end = memchr(buffer, '\n', used))) {
    *end = 0;
    if (!obey(self, buffer)) return 0;
    used -= (size_t)(end + 1 - buffer);
    memmove(buffer, end + 1, used);
  }
  return used < sizeof buffer - 1;
}

static void loop(probe *self) {
  struct pollfd fds[] = {{ConnectionNumber(self->display), POLLIN, 0},
                         {STDIN_FILENO, POLLIN, 0},
                         {self->timer, POLLIN, 0}};
  for (;;) {
    drain_events(self);
    if (poll(fds, 3, -1) < 0) continue;
    if (fds[1].revents && !read_commands(self)) return;
    uint64_t ticks;
    if (!(fds[2].revents & POLLIN) || read(self->timer, &ticks, sizeof ticks) < 0) continue;
    if (self->left == 0) continue;
    paint(self);
    if (self->left > 0 && --self->left == 0) end_run(self);
  }
}

int main(int argc, char **argv) {
  const char *display = NULL;
  int width = 0, height = 0, kind = SCENE_STILL;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--display") == 0) display = argv[i + 1];
    else if (strcmp(argv[i], "--width") == 0) width = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--height") == 0) height = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--scene") == 0) kind = scene_of(argv[i + 1]);
    else kind = -1;
  }
  if (kind < 0 || argc % 2 == 0) {
    fprintf(stderr, "usage: xprobe [--display :N] [--width W] [--height H] "
                    "[--scene still|scroll|game|noise]\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  probe self = {.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)};
  open_window(&self, display, width, height);
  set_scene(&self, (enum scene_kind)kind);
  XSync(self.display, False);
  printf("ready %d %d\n", self.width, self.height);
  loop(&self);
  scene_close(&self.scene);
  XCloseDisplay(self.display);
  return 0;
}
