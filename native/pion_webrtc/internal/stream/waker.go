package stream

import (
	"sync"
	"sync/atomic"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
)

// waker calls the encoder's wake function from a goroutine of its own, so that no network goroutine
// waits for it. Flags raised meanwhile are joined into the next call; flags raised while nobody is set
// are kept for whoever comes.
type waker struct {
	part    *faults.Part
	pending atomic.Uint32
	signal  chan struct{} // capacity 1
	done    chan struct{}
	ended   chan struct{}

	mu   sync.Mutex // held during a call
	call func(flags uint32)
}

func newWaker(part *faults.Part) *waker {
	w := &waker{part: part, signal: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		part.Keep(w.done, w.run)
	}()
	return w
}

// raise never blocks.
func (w *waker) raise(flags uint32) {
	w.pending.Or(flags)
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// set replaces the function; it returns only when no call of the old one runs.
func (w *waker) set(call func(flags uint32)) {
	w.mu.Lock()
	w.call = call
	w.mu.Unlock()
	w.raise(0)
}

// close ends the goroutine, after the call that may run.
func (w *waker) close() {
	w.set(nil)
	close(w.done)
	<-w.ended
}

func (w *waker) run() {
	w.deliver() // what a call that panicked left behind
	for {
		select {
		case <-w.signal:
			w.deliver()
		case <-w.done:
			return
		}
	}
}

func (w *waker) deliver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.call == nil {
		return
	}
	flags := w.pending.Swap(0)
	if flags == 0 {
		return
	}
	delivered := false
	defer func() {
		if !delivered {
			w.pending.Or(flags) // it panicked: the wish must not be lost
		}
	}()
	w.call(flags)
	delivered = true
	w.part.Worked()
}
