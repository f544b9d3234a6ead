// Package faults keeps parts going that fail: each failure is told, and what failed is tried again after a
// pause.
package faults

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Waits between failures in a row: twice as long each time.
const (
	firstWait   = 10 * time.Millisecond
	longestWait = time.Second
	// tellEvery apart are two events 'failing' of one part, so that one that fails all the time does not
	// flood the queue.
	tellEvery = time.Second
)

// Tell is told that a part is failing, recovered or ended. times counts the failures since it was told last.
type Tell func(part, state string, times int, reason string)

// Part is one that may fail. Safe for use by any goroutine; a nil Part is told of nothing.
type Part struct {
	name string
	tell Tell

	mu     sync.Mutex
	row    int // failures since it worked last
	untold int
	told   bool
	toldAt time.Time
	reason string
}

// New makes a part that works.
func New(name string, tell Tell) *Part {
	if tell == nil {
		return nil
	}
	return &Part{name: name, tell: tell}
}

// Failed notes a failure and gives how long to wait before the next try.
func (p *Part) Failed(reason string) time.Duration {
	if p == nil {
		return firstWait
	}
	p.mu.Lock()
	wait := min(firstWait<<min(p.row, 16), longestWait)
	p.row++
	p.untold++
	p.reason = reason
	tell := time.Since(p.toldAt) >= tellEvery
	times := p.untold
	if tell {
		p.untold, p.told, p.toldAt = 0, true, time.Now()
	}
	p.mu.Unlock()
	if tell {
		p.tell(p.name, "failing", times, reason)
	}
	return wait
}

// Worked notes that it works again, if it did not.
func (p *Part) Worked() {
	if p == nil {
		return
	}
	p.mu.Lock()
	tell, times, reason := p.row > 0 && p.told, p.untold, p.reason
	p.row = 0
	if tell {
		p.told, p.untold = false, 0
	}
	p.mu.Unlock()
	if tell {
		p.tell(p.name, "recovered", times, reason)
	}
}

// Ended tells that it does not come back by itself.
func (p *Part) Ended(reason string) {
	if p != nil {
		p.tell(p.name, "ended", 1, reason)
	}
}

// Try runs fn, and turns a panic into a failure; false means that it was one, and how long to wait.
func (p *Part) Try(fn func()) (wait time.Duration, ok bool) {
	defer func() {
		if value := recover(); value != nil {
			wait, ok = p.Failed(fmt.Sprintf("panic: %v\n%s", value, stack())), false
		}
	}()
	fn()
	return 0, true
}

// Keep runs fn, and again after each panic, until it returns by itself or done is closed.
func (p *Part) Keep(done <-chan struct{}, fn func()) {
	for {
		wait, ok := p.Try(fn)
		if ok || !Pause(wait, done) {
			return
		}
	}
}

// Pause waits; false means that done came first.
func Pause(wait time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}

// stack is what a reader of the event needs, and short enough for one.
func stack() []byte {
	text := debug.Stack()
	return text[:min(len(text), 2048)]
}
