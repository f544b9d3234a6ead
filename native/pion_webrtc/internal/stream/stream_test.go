package stream

import (
	"sync"
	"testing"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

const patience = 20 * time.Second

// watcher is a viewer that does as it is told.
type watcher struct {
	mu                   sync.Mutex
	receiving, congested bool
	frames               []*Frame
	alone                bool
	entered, leave       chan struct{} // when set, a frame waits in between
}

func (w *watcher) Receiving() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.receiving
}

func (w *watcher) Congested() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.congested
}

func (w *watcher) WriteFrame(frame *Frame, alone bool) {
	w.mu.Lock()
	w.frames = append(w.frames, frame)
	w.alone = alone
	w.mu.Unlock()
	if w.entered != nil {
		w.entered <- struct{}{}
		<-w.leave
	}
}

func (w *watcher) set(receiving, congested bool) {
	w.mu.Lock()
	w.receiving, w.congested = receiving, congested
	w.mu.Unlock()
}

func unit(keyframe bool) Unit {
	return Unit{Data: []byte{0, 0, 0, 1, 0x65, 1, 2, 3}, Keyframe: keyframe}
}

func open(t *testing.T) *Stream {
	t.Helper()
	s := New(func(part, state string, _ int, reason string) { t.Errorf("%s %s: %s", part, state, reason) })
	t.Cleanup(s.Close)
	return s
}

