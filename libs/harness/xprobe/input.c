#include "input.h"

#include <X11/Xutil.h>
#include <stdio.h>
#include <time.h>

int64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void print_key(XKeyEvent *key, int64_t received_us) {
  char text[16];
  KeySym keysym = NoSymbol;
  XLookupString(key, text, sizeof text, &keysym, NULL);
  const char *name = XKeysymToString(keysym);
  printf("{\"event\":\"key\",\"down\":%s,\"keycode\":%u,\"keysym\":\"%s\",\"state\":%u,\"us\":%lld}\n",
         key->type == KeyPress ? "true" : "false", key->keycode, name ? name : "NoSymbol",
         key->state, (long long)received_us);
}

void input_print(XEvent *event, int64_t received_us) {
  switch (event->type) {
  case KeyPress:
  case KeyRelease:
    print_key(&event->xkey, received_us);
    break;
  case ButtonPress:
  case ButtonRelease:
    printf("{\"event\":\"button\",\"down\":%s,\"button\":%u,\"x\":%d,\"y\":%d,\"us\":%lld}\n",
           event->type == ButtonPress ? "true" : "false", event->xbutton.button, event->xbutton.x,
           event->xbutton.y, (long long)received_us);
    break;
  case MotionNotify:
    printf("{\"event\":\"motion\",\"x\":%d,\"y\":%d,\"us\":%lld}\n", event->xmotion.x,
           event->xmotion.y, (long long)received_us);
    break;
  case MappingNotify: /* a key got another meaning: text that no key of the layout gives */
    XRefreshKeyboardMapping(&event->xmapping);
    break;
  default:
    break;
  }
}
