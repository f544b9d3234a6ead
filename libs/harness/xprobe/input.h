/* Prints the input that reaches a window, one JSON object a line on stdout. */
#ifndef XPROBE_INPUT_H
#define XPROBE_INPUT_H

#include <X11/Xlib.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, microseconds. */
int64_t now_us(void);

/* Prints `event` if it is input, with `received_us`, when the client had it. */
void input_print(XEvent *event, int64_t received_us);

#endif
