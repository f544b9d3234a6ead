// Package engine joins the streams of one host with the peers that watch them.
package engine

import (
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/events"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/options"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/peer"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

// maxStreams bounds the streams of one engine.
const maxStreams = 4

// How often peers report: while any has something to tell, and otherwise. Each wake of an idle process
// costs more than what it is for.
const (
	tickTime     = 100 * time.Millisecond
	idleTickTime = time.Second
)

// Engine is safe for use by any goroutine.
type Engine struct {
	options options.Engine
	events  *events.Queue
	wire    func() interceptor.Interceptor
	report  guard.Report

	mu      sync.Mutex
	streams []*stream.Stream
	peers   map[int64]*peer.Peer // nil while one is being made
	closed  bool
	served  bool // peers were there since memory was returned last

	done    chan struct{}
	active  chan struct{} // capacity 1: a peer has something to tell
	ticking sync.WaitGroup
}

// New makes an engine without streams. wire is for peers (peer.Config); nil but in tests.
func New(o options.Engine, queue *events.Queue, wire func() interceptor.Interceptor) *Engine {
	e := &Engine{
		options: o, events: queue, wire: wire, peers: map[int64]*peer.Peer{}, done: make(chan struct{}), active: make(chan struct{}, 1),
		report: func(where, what string) { queue.Log(0, "error", "caught a panic in "+where+": "+what) },
	}
	ticks := faults.New("tick", e.tell(0))
	e.ticking.Go(func() { ticks.Keep(e.done, func() { e.tick(ticks) }) })
	return e
}

// tell gives whom a part of a handle tells of its failures.
func (e *Engine) tell(handle int64) faults.Tell {
	return func(part, state string, times int, reason string) { e.events.Fault(handle, part, state, times, reason) }
}

func (e *Engine) tick(part *faults.Part) {
	timer := time.NewTimer(idleTickTime)
	defer timer.Stop()
	idle := true
	for {
		select {
		case <-timer.C:
		case <-e.active:
			if idle {
				idle = false
				timer.Reset(tickTime)
			}
			continue
		case <-e.done:
			return
		}
		e.mu.Lock()
		peers := make([]*peer.Peer, 0, len(e.peers))
		for _, p := range e.peers {
			if p != nil {
				peers = append(peers, p)
			}
		}
		e.mu.Unlock()
		e.returnMemory()
		idle = true
		for _, p := range peers {
			idle = !p.Tick() && idle
		}
		part.Worked()
		if idle {
			timer.Reset(idleTickTime)
		} else {
			timer.Reset(tickTime)
		}
	}
}

// returnMemory gives back what the viewers needed once nobody is there: Go would keep it for minutes, and more
// with each that comes and goes.
func (e *Engine) returnMemory() {
	e.mu.Lock()
	due := e.served && len(e.peers) == 0
	if due {
		e.served = false
	}
	e.mu.Unlock()
	if due {
		debug.FreeOSMemory()
	}
}

func (e *Engine) onActive() {
	select {
	case e.active <- struct{}{}:
	default:
	}
}

// OpenStream adds a stream; peers opened later watch it.
func (e *Engine) OpenStream() (*stream.Stream, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed()
	}
	if len(e.streams) >= maxStreams {
		return nil, abi.Errorf(abi.State, "the engine has %d streams already: close one first", maxStreams)
	}
	s := stream.New(e.tell(0))
	e.streams = append(e.streams, s)
	return s, nil
}

// CloseStream ends a stream of this engine.
func (e *Engine) CloseStream(s *stream.Stream) {
	e.mu.Lock()
	e.streams = slices.DeleteFunc(e.streams, func(other *stream.Stream) bool { return other == s })
	e.mu.Unlock()
	s.Close()
}

// OpenPeer adds a viewer under its handle.
func (e *Engine) OpenPeer(handle int64, o options.Peer) (*peer.Peer, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, errClosed()
	}
	if len(e.peers) >= e.options.MaxPeers {
		e.mu.Unlock()
		return nil, abi.Errorf(abi.State, "the engine has %d peers already (maxPeers): close one first", e.options.MaxPeers)
	}
	e.peers[handle] = nil
	e.served = true
	streams := slices.Clone(e.streams)
	e.mu.Unlock()

	made, err := peer.New(peer.Config{
		Handle: handle, Engine: e.options, Options: o, Streams: streams, Events: e.events, Now: time.Now, OnActive: e.onActive,
		Wire: e.wire,
	})

	e.mu.Lock()
	closed := e.closed
	if err != nil || closed {
		delete(e.peers, handle)
	} else {
		e.peers[handle] = made
	}
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if closed {
		made.Close(0)
		return nil, errClosed()
	}
	return made, nil
}

// ClosePeer ends a viewer of this engine.
func (e *Engine) ClosePeer(handle int64, p *peer.Peer, flush time.Duration) {
	p.Close(flush)
	e.mu.Lock()
	delete(e.peers, handle)
	e.mu.Unlock()
}

// Closed says whether closing has begun.
func (e *Engine) Closed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// Close ends the streams first, so that no push reaches a closing peer, then the peers. Idempotent.
func (e *Engine) Close() {
	e.mu.Lock()
	if !e.closed {
		close(e.done)
	}
	e.closed = true
	streams, peers := e.streams, e.peers
	e.streams, e.peers = nil, map[int64]*peer.Peer{}
	e.mu.Unlock()
	for _, s := range streams {
		s.Close()
	}
	var closing sync.WaitGroup
	for _, p := range peers {
		if p != nil {
			closing.Go(func() {
				defer guard.Recover("engine close", e.report)
				p.Close(0)
			})
		}
	}
	closing.Wait()
	e.ticking.Wait()
}

func errClosed() error { return abi.Errorf(abi.Closed, "the engine is closed") }
