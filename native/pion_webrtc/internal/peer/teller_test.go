package peer

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/events"
)

func TestClosedIsTheLastWord(t *testing.T) {
	q := events.New(events.Config{MaxEvents: 100, MaxBytes: 1 << 20, MaxLogs: 10, Micros: func() int64 { return 0 }})
	tell := &teller{queue: q, handle: 5}
	tell.state("connecting")
	tell.state("connected")
	tell.state("connected")
	tell.say(abi.EventPath, 0, map[string]string{"local": "host"})
	q.Stat(abi.EventFeedback, 5, func() []byte { return []byte("{}") })
	tell.end()
	tell.end()
	tell.state("failed")
	tell.say(abi.EventCandidate, 0, map[string]string{"candidate": ""})

	buffer := make([]byte, 4096)
	used, err := q.Poll(buffer, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for at := 0; at < used; {
		size := int(binary.LittleEndian.Uint32(buffer[at:]))
		got = append(got, string(buffer[at+24:at+size]))
		at += (size + 7) &^ 7
	}
	want := []string{`{"state":"connecting"}`, `{"state":"connected"}`, `{"local":"host"}`, `{"state":"closed"}`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
