package host

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/pacer"
)

// setRate makes a viewer's path believed to be slow, or not.
func (v *viewer) setRate(bitsPerSecond uint64) {
	v.t.Helper()
	p, err := v.bench.host.Peer(v.handle)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := p.SetPace(pacer.Pace{BitsPerSecond: bitsPerSecond, Gain: 1.5}); err != nil {
		v.t.Fatal(err)
	}
}

func TestOneSlowViewerStopsTheEncoderUntilItHasDrained(t *testing.T) {
	b := newBench(t, engineOptions)
	drained := make(chan struct{}, 100)
	if err := b.host.SetWake(b.stream, func(flags uint32) {
		if flags&abi.WakeDrained != 0 {
			drained <- struct{}{}
		}
	}); err != nil {
		t.Fatal(err)
	}
	v := b.newViewer(viewerConfig{}).connect()
	v.setRate(1_000_000)
	number := int64(0)
	push := func(keyframe bool) abi.SinkResult {
		t.Helper()
		number++
		result, err := b.host.Push(b.stream, picture(keyframe, 3000, number))
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	push(true)
	// 15 kB may burst and 9 kB wait 50 ms; a picture of 3 kB takes 16 ms to leave.
	congested := false
	for range 1000 {
		if congested = push(false)&abi.SinkCongested != 0; congested {
			break
		}
	}
	if !congested {
		t.Fatal("the sink never says CONGESTED")
	}
	select {
	case <-drained:
	case <-time.After(patience):
		t.Fatal("no wake when drained")
	}
	if got := push(false); got != 0 {
		t.Errorf("after it drained the sink answers %d", got)
	}
	// An encoder that does not listen: what waits too long is dropped, up to a new keyframe.
	wanted := false
	for range 100 {
		wanted = wanted || push(false)&abi.SinkKeyframeWanted != 0
	}
	deadline := time.Now().Add(patience)
	for !wanted && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
		wanted = push(false)&abi.SinkKeyframeWanted != 0
	}
	if !wanted {
		t.Fatal("a queue that ran over asks for no keyframe")
	}
}

// A keyframe that takes longer to leave than anything else may wait must not be dropped for it.
func TestALargeKeyframeOnASlowPathArrivesWhole(t *testing.T) {
	b := newBench(t, engineOptions)
	flags := make(chan uint32, 1000)
	v := b.newViewer(viewerConfig{}).connect()
	v.setRate(500_000)
	if err := b.host.SetWake(b.stream, func(raised uint32) { flags <- raised }); err != nil {
		t.Fatal(err)
	}
	if result, err := b.host.Push(b.stream, picture(true, 80_000, 1)); err != nil || result != abi.SinkCongested {
		t.Fatalf("the keyframe: %d, %v", result, err)
	}
	// Those that were being encoded when the sink said CONGESTED.
	for number := range int64(3) {
		if result, err := b.host.Push(b.stream, picture(false, 500, number+2)); err != nil || result != abi.SinkCongested {
			t.Fatalf("a delta behind it: %d, %v", result, err)
		}
	}
	pictures := 0
	for last := v.packet(); pictures < 4; {
		if last.Marker {
			pictures++
		}
		if pictures < 4 {
			next := v.packet()
			if next.SequenceNumber != last.SequenceNumber+1 {
				t.Fatalf("packet %d came after %d", next.SequenceNumber, last.SequenceNumber)
			}
			last = next
		}
	}
	raised := uint32(0)
	for deadline := time.After(patience); raised&abi.WakeDrained == 0; {
		select {
		case more := <-flags:
			raised |= more
		case <-deadline:
			t.Fatal("no wake when drained")
		}
	}
	if result, err := b.host.Push(b.stream, picture(false, 500, 9)); err != nil || result != abi.SinkOK {
		t.Errorf("afterwards: %d, %v", result, err)
	}
}

