/*
 * xhands: hands at the keyboard and the mouse of an X server, through its XTEST extension: what a
 * browser gets from them is what it gets from a person's, the browser's own keys included.
 *
 *   xhands --display :N
 *
 * stdin takes one command a line, stdout says `done` after each:
 *   down KEYSYM, up KEYSYM   a key, by the number of its keysym (a letter's is its ASCII code)
 *   press N, release N       a button; 8 is back, 9 is forward
 *   move X Y                 the pointer
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>
#include <xcb/xtest.h>

/* -> the key that gives this keysym without Shift, or 0 */
static xcb_keycode_t keycode_of(xcb_connection_t *x, xcb_keysym_t wanted) {
  const xcb_setup_t *setup = xcb_get_setup(x);
  const int first = setup->min_keycode, count = setup->max_keycode - first + 1;
  xcb_get_keyboard_mapping_reply_t *map = xcb_get_keyboard_mapping_reply(
      x, xcb_get_keyboard_mapping(x, (xcb_keycode_t)first, (uint8_t)count), NULL);
  xcb_keycode_t found = 0;
  if (map) {
    const xcb_keysym_t *keysyms = xcb_get_keyboard_mapping_keysyms(map);
    for (int key = 0; key < count && !found; key++) {
      if (keysyms[key * map->keysyms_per_keycode] == wanted) found = (xcb_keycode_t)(first + key);
    }
  }
  free(map);
  return found;
}

static int send_input(xcb_connection_t *x, uint8_t type, uint8_t detail, int left, int top) {
  const xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(x)).data->root;
  xcb_generic_error_t *error = xcb_request_check(
      x, xcb_test_fake_input_checked(x, type, detail, 0, root, (int16_t)left, (int16_t)top, 0));
  const int ok = error == NULL;
  free(error);
  return ok;
}

static int obey(xcb_connection_t *x, const char *line) {
  char name[16];
  int a = 0, b = 0;
  const int fields = sscanf(line, "%15s %d %d", name, &a, &b);
  if (fields == 3 && strcmp(name, "move") == 0) return send_input(x, XCB_MOTION_NOTIFY, 0, a, b);
  if (fields != 2) return 0;
  if (strcmp(name, "press") == 0) return send_input(x, XCB_BUTTON_PRESS, (uint8_t)a, 0, 0);
  if (strcmp(name, "release") == 0) return send_input(x, XCB_BUTTON_RELEASE, (uint8_t)a, 0, 0);
  const int down = strcmp(name, "down") == 0;
  if (!down && strcmp(name, "up") != 0) return 0;
  const xcb_keycode_t key = keycode_of(x, (xcb_keysym_t)a);
  return key && send_input(x, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, key, 0, 0);
}

int main(int argc, char **argv) {
  if (argc != 3 || strcmp(argv[1], "--display") != 0) {
    fprintf(stderr, "usage: xhands --display :N\n");
    return 2;
  }
  xcb_connection_t *x = xcb_connect(argv[2], NULL);
  if (xcb_connection_has_error(x)) {
    fprintf(stderr, "xhands: no X server at %s\n", argv[2]);
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("ready\n");
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (obey(x, line)) printf("done\n");
    else printf("refused %s", line);
  }
  xcb_disconnect(x);
  return 0;
}
