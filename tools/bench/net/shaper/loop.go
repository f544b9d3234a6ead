package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	logEvery = 100 * time.Millisecond
	// more than a TUN device hands out with its usual MTU
	packetBytes = 2048
	// Of one line on stdin.
	scriptBound = 1 << 22
)

// Direction is a link and the files at its ends.
type Direction struct {
	name     string
	link     *Link
	from, to int
}

// Loop owns both directions: one thread that sleeps in ppoll until a packet, a step or a line of the
// log is due, to the accuracy of the kernel's timers.
type Loop struct {
	directions []*Direction
	log        *Log
	lateness   Lateness
	script     []Step
	started    time.Duration
	logAt      time.Duration
	input      []byte
}

// Run ends when there is no more input.
func (l *Loop) Run(input int) error {
	if err := unix.SetNonblock(input, true); err != nil {
		return err
	}
	fds := []unix.PollFd{{Fd: int32(input), Events: unix.POLLIN}}
	for _, direction := range l.directions {
		fds = append(fds, unix.PollFd{Fd: int32(direction.from), Events: unix.POLLIN})
	}
	l.logAt = monotonic() + logEvery
	for {
		wait := unix.NsecToTimespec(max(0, int64(l.next()-monotonic())))
		if _, err := unix.Ppoll(fds, &wait, nil); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("ppoll: %w", err)
		}
		if fds[0].Revents != 0 {
			if ended, err := l.readInput(input); ended || err != nil {
				// the rest of a tenth of a second counts too
				return errors.Join(err, l.write(monotonic()), l.log.write(l.lateness.Summary()))
			}
		}
		l.step()
		for _, direction := range l.directions {
			l.receive(direction)
			l.send(direction)
		}
		if err := l.report(); err != nil {
			return err
		}
	}
}

func (l *Loop) next() time.Duration {
	next := l.logAt
	if len(l.script) > 0 {
		next = min(next, l.started+l.script[0].At())
	}
	for _, direction := range l.directions {
		if due, any := direction.link.Next(); any {
			next = min(next, due)
		}
	}
	return next
}

// receive takes what the device has, but not so much that the other things have to wait.
func (l *Loop) receive(direction *Direction) {
	for range 64 {
		var buffer [packetBytes]byte
		count, err := unix.Read(direction.from, buffer[:])
		if err != nil || count <= 0 {
			return
		}
		direction.link.Push(bytes.Clone(buffer[:count]), monotonic())
	}
}

func (l *Loop) send(direction *Direction) {
	for {
		now := monotonic()
		packet, due := direction.link.Pop(now)
		if packet == nil {
			return
		}
		l.lateness.Note(now - due)
		// a device that is not up yet takes none: as lost as on any wire
		_, _ = unix.Write(direction.to, packet)
	}
}

func (l *Loop) step() {
	for len(l.script) > 0 && l.started+l.script[0].At() <= monotonic() {
		l.apply(l.script[0], monotonic())
		l.script = l.script[1:]
	}
}

func (l *Loop) apply(step Step, now time.Duration) {
	for _, direction := range l.directions {
		if step.Touches(direction.name) {
			direction.link.Set(step.Apply(direction.link.Settings()), now)
		}
	}
}

func (l *Loop) report() error {
	now := monotonic()
	if now < l.logAt {
		return nil
	}
	l.logAt += logEvery
	if l.logAt <= now {
		l.logAt = now + logEvery
	}
	return l.write(now)
}

func (l *Loop) write(now time.Duration) error {
	down, up := l.directions[0].link, l.directions[1].link
	return l.log.write(Interval{now.Microseconds(), sideOf(down, now), sideOf(up, now)})
}

// readInput starts the script of each whole line.
func (l *Loop) readInput(input int) (ended bool, err error) {
	var buffer [1 << 16]byte
	count, err := unix.Read(input, buffer[:])
	if errors.Is(err, unix.EAGAIN) {
		return false, nil
	}
	if err != nil || count == 0 {
		return true, err
	}
	l.input = append(l.input, buffer[:count]...)
	for {
		line, rest, whole := bytes.Cut(l.input, []byte("\n"))
		if !whole {
			break
		}
		l.input = rest
		steps, err := ParseScript(line)
		if err != nil {
			return true, err
		}
		l.script, l.started = steps, monotonic()
		l.lateness = Lateness{} // devices are moved and set up before: that holds up all of them
		fmt.Printf("started %d\n", l.started.Microseconds())
	}
	if len(l.input) > scriptBound {
		return true, fmt.Errorf("a script of more than %d bytes", scriptBound)
	}
	return false, nil
}

func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(now.Nano())
}

// preferThisThread lets packets pass in time although encoder and decoder keep the cores busy.
func preferThisThread() error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return err
	}
	fifo := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	return unix.SchedSetAttr(0, &fifo, 0)
}