func TestASlowViewerAmongOthersSkipsForItself(t *testing.T) {
	b := newBench(t, engineOptions)
	slow, fast := b.newViewer(viewerConfig{}), b.newViewer(viewerConfig{})
	stop := make(chan struct{})
	results := make(chan abi.SinkResult, 100_000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		wanted := true
		for number := int64(0); ; number++ {
			result, err := b.host.Push(b.stream, picture(wanted, 3000, number)) // 4.8 Mbit/s
			if err != nil {
				t.Error(err)
				return
			}
			results <- result
			wanted = result&abi.SinkKeyframeWanted != 0
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
		}
	}()
	slow.connect()
	slow.packet()
	fast.connect()
	fast.packet()
	slow.setRate(300_000)
	for len(results) > 0 {
		<-results
	}
	for range 1200 { // over two seconds at 200 pictures of three packets
		fast.packet()
	}
	congested, total := 0, 0
	for len(results) > 0 {
		total++
		if <-results&abi.SinkCongested != 0 {
			congested++
		}
	}
	// A loaded machine may hold the fast one's goroutine up for a moment, but not for long.
	if congested > total/4 {
		t.Errorf("%d of %d pushes say CONGESTED for one of two viewers", congested, total)
	}
	if waiting := len(slow.packets); waiting > 700 {
		t.Errorf("%d packets reached the slow viewer", waiting)
	}
	slow.setRate(50_000_000)
	// Then no picture is left out any more: 16.667 ms apart, in ticks of 90 kHz.
	whole, last := 0, slow.packet().Timestamp
	for whole < 200 {
		switch step := slow.packet().Timestamp - last; {
		case step == 0:
			continue
		case step <= 1501:
			whole++
			last += step
		default:
			whole = 0
			last += step
		}
	}
	close(stop)
	<-ended
}

// A browser reports 15 times a second, on what has arrived; a viewer of its own making may do it as fast as it can.
func TestReportsWithoutEndAreToldOfAHundredTimesASecond(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{})
	b.encodeDuring(func() {
		v.connect()
		v.fresh(20)
		ssrc := uint32((<-v.tracks).SSRC())
		begun := time.Now()
		before := b.arrivals(v.handle)
		for sequence := range uint16(3000) {
			chunk := &rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketNotReceived, RunLength: 1}
			_ = v.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerCC{
				Header:    rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 4},
				MediaSSRC: ssrc, BaseSequenceNumber: sequence, PacketStatusCount: 1, PacketChunks: []rtcp.PacketStatusChunk{chunk},
			}})
		}
		seen := b.reports(v.handle)
		b.repeat(func() {}, func() bool { return b.twcc(v.handle, seen) > 0 })
		told, most := b.arrivals(v.handle)-before, int(time.Since(begun)/(10*time.Millisecond))+20
		if told == 0 || told > most {
			t.Errorf("%d events of arrivals in %s, want at most %d", told, time.Since(begun), most)
		}
	})
}

func (b *bench) arrivals(handle int64) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.kind == abi.EventArrivals && e.handle == handle {
			n++
		}
	}
	return n
}

// What is on the way is known by the viewer's reports, and each of them opens the window again.
func TestAWindowIsShutByWhatIsOnTheWayAndOpenedByReports(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{}).connect()
	p, err := b.host.Peer(v.handle)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetPace(pacer.Pace{BitsPerSecond: 100_000_000, Gain: 1.5, Window: 6000}); err != nil {
		t.Fatal(err)
	}
	congested := false
	for number := range int64(20) {
		result, err := b.host.Push(b.stream, picture(number == 0, 4000, number+1))
		if err != nil {
			t.Fatal(err)
		}
		congested = congested || result&abi.SinkCongested != 0
	}
	if !congested {
		t.Error("80 kB left at once through a window of 6 kB")
	}
	// At 100 Mbit/s nothing but the window held them: all come, report by report.
	for pictures := 0; pictures < 20; {
		if v.packet().Marker {
			pictures++
		}
	}
}
