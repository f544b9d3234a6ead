package host

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/stream"
)

func TestARequestForAPictureWakesTheEncoder(t *testing.T) {
	b := newBench(t, engineOptions)
	woken := make(chan uint32, 1000)
	if err := b.host.SetWake(b.stream, func(flags uint32) { woken <- flags }); err != nil {
		t.Fatal(err)
	}
	await := func(flag uint32, again func()) {
		t.Helper()
		deadline := time.After(patience)
		repeat := time.NewTicker(100 * time.Millisecond)
		defer repeat.Stop()
		for {
			select {
			case flags := <-woken:
				if flags&flag != 0 {
					return
				}
			case <-repeat.C:
				if again != nil {
					again()
				}
			case <-deadline:
				t.Fatalf("no wake with flag %d", flag)
			}
		}
	}
	v := b.newViewer(viewerConfig{}).connect()
	await(abi.WakeKeyframe, nil) // it is new
	push := func(keyframe bool, number int64) abi.SinkResult {
		t.Helper()
		result, err := b.host.Push(b.stream, picture(keyframe, 3000, number))
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	if got := push(false, 1); got&abi.SinkKeyframeWanted == 0 {
		t.Errorf("before the first keyframe the sink answers %d", got)
	}
	if got := push(true, 2); got != 0 {
		t.Errorf("after the keyframe the sink answers %d", got)
	}
	ssrc := uint32((<-v.tracks).SSRC())
	for name, request := range map[string]rtcp.Packet{
		"PLI": &rtcp.PictureLossIndication{MediaSSRC: ssrc},
		"FIR": &rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc}}},
	} {
		ask := func() {
			if err := v.pc.WriteRTCP([]rtcp.Packet{request}); err != nil {
				t.Error(err)
			}
		}
		ask()
		// Though nothing is pushed: a still desktop. A request within a round trip of the keyframe
		// before is taken to be older than it, so it is repeated, as browsers do.
		await(abi.WakeKeyframe, ask)
		if got := push(false, 3); got != abi.SinkKeyframeWanted {
			t.Errorf("after %s the sink answers %d", name, got)
		}
		if got := push(true, 4); got != 0 {
			t.Errorf("after %s and its keyframe the sink answers %d", name, got)
		}
	}
	b.until("count of requests", func(all []event) bool {
		plis, firs := uint64(0), uint64(0)
		for _, r := range feedbackOf(t, v.handle, all) {
			plis, firs = plis+r.PLIs, firs+r.FIRs
		}
		return plis >= 1 && firs >= 1
	})
	if err := b.host.ClosePeer(v.handle, 0); err != nil {
		t.Fatal(err)
	}
	await(abi.WakeViewers, nil)
	if got := push(true, 5); got != abi.SinkNoViewer {
		t.Errorf("with nobody there the sink answers %d", got)
	}
}

func TestSeveralViewersWatchOnePush(t *testing.T) {
	b := newBench(t, engineOptions)
	viewers := []*viewer{b.newViewer(viewerConfig{}), b.newViewer(viewerConfig{}), b.newViewer(viewerConfig{})}
	b.encodeDuring(func() {
		for _, v := range viewers {
			v.connect()
			if kind := nalType(v.packet().Payload); kind != 7 {
				t.Errorf("a viewer starts with NAL type %d", kind)
			}
		}
		p, err := b.host.Peer(viewers[0].handle)
		if err != nil {
			t.Fatal(err)
		}
		p.SetVideo(false)
		for _, v := range viewers[1:] {
			for range 50 {
				v.packet()
			}
		}
		// What was on its way is over; nothing new comes.
		for len(viewers[0].packets) > 0 {
			<-viewers[0].packets
		}
		for range 50 {
			viewers[1].packet()
		}
		if n := len(viewers[0].packets); n > 0 {
			t.Errorf("%d packets came to a viewer whose video is off", n)
		}
		p.SetVideo(true)
		if kind := nalType(viewers[0].packet().Payload); kind != 7 {
			t.Errorf("after a pause a viewer starts with NAL type %d", kind)
		}
	})
}

