package retransmit

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

type sentPacket struct {
	header  rtp.Header
	payload []byte
}

func setUp(rtx uint32) (*Responder, *time.Time, *[]sentPacket, interceptor.RTPWriter) {
	now := time.Unix(1000, 0)
	var sent []sentPacket
	r := New(func() time.Time { return now }, func() uint32 { return 65535 })
	bound := r.BindLocalStream(
		&interceptor.StreamInfo{SSRC: 1, SSRCRetransmission: rtx, PayloadTypeRetransmission: 103},
		interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
			sent = append(sent, sentPacket{*header, payload})
			return 0, nil
		}))
	for sequence := range uint16(10) {
		_, _ = bound.Write(&rtp.Header{
			Version: 2, SSRC: 1, PayloadType: 102, SequenceNumber: sequence, Timestamp: uint32(sequence) * 10, Marker: sequence == 4,
			Extension: true, ExtensionProfile: 0xbede,
		}, []byte{byte(sequence), 0xaa}, nil)
	}
	sent = nil
	return r, &now, &sent, bound
}

func nack(sequences ...uint16) *rtcp.TransportLayerNack {
	return &rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: rtcp.NackPairsFromSequenceNumbers(sequences)}
}

func TestACopyIsAnRTXPacket(t *testing.T) {
	r, _, sent, _ := setUp(2)
	if n := r.Resend(nack(4, 6), 0); n != 2 {
		t.Fatalf("sent %d, want 2", n)
	}
	first, second := (*sent)[0], (*sent)[1]
	if first.header.SSRC != 2 || first.header.PayloadType != 103 || first.header.Timestamp != 40 || !first.header.Marker || first.header.Extension {
		t.Errorf("header %+v", first.header)
	}
	if !bytes.Equal(first.payload, []byte{0, 4, 4, 0xaa}) {
		t.Errorf("payload %x, want the original sequence number and payload", first.payload)
	}
	if first.header.SequenceNumber != 65535 || second.header.SequenceNumber != 0 {
		t.Errorf("numbers %d, %d: want their own, without gaps", first.header.SequenceNumber, second.header.SequenceNumber)
	}
}

func TestWithoutRTXThePacketItselfIsSent(t *testing.T) {
	r, _, sent, _ := setUp(0)
	r.Resend(nack(4), 0)
	if got := (*sent)[0]; got.header.SSRC != 1 || got.header.SequenceNumber != 4 || !bytes.Equal(got.payload, []byte{4, 0xaa}) {
		t.Errorf("got %+v", got)
	}
}

func TestASecondCopyWaitsForARoundTrip(t *testing.T) {
	r, now, _, _ := setUp(2)
	steps := []struct {
		move time.Duration
		want int
	}{{0, 1}, {30 * time.Millisecond, 0}, {55 * time.Millisecond, 1}}
	for i, step := range steps {
		*now = now.Add(step.move)
		if n := r.Resend(nack(4), 100*time.Millisecond); n != step.want {
			t.Errorf("step %d: sent %d, want %d", i, n, step.want)
		}
	}
}

func TestTheHistoryIsBounded(t *testing.T) {
	r, now, _, bound := setUp(2)
	if n := r.Resend(nack(11, 5000), 0); n != 0 {
		t.Errorf("sent %d packets that never were", n)
	}
	if n := r.Resend(&rtcp.TransportLayerNack{MediaSSRC: 9, Nacks: nack(4).Nacks}, 0); n != 0 {
		t.Errorf("sent %d packets of another stream", n)
	}
	_, _ = bound.Write(&rtp.Header{Version: 2, SSRC: 1, SequenceNumber: 4 + historySize}, []byte{1}, nil)
	if n := r.Resend(nack(4), 0); n != 0 {
		t.Error("sent a packet whose place was taken")
	}
	*now = now.Add(maxAge + time.Millisecond)
	if n := r.Resend(nack(5), 0); n != 0 {
		t.Error("sent a packet that is too old")
	}
}

func TestForgottenPacketsDoNotComeAfterAll(t *testing.T) {
	r, _, _, _ := setUp(2)
	r.Forget()
	if n := r.Resend(nack(4), 0); n != 0 {
		t.Error("sent a packet that was forgotten")
	}
}
