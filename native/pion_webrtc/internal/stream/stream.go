// Package stream takes access units from an encoder and hands them to every viewer.
package stream

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/packetize"
)

// maxPayload keeps an RTP packet with its extensions, SRTP tag and a TURN header under 1280 bytes on the
// wire, which every path carries (IPv6, VPNs).
const maxPayload = 1160

// maxUnit bounds an access unit, in bytes.
const maxUnit = 16 << 20

// Unit is one encoded picture. Data is read only during Push.
type Unit struct {
	Data          []byte // Annex B
	Keyframe      bool
	Droppable     bool
	CaptureMicros int64 // monotonic
}

// Frame is a packetised unit, shared by all viewers: nobody changes it.
type Frame struct {
	Payloads      [][]byte
	Keyframe      bool
	Droppable     bool
	CaptureMicros int64
}

// Viewer is one receiver of a stream. Calls come from the encoder's goroutine, one at a time.
type Viewer interface {
	// Receiving says whether frames reach it now.
	Receiving() bool
	// Congested says whether its send queue is over its bound.
	Congested() bool
	// WriteFrame sends or queues a frame. alone: it is the only viewer, so that the encoder obeys its
	// congestion and it need not skip frames itself.
	WriteFrame(frame *Frame, alone bool)
}

// Stream is safe for use by any goroutine; Push is for one encoder.
type Stream struct {
	waker       *waker
	keyWanted   atomic.Bool
	congested   atomic.Bool
	hadReceiver atomic.Bool

	push sync.Mutex // held while a unit is handed out: Close waits for it

	mu      sync.Mutex
	viewers []Viewer // replaced, never changed
	closed  bool
}

// New makes a stream without viewers. tell hears of a wake that fails.
func New(tell faults.Tell) *Stream {
	return &Stream{waker: newWaker(faults.New("wake", tell))}
}

// Push packetises a unit once and hands it to every viewer that receives.
func (s *Stream) Push(unit Unit) (abi.SinkResult, error) {
	if len(unit.Data) > maxUnit {
		return 0, abi.Errorf(abi.TooLarge, "the access unit has %d bytes; at most %d are sent", len(unit.Data), maxUnit)
	}
	s.push.Lock()
	defer s.push.Unlock()

	receiving, closed := s.receiving()
	if closed {
		return abi.SinkClosed, nil
	}
	if len(receiving) == 0 {
		return abi.SinkNoViewer, nil
	}
	payloads, err := packetize.H264(unit.Data, maxPayload)
	if err != nil {
		return 0, abi.Errorf(abi.InvalidArgument, "data: %s", err)
	}
	if unit.Keyframe {
		// Before it is written: a request that comes from now on wants another one.
		s.keyWanted.Store(false)
	}
	frame := &Frame{
		Payloads: payloads, Keyframe: unit.Keyframe,
		Droppable: unit.Droppable, CaptureMicros: unit.CaptureMicros,
	}
	for _, viewer := range receiving {
		viewer.WriteFrame(frame, len(receiving) == 1)
	}

	result := abi.SinkOK
	if s.keyWanted.Load() {
		result |= abi.SinkKeyframeWanted
	}
	if allCongested(receiving) {
		s.congested.Store(true)
		result |= abi.SinkCongested
		s.Drained() // it may have drained before the flag was up
	}
	return result, nil
}

// WantKeyframe asks the encoder for an IDR: at once by a wake, and by what Push returns until one comes.
func (s *Stream) WantKeyframe() {
	s.keyWanted.Store(true)
	s.waker.raise(abi.WakeKeyframe)
}

// MissKeyframe is WantKeyframe for one who is just being pushed to: what Push returns is enough.
func (s *Stream) MissKeyframe() { s.keyWanted.Store(true) }

// Drained is called by a viewer whose send queue has room again. Congestion is over when any viewer
// that receives has room: a slow watcher must not hold the others up.
func (s *Stream) Drained() {
	receiving, _ := s.receiving()
	if !allCongested(receiving) && s.congested.Swap(false) {
		s.waker.raise(abi.WakeDrained)
	}
}

// Refresh is called when a viewer began or ceased to receive.
func (s *Stream) Refresh() {
	receiving, closed := s.receiving()
	if closed {
		return
	}
	if has := len(receiving) > 0; s.hadReceiver.Swap(has) != has {
		s.waker.raise(abi.WakeViewers)
	}
	s.Drained()
}

// Attach adds a viewer; false when the stream is closed.
func (s *Stream) Attach(viewer Viewer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.viewers = append(slices.Clone(s.viewers), viewer)
	return true
}

// Detach removes a viewer. A frame may still reach it while a Push is under way.
func (s *Stream) Detach(viewer Viewer) {
	s.mu.Lock()
	s.viewers = slices.DeleteFunc(slices.Clone(s.viewers), func(v Viewer) bool { return v == viewer })
	s.mu.Unlock()
	s.Refresh()
}

// SetWake sets whom to wake; nil takes it back, and returns only when no wake runs.
func (s *Stream) SetWake(call func(flags uint32)) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return abi.Errorf(abi.Closed, "the stream is closed")
	}
	s.waker.set(call)
	return nil
}

// Close returns when no Push and no wake runs. Idempotent.
func (s *Stream) Close() {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.viewers = nil
	s.mu.Unlock()
	if was {
		return
	}
	s.push.Lock() // a Push that is under way ends first
	defer s.push.Unlock()
	s.waker.close()
}

func (s *Stream) receiving() (receiving []Viewer, closed bool) {
	s.mu.Lock()
	viewers, closed := s.viewers, s.closed
	s.mu.Unlock()
	for _, viewer := range viewers {
		if viewer.Receiving() {
			receiving = append(receiving, viewer)
		}
	}
	return receiving, closed
}

func allCongested(viewers []Viewer) bool {
	for _, viewer := range viewers {
		if !viewer.Congested() {
			return false
		}
	}
	return len(viewers) > 0
}
