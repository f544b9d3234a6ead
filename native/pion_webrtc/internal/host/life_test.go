package host

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

func TestWrongHandles(t *testing.T) {
	b := newBench(t, engineOptions)
	peer, err := b.host.OpenPeer(b.engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, handle := range []int64{0, -1, 99999, b.engine + b.stream, peer << 8} {
		for name, err := range map[string]error{
			"CloseEngine": b.host.CloseEngine(handle), "CloseStream": b.host.CloseStream(handle),
			"ClosePeer": b.host.ClosePeer(handle, 0), "AddCandidate": b.host.AddCandidate(handle, []byte(`{"candidate":""}`)),
			"SetWake": b.host.SetWake(handle, nil),
			"Answer":  second(b.host.Answer(handle, "")), "OpenPeer": second(b.host.OpenPeer(handle, nil)),
			"OpenStream": second(b.host.OpenStream(handle, nil)), "Push": second(b.host.Push(handle, stream.Unit{})),
			"Peer": second(b.host.Peer(handle)),
		} {
			if abi.CodeOf(err) != abi.BadHandle {
				t.Errorf("%s(%d): %v, want BadHandle", name, handle, err)
			}
		}
	}
	for range 2 { // twice is fine
		if err := b.host.ClosePeer(peer, 0); err != nil {
			t.Error(err)
		}
		if err := b.host.CloseStream(b.stream); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.host.Answer(peer, "x"); abi.CodeOf(err) != abi.BadHandle {
		t.Errorf("a closed peer answers: %v", err)
	}
	if result, err := b.host.Push(b.stream, picture(true, 10, 1)); result != abi.SinkClosed || err != nil {
		t.Errorf("push to a closed stream: %d, %v", result, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestMaxPeers(t *testing.T) {
	b := newBench(t, `{"maxPeers":2,"mdns":false}`)
	var last int64
	for range 2 {
		handle, err := b.host.OpenPeer(b.engine, nil)
		if err != nil {
			t.Fatal(err)
		}
		last = handle
	}
	if _, err := b.host.OpenPeer(b.engine, nil); abi.CodeOf(err) != abi.State || !strings.Contains(err.Error(), "maxPeers") {
		t.Errorf("a third peer: %v", err)
	}
	if err := b.host.ClosePeer(last, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.host.OpenPeer(b.engine, nil); err != nil {
		t.Errorf("after one closed: %v", err)
	}
}

func TestEarlyCandidatesAreKeptAndBounded(t *testing.T) {
	b := newBench(t, engineOptions)
	peer, err := b.host.OpenPeer(b.engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	candidate := []byte(`{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 9 typ host","sdpMid":"0"}`)
	for range 64 {
		if err := b.host.AddCandidate(peer, candidate); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.host.AddCandidate(peer, candidate); abi.CodeOf(err) != abi.WouldBlock {
		t.Errorf("the 65th: %v", err)
	}
}

// Each cycle leaves at another moment, so that every state is closed from.
func TestOpenAndCloseLeaveNothing(t *testing.T) {
	b := newBench(t, engineOptions)
	cycle := func(stage int) {
		v := b.newViewer(viewerConfig{})
		switch stage {
		case 0: // never offered
		case 1: // in the middle of connecting
			v.negotiate(nil)
		default:
			v.connect()
		}
		if err := b.host.ClosePeer(v.handle, 0); err != nil {
			t.Fatal(err)
		}
		if err := v.pc.GracefulClose(); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	ended := b.encode(stop)
	cycle(2)
	settled := goroutines(0)
	for i := range 21 {
		cycle(i % 3)
	}
	b.mu.Lock()
	final := map[int64]string{}
	for _, e := range b.events {
		if e.kind != abi.EventLog {
			final[e.handle] = string(e.payload)
		}
	}
	b.mu.Unlock()
	for handle, last := range final {
		if last != `{"state":"closed"}` {
			t.Errorf("the last event of peer %d is %s", handle, last)
		}
	}
	if left := goroutines(settled); left > settled {
		buffer := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before\n%s", left, settled, buffer[:runtime.Stack(buffer, true)])
	}
	close(stop)
	<-ended
}

// goroutines waits for the number to fall to want, and gives it.
func goroutines(want int) int {
	n := runtime.NumGoroutine()
	for range 200 {
		if n = runtime.NumGoroutine(); n <= want {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return n
}

func TestCloseTheEngineDuringEverything(t *testing.T) {
	b := newBench(t, engineOptions)
	stop := make(chan struct{})
	ended := b.encode(stop)
	a := b.newViewer(viewerConfig{}).connect()
	b.newViewer(viewerConfig{}).negotiate(nil)
	b.newViewer(viewerConfig{})
	if err := b.host.CloseEngine(b.engine); err != nil {
		t.Fatal(err)
	}
	b.awaitState(a.handle, "closed")
	if _, err := b.host.OpenPeer(b.engine, nil); abi.CodeOf(err) != abi.BadHandle {
		t.Errorf("a closed engine opens peers: %v", err)
	}
	close(stop)
	<-ended
}

func TestOpeningWhileTheEngineClosesLeavesNothing(t *testing.T) {
	h := New()
	for range 30 {
		engine, err := h.OpenEngine([]byte(`{"mdns":false,"interfaces":["none"]}`))
		if err != nil {
			t.Fatal(err)
		}
		var opening sync.WaitGroup
		for range 4 {
			opening.Go(func() {
				for {
					_, errStream := h.OpenStream(engine, nil)
					_, errPeer := h.OpenPeer(engine, nil)
					if errPeer != nil && abi.CodeOf(errPeer) != abi.State && errStream != nil {
						return
					}
				}
			})
		}
		if err := h.CloseEngine(engine); err != nil {
			t.Fatal(err)
		}
		opening.Wait()
		if leaks := h.Leaks(); leaks.Engines+leaks.Streams+leaks.Peers != 0 {
			t.Fatalf("left alive: %+v", leaks)
		}
	}
}
