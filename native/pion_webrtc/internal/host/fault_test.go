package host

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

// Every edge from the sink to the socket and back, made to fail once and five times in a row, with a real Pion
// viewer at the other end: it gets pictures again, and the failure is told. What fails is an interceptor
// nearest the wire, which only tests put there.

// faulty fails as often as it is told to.
type faulty struct {
	left, failed atomic.Int64
}

func (f *faulty) fail(times int64) { f.failed.Store(0); f.left.Store(times) }

func (f *faulty) due() bool {
	if f.left.Add(-1) < 0 {
		f.left.Store(0)
		return false
	}
	f.failed.Add(1)
	return true
}

type brokenWire struct {
	interceptor.NoOp
	sendError, sendPanic, readError, readGarbage, readPanic faulty
}

var errBroken = errors.New("the socket is broken")

func (w *brokenWire) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		if w.sendPanic.due() {
			panic("the wire is broken")
		}
		if w.sendError.due() {
			return 0, errBroken
		}
		return next.Write(header, payload, attributes)
	})
}

func (w *brokenWire) BindRTCPReader(next interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(buffer []byte, attributes interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := next.Read(buffer, attributes)
		switch {
		case err != nil:
		case w.readError.due():
			return 0, nil, errBroken
		case w.readPanic.due():
			panic("the reader is broken")
		case w.readGarbage.due():
			return copy(buffer, []byte{0x81, 206, 0, 9, 1, 2}), attributes, nil
		}
		return n, attributes, err
	})
}

func newBrokenBench(t *testing.T) (*bench, *brokenWire) {
	t.Helper()
	wire := &brokenWire{}
	h := New()
	h.wire = func() interceptor.Interceptor { return wire }
	return newBenchOf(t, h, engineOptions), wire
}

// fresh empties what arrived and waits for n packets more; it gives how long that took.
func (v *viewer) fresh(n int) time.Duration {
	v.t.Helper()
	for len(v.packets) > 0 {
		<-v.packets
	}
	start := time.Now()
	for range n {
		v.packet()
	}
	return time.Since(start)
}

func TestWhatLeavesSurvivesFaults(t *testing.T) {
	for _, each := range []struct {
		name   string
		part   func(*brokenWire) *faulty
		told   string // by which part; "": what the socket refuses is lost like a packet on the way
		queued bool   // by the pacer's goroutine, not the encoder's
	}{
		{"a socket that refuses, on the pacer's goroutine", func(w *brokenWire) *faulty { return &w.sendError }, "", true},
		{"a socket that refuses, on the encoder's thread", func(w *brokenWire) *faulty { return &w.sendError }, "", false},
		{"a panic on the pacer's goroutine", func(w *brokenWire) *faulty { return &w.sendPanic }, "pacer", true},
		{"a panic on the encoder's thread", func(w *brokenWire) *faulty { return &w.sendPanic }, "track", false},
	} {
		t.Run(each.name, func(t *testing.T) {
			b, wire := newBrokenBench(t)
			v := b.newViewer(viewerConfig{})
			b.encodeDuring(func() {
				v.connect()
				v.fresh(20)
				if each.queued { // among others nobody's frames leave on the encoder's thread
					b.newViewer(viewerConfig{}).connect()
					v.fresh(20)
				}
				for _, times := range []int64{1, 5} {
					part := each.part(wire)
					part.fail(times)
					b.repeat(func() {}, func() bool { return part.failed.Load() == times })
					t.Logf("fault: %s, %d in a row: 20 packets more after %s", each.name, times, v.fresh(20).Round(time.Millisecond))
				}
				if each.told != "" {
					b.awaitFault(v.handle, each.told, "failing")
					b.awaitFault(v.handle, each.told, "recovered")
				}
			})
		})
	}
}

