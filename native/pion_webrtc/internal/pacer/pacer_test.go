package pacer

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

const (
	patience   = 20 * time.Second
	mediaSSRC  = 1
	repairSSRC = 2
)

// wire collects what leaves.
type wire struct {
	mu     sync.Mutex
	left   []uint32 // SSRC<<16 | sequence number
	change chan struct{}
}

func newWire() *wire { return &wire{change: make(chan struct{}, 1)} }

func (w *wire) Write(header *rtp.Header, _ []byte, _ interceptor.Attributes) (int, error) {
	w.mu.Lock()
	w.left = append(w.left, header.SSRC<<16|uint32(header.SequenceNumber))
	w.mu.Unlock()
	select {
	case w.change <- struct{}{}:
	default:
	}
	return 0, nil
}

func (w *wire) all() []uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]uint32(nil), w.left...)
}

func (w *wire) await(t *testing.T, n int) []uint32 {
	t.Helper()
	deadline := time.After(patience)
	for {
		if got := w.all(); len(got) >= n {
			return got
		}
		select {
		case <-w.change:
		case <-deadline:
			t.Fatalf("%d packets left, want %d", len(w.all()), n)
		}
	}
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) get() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

func setUp(t *testing.T, drained func()) (*Pacer, *clock, *wire, func(ssrc uint32, sequence int)) {
	t.Helper()
	at := &clock{now: time.Unix(1000, 0)}
	p := New(Config{BitsPerSecond: 1_000_000, Now: at.get, OnDrained: drained})
	t.Cleanup(func() { _ = p.Close() })
	out := newWire()
	return p, at, out, bound(p, out)
}

// bound gives what writes a packet of 1000 bytes through p to out.
func bound(p *Pacer, out *wire) func(ssrc uint32, sequence int) {
	writer := p.BindLocalStream(&interceptor.StreamInfo{SSRC: mediaSSRC, SSRCRetransmission: repairSSRC}, out)
	return func(ssrc uint32, sequence int) {
		header := &rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: uint16(sequence)}
		_, _ = writer.Write(header, make([]byte, 988), nil)
		header.SSRC = 99 // the header is the writer's again
	}
}

func TestWhatFitsLeavesOnTheWriter(t *testing.T) {
	_, _, out, write := setUp(t, nil)
	for i := range 15 {
		write(mediaSSRC, i)
		if len(out.all()) != i+1 {
			t.Fatalf("packet %d did not leave before its write returned", i)
		}
	}
}

func TestTheRestWaitsInOrderAndRepairsGoFirst(t *testing.T) {
	p, at, out, write := setUp(t, nil)
	for i := range 40 { // 15 kB may burst
		write(mediaSSRC, i)
	}
	immediately := len(out.all())
	if immediately < 15 || immediately > 16 {
		t.Fatalf("%d packets left at once, want the burst of 15 kB", immediately)
	}
	write(repairSSRC, 7)
	if delay := p.Delay(); delay < 100*time.Millisecond {
		t.Errorf("25 kB at 1.5 Mbit/s wait %s", delay)
	}
	// So little that one credit's worth leaves each time.
	for len(out.all()) < 41 {
		n := len(out.all())
		at.move(6 * time.Millisecond)
		out.await(t, n+1)
	}
	got := out.all()
	if got[immediately] != repairSSRC<<16|7 {
		t.Errorf("after the burst came %x, want the repair", got[immediately])
	}
	next := uint32(0)
	for _, each := range got {
		if each>>16 == mediaSSRC {
			if each&0xffff != next {
				t.Fatalf("media packet %d where %d was due", each&0xffff, next)
			}
			next++
		}
	}
}

func TestCongestionIsToldAndIsOver(t *testing.T) {
	over := make(chan struct{}, 1)
	p, at, out, write := setUp(t, func() { over <- struct{}{} })
	for i := range 20 {
		write(mediaSSRC, i)
	}
	if p.Congested() {
		t.Errorf("congested at %s", p.Delay())
	}
	for i := 20; i < 30; i++ {
		write(mediaSSRC, i)
	}
	if !p.Congested() {
		t.Fatalf("not congested at %s", p.Delay())
	}
	at.move(time.Second)
	out.await(t, 30)
	select {
	case <-over:
	case <-time.After(patience):
		t.Fatal("nobody was told that congestion is over")
	}
	if p.Congested() {
		t.Error("still congested with an empty queue")
	}
}

func TestRepairsHaveAShareOfTheirOwn(t *testing.T) {
	p, at, out, write := setUp(t, nil)
	p.SetPace(Pace{BitsPerSecond: 10_000_000, Gain: usualGain})
	// empty lets everything out that was taken, and gives the number that has left.
	empty := func() int {
		deadline := time.Now().Add(patience)
		waiting := func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.sending || !p.repairs.empty()
		}
		for waiting() {
			if time.Now().After(deadline) {
				t.Fatal("the queue does not empty")
			}
			at.move(10 * time.Millisecond)
			time.Sleep(time.Millisecond)
		}
		at.move(10 * time.Second)
		return len(out.all())
	}
	at.move(10 * time.Second)
	for i := range 1000 {
		write(repairSSRC, i)
	}
	first := empty()
	if first < 120 || first > 126 {
		t.Errorf("%d repairs left at once, want a tenth of a second of 10 Mbit/s: 125 of 1 kB", first)
	}
	for range 1000 {
		at.move(time.Millisecond)
		write(repairSSRC, 1)
		write(repairSSRC, 2)
	}
	// The burst had filled again; then three tenths of 1.25 MB/s.
	if more := empty() - first; more < 490 || more > 510 {
		t.Errorf("%d repairs left in a second, want about 500", more)
	}
}

func TestFlushDropsTheMedia(t *testing.T) {
	p, at, out, write := setUp(t, nil)
	for i := range 40 {
		write(mediaSSRC, i)
	}
	left := len(out.all())
	p.Flush()
	if p.Delay() != 0 {
		t.Errorf("after a flush %s wait", p.Delay())
	}
	at.move(time.Second)
	write(mediaSSRC, 40)
	got := out.await(t, left+1)
	if got[left] != mediaSSRC<<16|40 {
		t.Errorf("a dropped packet left: %x", got[left])
	}
}

func TestOffTheWritersGoroutineNothingLeavesOnIt(t *testing.T) {
	p, _, out, write := setUp(t, nil)
	p.SetInline(false)
	for i := range 10 {
		write(mediaSSRC, i)
	}
	got := out.await(t, 10)
	for i, each := range got {
		if each != mediaSSRC<<16|uint32(i) {
			t.Fatalf("out of order: %x", got)
		}
	}
}

func TestClosedItRefuses(t *testing.T) {
	p, _, out, write := setUp(t, nil)
	for i := range 40 {
		write(mediaSSRC, i)
	}
	_ = p.Close()
	_ = p.Close()
	left := len(out.all())
	write(mediaSSRC, 41)
	p.SetPace(Pace{BitsPerSecond: 5_000_000, Gain: usualGain})
	p.Flush()
	if len(out.all()) != left {
		t.Error("a packet left after close")
	}
}
