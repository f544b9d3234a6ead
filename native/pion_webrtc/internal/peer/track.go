package peer

import (
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/faults"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

const (
	// videoClock is the RTP clock rate of video (RFC 6184, section 8.2.1).
	videoClock = 90_000
	// maxWait of the send queue, over the time that the last keyframe needs to leave: what waits longer
	// is of no use to anybody, and is dropped up to the next keyframe. Dropping a keyframe for its own
	// size would bring another of the same.
	maxWait = 400 * time.Millisecond
)

// track is one stream on its way to one peer: a webrtc.TrackLocal and a stream.Viewer.
type track struct {
	id     string
	peer   *Peer
	stream *stream.Stream
	part   *faults.Part

	mu         sync.Mutex
	writer     webrtc.TrackLocalWriter // nil while not bound
	header     rtp.Header              // payload type, SSRC, and the sequence number of the next packet
	timeOffset uint32
	alone      bool
	key        keyNeed
	keyLeaves  time.Time // when the last keyframe will have left
}

func newTrack(id string, peer *Peer, source *stream.Stream, random func() uint32) *track {
	// RFC 3550, section 5.1: sequence number and timestamp start at random.
	return &track{
		id: id, peer: peer, stream: source, part: faults.New("track", peer.tell), alone: true, key: keyNeed{missing: true, again: reminder},
		header:     rtp.Header{Version: 2, SequenceNumber: uint16(random())},
		timeOffset: random(),
	}
}

// Bind implements webrtc.TrackLocal: it picks the codec once the offer is known.
func (t *track) Bind(context webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codec, ok := pickH264(context.CodecParameters())
	if !ok {
		return codec, abi.Errorf(abi.Unsupported, "the offer has no H.264 with packetization-mode=1")
	}
	t.mu.Lock()
	t.writer = context.WriteStream()
	t.header.SSRC = uint32(context.SSRC())
	t.header.PayloadType = uint8(codec.PayloadType)
	t.key.missing = true
	t.mu.Unlock()
	return codec, nil
}

// Unbind implements webrtc.TrackLocal.
func (t *track) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	t.writer = nil
	t.mu.Unlock()
	return nil
}

// ID implements webrtc.TrackLocal.
func (t *track) ID() string { return t.id }

// RID implements webrtc.TrackLocal.
func (t *track) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (t *track) StreamID() string { return "peerdeck" }

// Kind implements webrtc.TrackLocal.
func (t *track) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

// Receiving implements stream.Viewer.
func (t *track) Receiving() bool {
	t.mu.Lock()
	bound := t.writer != nil
	t.mu.Unlock()
	return bound && t.peer.receiving()
}

// Congested implements stream.Viewer.
func (t *track) Congested() bool { return t.peer.pacer.Congested() }

// WriteFrame implements stream.Viewer.
func (t *track) WriteFrame(frame *stream.Frame, alone bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writer == nil {
		return
	}
	// A fault on the way of one viewer must not cost the others their frame.
	if _, ok := t.part.Try(func() { t.pass(frame, alone) }); !ok {
		t.key.lose(t.keySpacing())
		return
	}
	t.part.Worked()
}

// pass is called with the lock held.
func (t *track) pass(frame *stream.Frame, alone bool) {
	now := t.peer.config.Now()
	if t.alone != alone {
		t.alone = alone
		t.peer.pacer.SetInline(alone && t.peer.datagrams.Load())
	}
	if t.peer.pacer.Delay() > maxWait && now.After(t.keyLeaves) {
		t.peer.dropQueue()
		t.key.lose(t.congestedSpacing())
	}
	if !t.wants(frame) {
		t.key.remind(now)
		if t.key.missing && t.key.due(now, t.Congested(), t.alone) {
			t.stream.MissKeyframe()
		}
		return
	}
	t.write(frame)
	if frame.Keyframe {
		t.key.written(now)
		t.keyLeaves = now.Add(t.peer.pacer.Delay())
	}
}

// wants says whether a frame goes out. Alone, congestion is the encoder's to obey; among others, a slow
// viewer leaves frames out for itself: first those that nothing refers to, then all to the next keyframe.
func (t *track) wants(frame *stream.Frame) bool {
	if frame.Keyframe {
		return true
	}
	if t.key.missing {
		return false
	}
	if !t.alone && t.peer.pacer.Overdue() {
		if !frame.Droppable {
			t.key.lose(spacingCongested)
		}
		return false
	}
	return true
}

func (t *track) write(frame *stream.Frame) {
	timestamp := t.timeOffset + uint32(frame.CaptureMicros*(videoClock/1000)/1000)
	for i, payload := range frame.Payloads {
		header := t.header
		header.Timestamp = timestamp
		header.Marker = i == len(frame.Payloads)-1
		t.header.SequenceNumber++
		// What the pacer refuses is lost like a packet on the way, and repaired in the same ways.
		_, _ = t.writer.WriteRTP(&header, payload)
	}
}

func (t *track) keySpacing() time.Duration {
	if t.alone {
		return spacingNone
	}
	return spacingShared
}

func (t *track) congestedSpacing() time.Duration {
	if t.alone {
		return spacingOverflow
	}
	return spacingCongested
}

// setInline is called when the path is known. A frame leaves on the encoder's thread, which is fastest,
// if that neither blocks nor holds other viewers up.
func (t *track) setInline() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.peer.pacer.SetInline(t.alone && t.peer.datagrams.Load())
}

// restart makes the track wait for a keyframe and asks for one: the viewer is new, or back.
func (t *track) restart() {
	t.mu.Lock()
	t.key.lose(spacingNone)
	t.mu.Unlock()
	t.ask()
}

// renew asks for a keyframe after the path was away. What was sent meanwhile is lost, and on a still
// desktop no later packet would tell the viewer so.
func (t *track) renew() {
	t.mu.Lock()
	t.key.want(spacingShared)
	t.mu.Unlock()
	t.ask()
}

// pictureLost takes a request of the viewer (PLI, RFC 4585, or FIR, RFC 5104).
func (t *track) pictureLost(rtt time.Duration) {
	t.mu.Lock()
	if !t.key.stale(t.peer.config.Now(), rtt) {
		t.key.want(t.keySpacing())
	}
	t.mu.Unlock()
	t.ask()
}

// ask asks the encoder for a keyframe if one is due, and says whether one is still to come. Called when
// something changed, and at each tick.
func (t *track) ask() (pending bool) {
	t.mu.Lock()
	t.key.remind(t.peer.config.Now())
	due := t.writer != nil && t.key.due(t.peer.config.Now(), t.Congested(), t.alone)
	pending = t.key.missing || t.key.wanted
	t.mu.Unlock()
	if due {
		t.stream.WantKeyframe()
	} else if pending {
		t.peer.config.OnActive() // ticks look after it
	}
	return pending
}

// pickH264 prefers constrained baseline (42e01f), then baseline, always packetization-mode 1.
func pickH264(codecs []webrtc.RTPCodecParameters) (webrtc.RTPCodecParameters, bool) {
	for _, profile := range []string{"profile-level-id=42e0", "profile-level-id=42"} {
		for _, codec := range codecs {
			line := strings.ToLower(codec.SDPFmtpLine)
			if strings.EqualFold(codec.MimeType, webrtc.MimeTypeH264) &&
				strings.Contains(line, "packetization-mode=1") && strings.Contains(line, profile) {
				return codec, true
			}
		}
	}
	return webrtc.RTPCodecParameters{}, false
}

// ssrc of the media.
func (t *track) ssrc() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.header.SSRC
}
