// Command shaper joins two TUN devices by a link of its own making: a bottleneck with a queue that
// drops at its tail, loss, delay and jitter, each way by itself, changed over time by a script. It
// stands in for netem where the kernel has none.
//
//	shaper --down-device NAME --up-device NAME --link STEPS --log FILE [--seed N]
//
// What enters the device of `down` leaves at the device of `up`, towards the viewer, and the other
// way round. STEPS is a JSON list of what holds from the start (see Step; atMs is 0). On stdout:
// `ready` when both devices are there; the caller moves them to their namespaces and gives them
// addresses. Each line on stdin is a script, a JSON list of steps that begins as it arrives, which
// is answered by `started US`; a script that has not ended is replaced. The end of stdin ends the
// program. The log has a line for each 100 ms (Interval) and a last one (Summary). All times are
// CLOCK_MONOTONIC, microseconds.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
)

func main() {
	downDevice := flag.String("down-device", "", "TUN device of the host's side")
	upDevice := flag.String("up-device", "", "TUN device of the viewer's side")
	link := flag.String("link", "[]", "what holds from the start, a JSON list of steps")
	file := flag.String("log", "", "where the log goes")
	seed := flag.Uint64("seed", 1, "of loss and jitter")
	flag.Parse()
	if err := run(*downDevice, *upDevice, *link, *file, *seed); err != nil {
		log.Fatalf("shaper: %v", err)
	}
}

func run(downDevice, upDevice, initial, file string, seed uint64) (err error) {
	runtime.LockOSThread() // priority is a thread's
	// A collection waits for threads that have no priority: only where memory is short. A minute of
	// a fast link takes some hundred megabytes.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	steps, err := ParseScript([]byte(initial))
	if err != nil {
		return err
	}
	output, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, output.Close()) }()
	near, err := openTUN(downDevice)
	if err != nil {
		return err
	}
	far, err := openTUN(upDevice)
	if err != nil {
		return err
	}
	if err := preferThisThread(); err != nil {
		log.Printf("shaper: no priority: %v", err)
	}
	// enough for a start; the steps say what is wanted
	open := Settings{QueueBytes: 1 << 20, State: Up}
	down, up := NewLink(open, seed), NewLink(open, seed+1)
	loop := &Loop{
		directions: []*Direction{
			{name: "down", link: down, from: near, to: far},
			{name: "up", link: up, from: far, to: near},
		},
		log: newLog(output),
	}
	for _, step := range steps {
		loop.apply(step, 0)
	}
	fmt.Println("ready")
	return loop.Run(int(os.Stdin.Fd()))
}
