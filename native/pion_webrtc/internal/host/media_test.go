package host

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

func TestAViewerGetsVideoThatBeginsWithAKeyframe(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{})
	b.encodeDuring(func() {
		v.connect()
		first := v.packet()
		if kind := nalType(first.Payload); kind != 7 {
			t.Errorf("the first packet carries NAL type %d, want SPS (7) of the keyframe", kind)
		}
		if v.delayID == 0 {
			t.Fatal("playout-delay was not negotiated")
		}
		for range 20 {
			if delay := v.packet().GetExtension(v.delayID); !bytes.Equal(delay, []byte{0, 0, 0}) {
				t.Fatalf("playout-delay is %v, want 0/0 on every packet", delay)
			}
		}
	})
}

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
	woken := make(chan uint32, 1000)
	if err := b.host.SetWake(b.stream, func(flags uint32) { woken <- flags }); err != nil {
		t.Fatal(err)
	}
	awaitWish := func(why string) {
		t.Helper()
		deadline := time.After(patience)
		for {
			select {
			case flags := <-woken:
				if flags&abi.WakeKeyframe != 0 {
					return
				}
			case <-deadline:
				t.Fatalf("nobody asked for a keyframe %s", why)
			}
		}
	}
	v := b.newViewer(viewerConfig{}).connect()
	awaitWish("at first")
	if result, err := b.host.Push(b.stream, picture(true, 3000, 1)); err != nil || result != 0 {
		t.Fatalf("the keyframe was answered with %d, %v", result, err)
	}
	for len(woken) > 0 {
		<-woken
	}
	v.negotiate(&webrtc.OfferOptions{ICERestart: true})
	awaitWish("after the restart")
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