func TestTimestampsFollowTheCapture(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{}).connect()
	for number := range int64(3) {
		if _, err := b.host.Push(b.stream, picture(true, 100, number)); err != nil {
			t.Fatal(err)
		}
	}
	var seen []uint32
	for len(seen) < 3 {
		p := v.packet()
		if len(seen) == 0 || seen[len(seen)-1] != p.Timestamp {
			seen = append(seen, p.Timestamp)
		}
		if !p.Marker {
			t.Error("a picture of one packet has no marker")
		}
	}
	for i := range 2 {
		if step := seen[i+1] - seen[i]; step != 1500 && step != 1501 {
			t.Errorf("pictures 16.667 ms apart are %d ticks of 90 kHz apart, want 1500", step)
		}
	}
}

func TestAnICERestartKeepsTheVideo(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{})
	b.encodeDuring(func() {
		v.connect()
		v.packet()
		before := v.pc.RemoteDescription().SDP
		answer := v.negotiate(&webrtc.OfferOptions{ICERestart: true})
		if ufrag(before) == ufrag(answer) {
			t.Error("the answer has the old ICE credentials")
		}
		b.until("path after the restart", func(all []event) bool {
			paths := 0
			for _, e := range all {
				if e.kind == abi.EventPath {
					paths++
				}
			}
			return paths >= 2
		})
		for len(v.packets) > 0 {
			<-v.packets
		}
		for range 100 {
			v.packet()
		}
	})
}

func TestAStillPictureIsRenewedWhenThePathComesBack(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{}).connect()
	if _, err := b.host.Push(b.stream, picture(true, 3000, 1)); err != nil {
		t.Fatal(err)
	}
	woken := make(chan uint32, 1000)
	if err := b.host.SetWake(b.stream, func(flags uint32) { woken <- flags }); err != nil {
		t.Fatal(err)
	}
	v.negotiate(&webrtc.OfferOptions{ICERestart: true})
	deadline := time.After(patience)
	for {
		select {
		case flags := <-woken:
			if flags&abi.WakeKeyframe != 0 {
				return
			}
		case <-deadline:
			t.Fatal("nobody asked for a keyframe")
		}
	}
}

