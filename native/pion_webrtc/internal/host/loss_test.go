package host

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/feedback"
)

// lossy drops first copies of media as they arrive at a viewer, and sees what the viewer reports.
type lossy struct {
	interceptor.NoOp
	drop func(sequence uint16) bool

	mu           sync.Mutex
	media        uint32
	dropped      int
	repaired     int
	reports      int
	repairMarked int // of those, transport-wide feedback that names another SSRC than the media's
}

func (l *lossy) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *lossy) BindRemoteStream(info *interceptor.StreamInfo, reader interceptor.RTPReader) interceptor.RTPReader {
	if info.MimeType == "video/rtx" {
		return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
			n, attributes, err := reader.Read(b, a)
			if err == nil {
				l.mu.Lock()
				l.repaired++
				l.mu.Unlock()
			}
			return n, attributes, err
		})
	}
	l.mu.Lock()
	l.media = info.SSRC
	l.mu.Unlock()
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := reader.Read(b, a)
			if err != nil {
				return n, attributes, err
			}
			var header rtp.Header
			if _, err := header.Unmarshal(b[:n]); err != nil || !l.drop(header.SequenceNumber) {
				return n, attributes, nil
			}
			l.mu.Lock()
			l.dropped++
			l.mu.Unlock()
		}
	})
}

func (l *lossy) BindRTCPWriter(writer interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, a interceptor.Attributes) (int, error) {
		l.mu.Lock()
		for _, packet := range packets {
			if report, ok := packet.(*rtcp.TransportLayerCC); ok {
				l.reports++
				if report.MediaSSRC != l.media {
					l.repairMarked++
				}
			}
		}
		l.mu.Unlock()
		return writer.Write(packets, a)
	})
}

func TestWhatIsLostComesAgain(t *testing.T) {
	b := newBench(t, engineOptions)
	link := &lossy{drop: func(sequence uint16) bool { return sequence%20 == 7 }}
	v := b.newViewer(viewerConfig{interceptors: []interceptor.Factory{link}})
	b.encodeDuring(func() {
		v.connect()
		first := v.packet().SequenceNumber
		missing := map[uint16]bool{}
		highest := first
		for arrived := 1; arrived < 800; arrived++ {
			sequence := v.packet().SequenceNumber
			for int16(sequence-highest) > 0 {
				highest++
				missing[highest] = highest != sequence
			}
			if int16(sequence-first) > 0 {
				missing[sequence] = false
			}
		}
		late := 0
		for sequence, gone := range missing {
			// The newest may be on their way still.
			if gone && int16(highest-sequence) > 200 {
				late++
			}
		}
		if late > 0 {
			t.Errorf("%d packets never came", late)
		}
		b.until("count of retransmissions", func(all []event) bool {
			again, nacks := uint64(0), uint64(0)
			for _, r := range feedbackOf(t, v.handle, all) {
				again, nacks = again+r.RetransmittedPackets, nacks+r.Nacks
			}
			return again >= 30 && nacks > 0
		})
	})
	link.mu.Lock()
	defer link.mu.Unlock()
	if link.dropped == 0 || link.repaired < link.dropped*8/10 {
		t.Errorf("dropped %d, RTX packets %d: want about as many", link.dropped, link.repaired)
	}
}

// Feedback that names the RTX SSRC must not be missed: it would read as the loss of all that it covers.
func TestFeedbackNamedAfterRetransmissionsCounts(t *testing.T) {
	b := newBench(t, engineOptions)
	link := &lossy{drop: func(sequence uint16) bool { return sequence%10 == 3 }}
	v := b.newViewer(viewerConfig{interceptors: []interceptor.Factory{link}})
	b.encodeDuring(func() {
		v.connect()
		b.until("enough feedback named after RTX", func(all []event) bool {
			link.mu.Lock()
			defer link.mu.Unlock()
			return link.repairMarked >= 5
		})
		reports := func(all []event) (last feedback.Report) {
			for _, r := range feedbackOf(t, v.handle, all) {
				last = r
			}
			return last
		}
		b.mu.Lock()
		last := reports(b.events)
		b.mu.Unlock()
		// One media packet in ten and no copy; a loaded machine may lose more.
		if last.LossFraction == nil || *last.LossFraction < 0.04 {
			t.Errorf("loss %v, want about 0.09", deref(last.LossFraction))
		}
	})
	// Nothing is pushed any more, so the viewer soon has nothing to report: each report must have come.
	b.until("all reports", func(all []event) bool {
		got := uint64(0)
		for _, r := range feedbackOf(t, v.handle, all) {
			got += r.TWCCReports
		}
		link.mu.Lock()
		defer link.mu.Unlock()
		return got == uint64(link.reports)
	})
}

func TestFeedbackTellsOfThePath(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{})
	b.encodeDuring(func() {
		v.connect()
		go func() { // the receiver must be read for its reports to be made
			for range v.packets {
			}
		}()
		b.until("full feedback", func(all []event) bool {
			for _, r := range feedbackOf(t, v.handle, all) {
				if r.RTTMs != nil && r.JitterMs != nil && r.LossFraction != nil && r.LossFractionRR != nil &&
					r.QueueDelayMs != nil && r.DelayTrendMsPerS != nil && r.ReceiveRateBps != nil &&
					r.SentBytes > 0 && r.SentPackets > 0 && r.AckedBytes > 0 && r.IntervalMs >= 50 {
					if *r.LossFraction > 0.5 || *r.RTTMs > float64(patience/time.Millisecond) || *r.QueueDelayMs < 0 {
						t.Errorf("loss %v, rtt %v, queue %v on loopback", *r.LossFraction, *r.RTTMs, *r.QueueDelayMs)
					}
					return true
				}
			}
			return false
		})
	})
}

func TestAnIdlePathIsToldOfSeldom(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{}).connect()
	if _, err := b.host.Push(b.stream, picture(true, 3000, 1)); err != nil { // nothing is missing then
		t.Fatal(err)
	}
	b.until("feedback of an idle path", func(all []event) bool {
		for _, r := range feedbackOf(t, v.handle, all) {
			if r.SentPackets == 0 && r.IntervalMs >= 900 {
				return true
			}
		}
		return false
	})
	b.encodeDuring(func() {
		b.until("feedback of a busy path", func(all []event) bool {
			busy := 0
			for _, r := range feedbackOf(t, v.handle, all) {
				if r.SentPackets > 0 && r.IntervalMs < 500 {
					busy++
				}
			}
			return busy >= 5
		})
	})
}

func deref(value *float64) any {
	if value == nil {
		return nil
	}
	return *value
}