// After the fault the viewer's requests are heard as before, and so is how its path is.
func TestWhatIsReadSurvivesFaults(t *testing.T) {
	for _, each := range []struct {
		name string
		part func(*brokenWire) *faulty
	}{
		{"a read that fails", func(w *brokenWire) *faulty { return &w.readError }},
		{"a packet that is no RTCP", func(w *brokenWire) *faulty { return &w.readGarbage }},
		{"a panic of the reader", func(w *brokenWire) *faulty { return &w.readPanic }},
	} {
		t.Run(each.name, func(t *testing.T) {
			b, wire := newBrokenBench(t)
			v := b.newViewer(viewerConfig{})
			b.encodeDuring(func() {
				v.connect()
				v.fresh(20)
				ssrc := uint32((<-v.tracks).SSRC())
				for _, times := range []int64{1, 5} {
					part := each.part(wire)
					part.fail(times)
					b.repeat(func() {}, func() bool { return part.failed.Load() == times })
					b.awaitFault(v.handle, "rtcp reader", "failing")
					start := time.Now()
					seen := b.reports(v.handle)
					b.repeat(func() {
						_ = v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
					}, func() bool { return b.plis(v.handle, seen) > 0 && b.twcc(v.handle, seen) > 0 })
					t.Logf("fault: %s, %d in a row: heard again after %s", each.name, times, time.Since(start).Round(time.Millisecond))
				}
				b.awaitFault(v.handle, "rtcp reader", "recovered")
			})
		})
	}
}

func (b *bench) reports(handle int64) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(feedbackOf(b.t, handle, b.events))
}

func (b *bench) plis(handle int64, from int) (n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range feedbackOf(b.t, handle, b.events)[from:] {
		n += r.PLIs
	}
	return n
}

func (b *bench) twcc(handle int64, from int) (n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range feedbackOf(b.t, handle, b.events)[from:] {
		n += r.TWCCReports
	}
	return n
}

// What the packetiser refuses is an error of the push, by which the encoder knows; the next unit goes out.
func TestTheStreamSurvivesAUnitThatIsNone(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{}).connect()
	for _, times := range []int{1, 5} {
		for range times {
			if _, err := b.host.Push(b.stream, stream.Unit{Data: []byte{1, 2, 3}}); abi.CodeOf(err) != abi.InvalidArgument {
				t.Errorf("no H.264: %v", err)
			}
		}
		start := time.Now()
		b.encodeDuring(func() { v.packet() })
		t.Logf("fault: a unit that is none, %d in a row: a packet after %s", times, time.Since(start).Round(time.Millisecond))
	}
}

// A viewer that asks for a picture with every packet does not turn the stream into keyframes.
func TestAFloodOfPictureRequestsCostsAFewKeyframes(t *testing.T) {
	b := newBench(t, engineOptions)
	flooder, other := b.newViewer(viewerConfig{}), b.newViewer(viewerConfig{})
	b.encodeDuring(func() {
		flooder.connect()
		other.connect()
		other.fresh(20)
		ssrc := uint32((<-flooder.tracks).SSRC())
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					_ = flooder.pc.WriteRTCP([]rtcp.Packet{
						&rtcp.PictureLossIndication{MediaSSRC: ssrc},
						&rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc}}},
					})
					time.Sleep(time.Millisecond)
				}
			}
		}()
		start, keyframes, pictures := time.Now(), 0, 0
		for pictures < 1000 {
			p := other.packet()
			if p.Marker {
				pictures++
			}
			if nalType(p.Payload) == 7 {
				keyframes++
			}
		}
		close(stop)
		<-stopped
		// Two may still be on the way from the start; then four at once at most, and one in two seconds.
		if most := 6 + int(time.Since(start)/(2*time.Second)); keyframes > most {
			t.Errorf("%d keyframes in %d pictures and %s, want at most %d", keyframes, pictures, time.Since(start), most)
		}
		t.Logf("%d keyframes in %d pictures and %s", keyframes, pictures, time.Since(start).Round(time.Millisecond))
	})
}
