package pacer

import (
	"sync/atomic"
	"testing"
	"time"
)

// onTheWay is what the viewer has not told of: the tests say how much, and when it told last.
type onTheWay struct {
	bytes atomic.Int64
	heard atomic.Int64 // Unix nanoseconds
}

func (f *onTheWay) get() (uint64, time.Time) {
	return uint64(f.bytes.Load()), time.Unix(0, f.heard.Load())
}

func setUpWindow(t *testing.T, drained func()) (*Pacer, *clock, *wire, *onTheWay, func(sequence int)) {
	t.Helper()
	at := &clock{now: time.Unix(1000, 0)}
	flight := &onTheWay{}
	flight.heard.Store(at.get().UnixNano())
	p := New(Config{BitsPerSecond: 100_000_000, Now: at.get, OnDrained: drained, Flight: flight.get})
	t.Cleanup(func() { _ = p.Close() })
	p.SetPace(Pace{BitsPerSecond: 100_000_000, Gain: 1.5, Window: 10_000})
	out := newWire()
	write := bound(p, out)
	return p, at, out, flight, func(sequence int) { write(mediaSSRC, sequence) }
}

func TestAShutWindowHoldsPacketsUntilAReport(t *testing.T) {
	drained := make(chan struct{}, 1)
	p, _, out, flight, write := setUpWindow(t, func() { drained <- struct{}{} })
	write(1)
	out.await(t, 1)
	flight.bytes.Store(9_500)
	write(2)
	if !p.Congested() {
		t.Error("a shut window is no congestion")
	}
	if len(out.all()) != 1 {
		t.Fatal("a packet left though the window is shut")
	}
	flight.bytes.Store(2_000)
	p.Reported()
	out.await(t, 2)
	select {
	case <-drained:
	case <-time.After(patience):
		t.Fatal("nobody was told that the way is free again")
	}
	if p.Congested() {
		t.Error("still congested")
	}
}

func TestAWindowThatIsShutForAMomentMakesNothingOverdue(t *testing.T) {
	p, at, out, flight, write := setUpWindow(t, nil)
	flight.bytes.Store(10_000)
	write(1)
	if !p.Congested() || p.Overdue() {
		t.Error("a window that has just been shut: want congested, and not overdue")
	}
	at.move(congestedAt + time.Millisecond)
	if !p.Overdue() {
		t.Error("it has been shut for too long, and nothing is overdue")
	}
	flight.bytes.Store(0)
	p.Reported()
	out.await(t, 1)
	deadline := time.Now().Add(patience)
	for p.Overdue() {
		if time.Now().After(deadline) {
			t.Fatal("still overdue, though nothing waits")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestOnePacketAlwaysHasRoomWhereNothingIsOnTheWay(t *testing.T) {
	p, _, out, _, write := setUpWindow(t, nil)
	p.SetPace(Pace{BitsPerSecond: 100_000_000, Gain: 1.5, Window: 1})
	write(1)
	out.await(t, 1)
}

func TestIntoSilenceOnePacketLeavesInAWhile(t *testing.T) {
	_, at, out, flight, write := setUpWindow(t, nil)
	flight.bytes.Store(10_000)
	for sequence := range 5 {
		write(sequence)
	}
	at.move(probeAfter - time.Millisecond)
	if len(out.all()) != 0 {
		t.Fatal("a packet left before the silence was long enough")
	}
	at.move(time.Millisecond)
	out.await(t, 1)
	at.move(probeEvery - time.Millisecond)
	if len(out.all()) != 1 {
		t.Fatal("a second probe came too soon")
	}
	at.move(time.Millisecond)
	out.await(t, 2)
}

func TestWithoutAWindowNothingIsHeld(t *testing.T) {
	p, _, out, flight, write := setUpWindow(t, nil)
	flight.bytes.Store(1 << 40)
	p.SetPace(Pace{BitsPerSecond: 100_000_000, Gain: 1.5})
	write(1)
	out.await(t, 1)
}