func ufrag(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=ice-ufrag:")
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

func TestAViewerThatVanishesIsSeen(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{})
	b.encodeDuring(func() {
		v.connect()
		if err := v.pc.Close(); err != nil {
			t.Fatal(err)
		}
		b.await("end", func(e event) bool {
			state := string(e.payload)
			return e.kind == abi.EventPeerState && (state == `{"state":"disconnected"}` || state == `{"state":"closed"}`)
		})
		// Whether by DTLS or by silence, nobody watches in the end.
		deadline := time.Now().Add(patience)
		for {
			result, err := b.host.Push(b.stream, picture(true, 100, 1))
			if err != nil {
				t.Fatal(err)
			}
			if result == abi.SinkNoViewer {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the sink answers %d with nobody there", result)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func TestReadingPausesWhileTheHostDoesNotPoll(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{noVideo: true}).connect()
	close(b.stop) // the pump ends
	b.host.Events.Wake()
	<-b.stopped
	const messages, size = 150, 60_000 // 9 MB, against a bound of 4
	sent := make(chan error, 1)
	go func() {
		for i := range messages {
			for v.channels[1].BufferedAmount() > 1<<20 {
				time.Sleep(time.Millisecond)
			}
			if err := v.channels[1].Send(fmt.Appendf(make([]byte, 0, size), "%0*d", size, i)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	// The queue fills to its bound and not beyond, however long nobody polls.
	deadline := time.Now().Add(patience)
	for {
		waiting, _ := b.host.Events.Len()
		if waiting >= 4<<20/size {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events wait", waiting)
		}
		time.Sleep(time.Millisecond)
	}
	for range 100 { // the sender goes on trying
		if waiting, _ := b.host.Events.Len(); waiting > 4<<20/size+60 {
			t.Fatalf("%d events wait, over the bound", waiting)
		}
		time.Sleep(time.Millisecond)
	}
	b.stop, b.stopped = make(chan struct{}), make(chan struct{})
	go b.pump()
	got := 0
	b.until("all messages in order", func(all []event) bool {
		got = 0
		for _, e := range all {
			if e.kind == abi.EventData {
				if want := fmt.Sprintf("\x00%0*d", size, got); string(e.payload) != want {
					t.Fatalf("message %d is not what was sent", got)
				}
				got++
			}
		}
		return got == messages
	})
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestCloseWhileReadingIsPaused(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{noVideo: true}).connect()
	close(b.stop)
	b.host.Events.Wake()
	<-b.stopped
	for range 100 {
		if err := v.channels[1].Send(make([]byte, 60_000)); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(patience)
	for waiting := 0; waiting < 4<<20/60_000; waiting, _ = b.host.Events.Len() {
		if time.Now().After(deadline) {
			t.Fatal("the queue does not fill")
		}
		time.Sleep(time.Millisecond)
	}
	closed := make(chan error, 1)
	go func() { closed <- b.host.ClosePeer(v.handle, 0) }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("close hangs")
	}
	b.stop, b.stopped = make(chan struct{}), make(chan struct{})
	go b.pump()
}

func TestSendLimits(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{noVideo: true})
	p, err := b.host.Peer(v.handle)
	if err != nil {
		t.Fatal(err)
	}
	send := func(channel uint16, size int) abi.Code { return abi.CodeOf(p.Send(channel, false, make([]byte, size))) }
	if got := send(1, 10); got != abi.State {
		t.Errorf("before it is open: %d", got)
	}
	v.connect()
	if got := send(4, 10); got != abi.InvalidArgument {
		t.Errorf("an unknown channel: %d", got)
	}
	if got := send(1, 70_000); got != abi.TooLarge {
		t.Errorf("too large: %d", got)
	}
	if err := p.SetRate(5); abi.CodeOf(err) != abi.InvalidArgument {
		t.Errorf("a rate of 5 bit/s: %v", err)
	}
	if err := p.SetRate(8_000_000); err != nil {
		t.Error(err)
	}
	full := abi.OK
	for range 2000 {
		if full = send(1, 60_000); full != abi.OK {
			break
		}
	}
	if full != abi.WouldBlock {
		t.Errorf("a full channel: %d", full)
	}
	if err := b.host.ClosePeer(v.handle, 0); err != nil {
		t.Fatal(err)
	}
	if got := send(1, 10); got != abi.Closed {
		t.Errorf("after close: %d", got)
	}
}

func TestCloseLetsChannelsDrain(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{noVideo: true}).connect()
	p, err := b.host.Peer(v.handle)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := p.Send(1, true, []byte("bye")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.host.ClosePeer(v.handle, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		select {
		case got := <-v.messages:
			if got != "1 true bye" {
				t.Errorf("got %q", got)
			}
		case <-time.After(patience):
			t.Fatal("a message was lost although it may drain")
		}
	}
	b.awaitState(v.handle, "closed")
}

func TestWrongHandles(t *testing.T) {
	b := newBench(t, engineOptions)
	peer, err := b.host.OpenPeer(b.engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, handle := range []int64{0, -1, 99999, b.engine + b.stream, peer << 8} {
		for name, err := range map[string]error{
			"CloseEngine": b.host.CloseEngine(handle), "CloseStream": b.host.CloseStream(handle),
			"ClosePeer": b.host.ClosePeer(handle, 0), "AddCandidate": b.host.AddCandidate(handle, []byte(`{"candidate":""}`)),
			"SetWake": b.host.SetWake(handle, nil),
			"Answer":  second(b.host.Answer(handle, "")), "OpenPeer": second(b.host.OpenPeer(handle, nil)),
			"OpenStream": second(b.host.OpenStream(handle, nil)), "Push": second(b.host.Push(handle, stream.Unit{})),
			"Peer": second(b.host.Peer(handle)),
		} {
			if abi.CodeOf(err) != abi.BadHandle {
				t.Errorf("%s(%d): %v, want BadHandle", name, handle, err)
			}
		}
	}
	for range 2 { // twice is fine
		if err := b.host.ClosePeer(peer, 0); err != nil {
			t.Error(err)
		}
		if err := b.host.CloseStream(b.stream); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.host.Answer(peer, "x"); abi.CodeOf(err) != abi.BadHandle {
		t.Errorf("a closed peer answers: %v", err)
	}
	if result, err := b.host.Push(b.stream, picture(true, 10, 1)); result != abi.SinkClosed || err != nil {
		t.Errorf("push to a closed stream: %d, %v", result, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestMaxPeers(t *testing.T) {
	b := newBench(t, `{"maxPeers":2,"mdns":false}`)
	var last int64
	for range 2 {
		handle, err := b.host.OpenPeer(b.engine, nil)
		if err != nil {
			t.Fatal(err)
		}
		last = handle
	}
	if _, err := b.host.OpenPeer(b.engine, nil); abi.CodeOf(err) != abi.State || !strings.Contains(err.Error(), "maxPeers") {
		t.Errorf("a third peer: %v", err)
	}
	if err := b.host.ClosePeer(last, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.host.OpenPeer(b.engine, nil); err != nil {
		t.Errorf("after one closed: %v", err)
	}
}

func TestEarlyCandidatesAreKeptAndBounded(t *testing.T) {
	b := newBench(t, engineOptions)
	peer, err := b.host.OpenPeer(b.engine, nil)
	if err != nil {
		t.Fatal(err)
	}
	candidate := []byte(`{"candidate":"candidate:1 1 udp 2130706431 127.0.0.1 9 typ host","sdpMid":"0"}`)
	for range 64 {
		if err := b.host.AddCandidate(peer, candidate); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.host.AddCandidate(peer, candidate); abi.CodeOf(err) != abi.WouldBlock {
		t.Errorf("the 65th: %v", err)
	}
}

// Each cycle leaves at another moment, so that every state is closed from.
func TestOpenAndCloseLeaveNothing(t *testing.T) {
	b := newBench(t, engineOptions)
	cycle := func(stage int) {
		v := b.newViewer(viewerConfig{})
		switch stage {
		case 0: // never offered
		case 1: // in the middle of connecting
			v.negotiate(nil)
		default:
			v.connect()
		}
		if err := b.host.ClosePeer(v.handle, 0); err != nil {
			t.Fatal(err)
		}
		if err := v.pc.GracefulClose(); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	ended := b.encode(stop)
	cycle(2)
	settled := goroutines(0)
	for i := range 21 {
		cycle(i % 3)
	}
	if left := goroutines(settled); left > settled {
		buffer := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before\n%s", left, settled, buffer[:runtime.Stack(buffer, true)])
	}
	close(stop)
	<-ended
}

// goroutines waits for the number to fall to want, and gives it.
func goroutines(want int) int {
	n := runtime.NumGoroutine()
	for range 200 {
		if n = runtime.NumGoroutine(); n <= want {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return n
}

func TestCloseTheEngineDuringEverything(t *testing.T) {
	b := newBench(t, engineOptions)
	stop := make(chan struct{})
	ended := b.encode(stop)
	a := b.newViewer(viewerConfig{}).connect()
	b.newViewer(viewerConfig{}).negotiate(nil)
	b.newViewer(viewerConfig{})
	if err := b.host.CloseEngine(b.engine); err != nil {
		t.Fatal(err)
	}
	b.awaitState(a.handle, "closed")
	if _, err := b.host.OpenPeer(b.engine, nil); abi.CodeOf(err) != abi.BadHandle {
		t.Errorf("a closed engine opens peers: %v", err)
	}
	close(stop)
	<-ended
}
