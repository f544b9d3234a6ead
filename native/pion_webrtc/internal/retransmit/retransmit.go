// Package retransmit answers NACKs (RFC 4585) out of a bounded history, in RTX packets (RFC 4588).
package retransmit

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

const (
	// historySize in packets, a power of two: two seconds at 10 Mbit/s.
	historySize = 2048
	// maxAge of a packet that is still sent again: a viewer that misses one for longer asks for a
	// keyframe.
	maxAge = time.Second
	// minGap between two copies of one packet when the round-trip time is unknown or tiny.
	minGap = 5 * time.Millisecond
)

// Responder is an interceptor for one peer. It gives a copy a sequence number when the copy is
// sent, not when the packet is stored: so RTX numbers have no gaps, and a second copy of the same
// packet is not a replay to the viewer's SRTP.
type Responder struct {
	interceptor.NoOp
	now    func() time.Time
	random func() uint32

	mu      sync.Mutex
	streams map[uint32]*history
}

type history struct {
	writer      interceptor.RTPWriter
	ssrc        uint32 // of the copies; 0: the viewer knows no RTX, copies are the packets themselves
	payloadType uint8
	sequence    uint16
	packets     [historySize]stored
}

type stored struct {
	header  rtp.Header
	payload []byte // nil: an empty place
	sent    time.Time
	again   time.Time
}

// New makes a responder; random numbers the first copy (RFC 3550, section 5.1).
func New(now func() time.Time, random func() uint32) *Responder {
	return &Responder{now: now, random: random, streams: map[uint32]*history{}}
}

// BindLocalStream implements interceptor.Interceptor. Payloads must not change after they were
// written: the history keeps them without a copy.
func (r *Responder) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	h := &history{
		writer: writer, ssrc: info.SSRCRetransmission, payloadType: info.PayloadTypeRetransmission,
		sequence: uint16(r.random()),
	}
	if h.payloadType == 0 {
		h.ssrc = 0
	}
	r.mu.Lock()
	r.streams[info.SSRC] = h
	r.mu.Unlock()
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		r.mu.Lock()
		h.packets[header.SequenceNumber%historySize] = stored{header: bare(header), payload: payload, sent: r.now()}
		r.mu.Unlock()
		return writer.Write(header, payload, attributes)
	})
}

// UnbindLocalStream implements interceptor.Interceptor.
func (r *Responder) UnbindLocalStream(info *interceptor.StreamInfo) {
	r.mu.Lock()
	delete(r.streams, info.SSRC)
	r.mu.Unlock()
}

// Forget empties the history of all streams: what was dropped on purpose must not come after all.
func (r *Responder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.streams {
		clear(h.packets[:])
	}
}

// Resend answers a NACK and gives the number of packets sent. rtt is the round-trip time, 0 if
// unknown: a packet is not sent twice within most of it, for the first copy may be on its way.
func (r *Responder) Resend(nack *rtcp.TransportLayerNack, rtt time.Duration) int {
	sent := 0
	for i := range nack.Nacks {
		for _, sequence := range nack.Nacks[i].PacketList() {
			writer, header, payload, ok := r.copyOf(nack.MediaSSRC, sequence, rtt)
			if !ok {
				continue
			}
			if _, err := writer.Write(&header, payload, interceptor.Attributes{}); err == nil {
				sent++
			}
		}
	}
	return sent
}

func (r *Responder) copyOf(ssrc uint32, sequence uint16, rtt time.Duration) (interceptor.RTPWriter, rtp.Header, []byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.streams[ssrc]
	if h == nil {
		return nil, rtp.Header{}, nil, false
	}
	packet, now := &h.packets[sequence%historySize], r.now()
	gap := max(rtt*8/10, minGap)
	if packet.payload == nil || packet.header.SequenceNumber != sequence ||
		now.Sub(packet.sent) > maxAge || now.Sub(packet.again) < gap {
		return nil, rtp.Header{}, nil, false
	}
	packet.again = now
	if h.ssrc == 0 {
		return h.writer, packet.header, packet.payload, true
	}
	// RFC 4588, section 4: the original sequence number, then the original payload.
	payload := make([]byte, 2+len(packet.payload))
	binary.BigEndian.PutUint16(payload, sequence)
	copy(payload[2:], packet.payload)
	header := packet.header
	header.SSRC, header.PayloadType, header.SequenceNumber = h.ssrc, h.payloadType, h.sequence
	h.sequence++
	return h.writer, header, payload, true
}

// bare is the header without extensions: those nearer the wire put theirs on again.
func bare(header *rtp.Header) rtp.Header {
	return rtp.Header{
		Version: header.Version, Marker: header.Marker, PayloadType: header.PayloadType,
		SequenceNumber: header.SequenceNumber, Timestamp: header.Timestamp, SSRC: header.SSRC,
	}
}
