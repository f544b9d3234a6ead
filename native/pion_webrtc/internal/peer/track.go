package peer

import (
	"strings"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

// videoClock is the RTP clock rate of video (RFC 6184, section 8.2.1).
const videoClock = 90_000

// track is one stream on its way to one peer: a webrtc.TrackLocal and a stream.Viewer.
type track struct {
	id     string
	peer   *Peer
	stream *stream.Stream

	mu         sync.Mutex
	writer     webrtc.TrackLocalWriter // nil while not bound
	header     rtp.Header              // payload type, SSRC, and the sequence number of the next packet
	timeOffset uint32
	needKey    bool // no delta frame is of use before the next keyframe
}

func newTrack(id string, peer *Peer, source *stream.Stream, random func() uint32) *track {
	// RFC 3550, section 5.1: sequence number and timestamp start at random.
	return &track{
		id: id, peer: peer, stream: source, needKey: true,
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
	t.needKey = true
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
func (t *track) Congested() bool { return false }

// WriteFrame implements stream.Viewer.
func (t *track) WriteFrame(frame *stream.Frame, _ bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writer == nil {
		return
	}
	if t.needKey && !frame.Keyframe {
		t.stream.WantKeyframe()
		return
	}
	t.needKey = false
	timestamp := t.timeOffset + uint32(frame.CaptureMicros*(videoClock/1000)/1000)
	for i, payload := range frame.Payloads {
		header := t.header
		header.Timestamp = timestamp
		header.Marker = i == len(frame.Payloads)-1
		t.header.SequenceNumber++
		if _, err := t.writer.WriteRTP(&header, payload); err != nil {
			return
		}
	}
}

// wantKey makes the track wait for a keyframe and asks for one.
func (t *track) wantKey() {
	t.mu.Lock()
	t.needKey = true
	t.mu.Unlock()
	t.stream.WantKeyframe()
}

// pickH264 prefers constrained baseline (42e01f), then baseline, always packetization-mode 1.
func pickH264(codecs []webrtc.RTPCodecParameters) (webrtc.RTPCodecParameters, bool) {
	for _, profile := range []string{"profile-level-id=42e0", "profile-level-id=4200", ""} {
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
