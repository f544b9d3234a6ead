//go:build !windows

// Package clock reads the machine's monotonic clock, the one that capture times and event times use.
package clock

import "golang.org/x/sys/unix"

// Micros gives CLOCK_MONOTONIC in microseconds.
func Micros() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0
	}
	return now.Nano() / 1000
}
