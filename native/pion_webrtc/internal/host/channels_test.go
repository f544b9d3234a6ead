package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/pacer"
)

func TestDataGoesBothWays(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{}).connect()
	p, err := b.host.Peer(v.handle)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send(abi.ChannelControl, true, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-v.messages:
		if got != `1 true {"type":"ping"}` {
			t.Errorf("the viewer got %q", got)
		}
	case <-time.After(patience):
		t.Fatal("nothing reached the viewer")
	}
	p.SetInput(true)
	for id, channel := range v.channels {
		if err := channel.Send([]byte{byte(id), 9}); err != nil {
			t.Fatal(err)
		}
		b.await("message", func(e event) bool {
			return e.kind == abi.EventData && e.handle == v.handle && e.channel == id && bytes.Equal(e.payload, []byte{0, byte(id), 9})
		})
	}
	if err := v.channels[1].SendText("hé"); err != nil {
		t.Fatal(err)
	}
	b.await("text", func(e event) bool {
		return e.kind == abi.EventData && e.channel == 1 && string(e.payload) == "\x01hé"
	})
}

func TestReadingPausesWhileTheHostDoesNotPoll(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{noVideo: true}).connect()
	close(b.stop) // the pump ends
	b.host.Events.Wake()
	<-b.stopped
	const messages, size = 150, 60_000 // 9 MB, against a bound of 1
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
		if waiting >= 1<<20/size {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events wait", waiting)
		}
		time.Sleep(time.Millisecond)
	}
	for range 100 { // the sender goes on trying
		if waiting, _ := b.host.Events.Len(); waiting > 1<<20/size+60 {
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
	for waiting := 0; waiting < 1<<20/60_000; waiting, _ = b.host.Events.Len() {
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
	if err := p.SetPace(pacer.Pace{BitsPerSecond: 5, Gain: 1}); abi.CodeOf(err) != abi.InvalidArgument {
		t.Errorf("a rate of 5 bit/s: %v", err)
	}
	if err := p.SetPace(pacer.Pace{BitsPerSecond: 8_000_000, Gain: 1}); err != nil {
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

func TestInputOfAViewerWithoutControlIsDroppedWhereItIsRead(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{noVideo: true}).connect()
	for _, id := range []uint16{abi.ChannelInput, abi.ChannelPointer} {
		if err := v.channels[id].Send([]byte("dropped")); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.channels[abi.ChannelInput].SendText("dropped"); err != nil {
		t.Fatal(err)
	}
	p, err := b.host.Peer(v.handle)
	if err != nil {
		t.Fatal(err)
	}
	b.repeat(func() {}, func() bool { return p.DroppedInput() == 3 })
	p.SetInput(true)
	for _, id := range []uint16{abi.ChannelInput, abi.ChannelPointer} {
		if err := v.channels[id].Send([]byte("kept")); err != nil {
			t.Fatal(err)
		}
		b.await("message", func(e event) bool { return e.kind == abi.EventData && e.channel == id && e.handle == v.handle })
	}
	p.SetInput(false)
	if b.has(func(e event) bool { return e.kind == abi.EventData && bytes.Contains(e.payload, []byte("dropped")) }) {
		t.Error("a message from before control was passed on")
	}
}

// A watcher sends 4096 messages and more, nobody polls for a while: the controller's key is among the first.
func TestAWatchersFloodDoesNotStandBeforeTheControllersKey(t *testing.T) {
	b := newBench(t, engineOptions)
	watcher, controller := b.newViewer(viewerConfig{noVideo: true}).connect(), b.newViewer(viewerConfig{noVideo: true}).connect()
	p, err := b.host.Peer(controller.handle)
	if err != nil {
		t.Fatal(err)
	}
	p.SetInput(true)
	close(b.stop)
	b.host.Events.Wake()
	<-b.stopped
	for _, id := range []uint16{abi.ChannelInput, abi.ChannelControl} { // the one it may use, too
		for range 4096 {
			if err := watcher.channels[id].Send(make([]byte, 24)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.repeat(func() {}, func() bool { waiting, _ := b.host.Events.Len(); return waiting >= 1024 })
	if err := controller.channels[abi.ChannelInput].Send([]byte("key")); err != nil {
		t.Fatal(err)
	}
	before := 0 // in the poll that brings it: earlier ones came while it was under way
	buffer := make([]byte, 16<<10)
	deadline := time.Now().Add(patience)
	for found := false; !found; {
		used, err := b.host.Events.Poll(buffer, 100*time.Millisecond)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("no key among the events: %v", err)
		}
		before = 0
		for at := 0; at < used && !found; {
			size := int(binary.LittleEndian.Uint32(buffer[at:]))
			found = bytes.HasSuffix(buffer[at:at+size], []byte("\x00key"))
			if !found && binary.LittleEndian.Uint16(buffer[at+4:]) == abi.EventData {
				before++
			}
			at += (size + 7) &^ 7
		}
	}
	// A turn of the watcher's, not the thousand that wait.
	if before > 100 {
		t.Errorf("%d messages of the watcher came before the key", before)
	}
	b.stop, b.stopped = make(chan struct{}), make(chan struct{})
	go b.pump()
}

// It sees the picture and can do nothing: better that it connects anew.
func TestAChannelThatEndsAloneEndsTheConnection(t *testing.T) {
	b := newBench(t, engineOptions)
	v := b.newViewer(viewerConfig{}).connect()
	if err := v.channels[abi.ChannelInput].Close(); err != nil {
		t.Fatal(err)
	}
	b.awaitState(v.handle, "closed")
	b.awaitFault(v.handle, "data channel", "ended")
}