func push(t *testing.T, s *Stream, keyframe bool) abi.SinkResult {
	t.Helper()
	result, err := s.Push(unit(keyframe))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// wakes collects calls of the wake.
func wakes(t *testing.T, s *Stream) func(flag uint32) {
	t.Helper()
	calls := make(chan uint32, 100)
	if err := s.SetWake(func(flags uint32) { calls <- flags }); err != nil {
		t.Fatal(err)
	}
	return func(flag uint32) {
		t.Helper()
		deadline := time.After(patience)
		for {
			select {
			case flags := <-calls:
				if flags&flag != 0 {
					return
				}
			case <-deadline:
				t.Fatalf("no wake with flag %d", flag)
			}
		}
	}
}

func TestNobodyWatches(t *testing.T) {
	s := open(t)
	if got := push(t, s, true); got != abi.SinkNoViewer {
		t.Errorf("got %d, want NO_VIEWER", got)
	}
	w := &watcher{}
	s.Attach(w)
	if got := push(t, s, true); got != abi.SinkNoViewer || len(w.frames) != 0 {
		t.Errorf("got %d and %d frames for one that does not receive", got, len(w.frames))
	}
}

func TestAUnitIsPacketisedOnceForAll(t *testing.T) {
	s := open(t)
	a, b := &watcher{receiving: true}, &watcher{receiving: true}
	s.Attach(a)
	push(t, s, true)
	if !a.alone {
		t.Error("one viewer is not alone")
	}
	s.Attach(b)
	push(t, s, true)
	if a.alone || b.alone {
		t.Error("two viewers are alone")
	}
	if a.frames[1] != b.frames[0] {
		t.Error("the frame was made twice")
	}
}

func TestAKeyframeIsWantedUntilOneComes(t *testing.T) {
	s := open(t)
	woken := wakes(t, s)
	s.Attach(&watcher{receiving: true})
	s.WantKeyframe()
	woken(abi.WakeKeyframe)
	for _, each := range []struct {
		keyframe bool
		want     abi.SinkResult
	}{{false, abi.SinkKeyframeWanted}, {false, abi.SinkKeyframeWanted}, {true, 0}, {false, 0}} {
		if got := push(t, s, each.keyframe); got != each.want {
			t.Errorf("got %d, want %d", got, each.want)
		}
	}
	s.MissKeyframe()
	if got := push(t, s, false); got != abi.SinkKeyframeWanted {
		t.Errorf("got %d, want KEYFRAME_WANTED", got)
	}
}

func TestTheSlowestDoesNotHoldTheOthersUp(t *testing.T) {
	s := open(t)
	woken := wakes(t, s)
	a, b := &watcher{receiving: true, congested: true}, &watcher{receiving: true}
	s.Attach(a)
	if got := push(t, s, false); got != abi.SinkCongested {
		t.Errorf("alone and congested: %d", got)
	}
	s.Attach(b)
	s.Drained()
	woken(abi.WakeDrained)
	if got := push(t, s, false); got != 0 {
		t.Errorf("one of two congested: %d", got)
	}
	b.set(true, true)
	if got := push(t, s, false); got != abi.SinkCongested {
		t.Errorf("both congested: %d", got)
	}
	b.set(true, false)
	s.Drained()
	woken(abi.WakeDrained)
}

func TestComingAndGoingWakes(t *testing.T) {
	s := open(t)
	w := &watcher{}
	s.Attach(w)
	w.set(true, false)
	s.Refresh() // nobody is set yet: it is kept
	woken := wakes(t, s)
	woken(abi.WakeViewers)
	s.Detach(w)
	woken(abi.WakeViewers)
}

func TestAWakeThatRunsIsWaitedFor(t *testing.T) {
	s := open(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	if err := s.SetWake(func(uint32) { entered <- struct{}{}; <-leave }); err != nil {
		t.Fatal(err)
	}
	s.WantKeyframe()
	<-entered
	back := make(chan struct{})
	go func() {
		if err := s.SetWake(nil); err != nil {
			t.Error(err)
		}
		close(back)
	}()
	select {
	case <-back:
		t.Error("SetWake returned while a wake ran")
	default:
	}
	close(leave)
	<-back
}

func TestCloseWaitsForAPush(t *testing.T) {
	s := open(t)
	w := &watcher{receiving: true, entered: make(chan struct{}), leave: make(chan struct{})}
	s.Attach(w)
	pushed := make(chan struct{})
	go func() {
		push(t, s, true)
		close(pushed)
	}()
	<-w.entered
	closed := make(chan struct{})
	go func() {
		s.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Error("closed while a push ran")
	default:
	}
	close(w.leave)
	<-pushed
	<-closed
	if got := push(t, s, true); got != abi.SinkClosed {
		t.Errorf("after close: %d", got)
	}
	if s.Attach(w) {
		t.Error("a closed stream takes viewers")
	}
	if err := s.SetWake(nil); abi.CodeOf(err) != abi.Closed {
		t.Errorf("SetWake after close: %v", err)
	}
	s.Close()
}

func TestBadUnits(t *testing.T) {
	s := open(t)
	s.Attach(&watcher{receiving: true})
	if _, err := s.Push(Unit{Data: []byte{1, 2, 3}}); abi.CodeOf(err) != abi.InvalidArgument {
		t.Errorf("no start code: %v", err)
	}
	if _, err := s.Push(Unit{Data: make([]byte, maxUnit+1)}); abi.CodeOf(err) != abi.TooLarge {
		t.Errorf("too large: %v", err)
	}
}

func TestAWakeThatPanicsIsDeliveredAgain(t *testing.T) {
	told := make(chan string, 10)
	s := New(func(part, state string, _ int, _ string) { told <- part + " " + state })
	t.Cleanup(s.Close)
	calls, left := make(chan uint32, 10), 3
	if err := s.SetWake(func(flags uint32) {
		if left--; left >= 0 {
			panic("the encoder is broken")
		}
		calls <- flags
	}); err != nil {
		t.Fatal(err)
	}
	s.WantKeyframe()
	select {
	case flags := <-calls:
		if flags&abi.WakeKeyframe == 0 {
			t.Errorf("the wish was lost: flags %d", flags)
		}
	case <-time.After(patience):
		t.Fatal("no wake after one that panicked")
	}
	for _, want := range []string{"wake failing", "wake recovered"} {
		if got := <-told; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}
