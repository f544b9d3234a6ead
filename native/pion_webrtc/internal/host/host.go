// Package host is the library behind its C boundary: handles in, results and errors out, no cgo.
package host

import (
	"runtime"
	"time"

	"github.com/pion/interceptor"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/clock"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/engine"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/events"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/handles"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/options"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/peer"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

// Host is everything one process has of this library. Safe for use by any goroutine.
type Host struct {
	Events  *events.Queue
	engines *handles.Table[*engine.Engine]
	streams *handles.Table[ownedStream]
	peers   *handles.Table[ownedPeer]
	wire    func() interceptor.Interceptor // peer.Config.Wire, of tests
}

type ownedStream struct {
	*stream.Stream
	engine *engine.Engine
}

type ownedPeer struct {
	*peer.Peer
	engine *engine.Engine
}

// Leaks counts what is alive; a host that closed everything sees zeros, and few goroutines.
type Leaks struct {
	Engines      int    `json:"engines"`
	Streams      int    `json:"streams"`
	Peers        int    `json:"peers"`
	Goroutines   int    `json:"goroutines"`
	QueuedEvents int    `json:"queuedEvents"`
	DroppedLogs  uint64 `json:"droppedLogs"`
	LiveKib      uint64 `json:"liveKib"`   // objects of Go's heap, garbage included
	MemoryKib    uint64 `json:"memoryKib"` // what Go has of the system
}

// New makes an empty host.
func New() *Host {
	return &Host{
		Events: events.New(events.Config{
			MaxEvents: 1024, MaxBytes: 1 << 20, MaxLogs: 256, Micros: clock.Micros,
		}),
		engines: handles.NewTable[*engine.Engine](1),
		streams: handles.NewTable[ownedStream](2),
		peers:   handles.NewTable[ownedPeer](3),
	}
}

// OpenEngine gives the handle of a new engine.
func (h *Host) OpenEngine(text []byte) (int64, error) {
	o, err := options.ParseEngine(text)
	if err != nil {
		return 0, err
	}
	handle := h.engines.Reserve()
	h.engines.Put(handle, engine.New(o, h.Events, h.wire))
	return handle, nil
}

// CloseEngine closes an engine with its peers and streams.
func (h *Host) CloseEngine(handle int64) error {
	e, found := h.engines.Take(handle)
	if found != handles.Live {
		return closing(found)
	}
	e.Close()
	h.streams.Drop(func(s ownedStream) bool { return s.engine == e })
	h.peers.Drop(func(p ownedPeer) bool { return p.engine == e })
	return nil
}

// OpenStream gives the handle of a new stream.
func (h *Host) OpenStream(engineHandle int64, text []byte) (int64, error) {
	e, err := live(h.engines, engineHandle)
	if err != nil {
		return 0, err
	}
	if _, err := options.ParseStream(text); err != nil {
		return 0, err
	}
	s, err := e.OpenStream()
	if err != nil {
		return 0, err
	}
	handle := h.streams.Reserve()
	h.streams.Put(handle, ownedStream{s, e})
	if e.Closed() { // meanwhile, and may not have seen the handle
		h.streams.Take(handle)
		return 0, badHandle()
	}
	return handle, nil
}

// CloseStream closes a stream.
func (h *Host) CloseStream(handle int64) error {
	s, found := h.streams.Take(handle)
	if found != handles.Live {
		return closing(found)
	}
	s.engine.CloseStream(s.Stream)
	return nil
}

// Push hands a unit to a stream. A stream that was closed answers so instead of failing: the
// encoder's last frames may come after it.
func (h *Host) Push(handle int64, unit stream.Unit) (abi.SinkResult, error) {
	s, found := h.streams.Get(handle)
	switch found {
	case handles.Live:
		return s.Push(unit)
	case handles.Gone:
		return abi.SinkClosed, nil
	default:
		return 0, badHandle()
	}
}

// SetWake sets whom a stream wakes; nil takes it back.
func (h *Host) SetWake(handle int64, call func(flags uint32)) error {
	s, err := live(h.streams, handle)
	if err != nil {
		return err
	}
	return s.SetWake(call)
}

// OpenPeer gives the handle of a new peer.
func (h *Host) OpenPeer(engineHandle int64, text []byte) (int64, error) {
	e, err := live(h.engines, engineHandle)
	if err != nil {
		return 0, err
	}
	o, err := options.ParsePeer(text)
	if err != nil {
		return 0, err
	}
	handle := h.peers.Reserve()
	p, err := e.OpenPeer(handle, o)
	if err != nil {
		return 0, err
	}
	h.peers.Put(handle, ownedPeer{p, e})
	if e.Closed() {
		h.peers.Take(handle)
		return 0, badHandle()
	}
	return handle, nil
}

// Peer looks a peer up.
func (h *Host) Peer(handle int64) (*peer.Peer, error) {
	p, err := live(h.peers, handle)
	return p.Peer, err
}

// Answer takes a peer's offer.
func (h *Host) Answer(handle int64, offer string) (string, error) {
	p, err := live(h.peers, handle)
	if err != nil {
		return "", err
	}
	return p.Answer(offer)
}

// AddCandidate takes a peer's candidate.
func (h *Host) AddCandidate(handle int64, text []byte) error {
	p, err := live(h.peers, handle)
	if err != nil {
		return err
	}
	candidate, err := options.ParseCandidate(text)
	if err != nil {
		return err
	}
	return p.AddCandidate(candidate)
}

// ClosePeer closes a peer.
func (h *Host) ClosePeer(handle int64, flush time.Duration) error {
	p, found := h.peers.Take(handle)
	if found != handles.Live {
		return closing(found)
	}
	p.engine.ClosePeer(handle, p.Peer, flush)
	return nil
}

// Leaks counts.
func (h *Host) Leaks() Leaks {
	waiting, dropped := h.Events.Len()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return Leaks{
		LiveKib: memory.HeapAlloc >> 10, MemoryKib: (memory.Sys - memory.HeapReleased) >> 10,
		Engines: h.engines.Len(), Streams: h.streams.Len(), Peers: h.peers.Len(),
		Goroutines: runtime.NumGoroutine(), QueuedEvents: waiting, DroppedLogs: dropped,
	}
}

func live[T any](table *handles.Table[T], handle int64) (T, error) {
	object, found := table.Get(handle)
	if found != handles.Live {
		return object, badHandle()
	}
	return object, nil
}

// closing twice is fine; closing what never was is not.
func closing(found handles.Found) error {
	if found == handles.Gone {
		return nil
	}
	return badHandle()
}

func badHandle() error {
	return abi.Errorf(abi.BadHandle, "the handle is unknown or already closed")
}
