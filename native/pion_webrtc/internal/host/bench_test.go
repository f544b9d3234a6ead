package host

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/feedback"
)

// patience bounds every wait for an event; no test sleeps it out unless it fails.
const patience = 30 * time.Second

const engineOptions = `{"includeLoopback":true,"interfaces":["lo"],"mdns":false,"udpPortMin":41000,"udpPortMax":41099}`

// bench is a host with its event pump, as native-capture runs one.
type bench struct {
	t       testing.TB
	host    *Host
	engine  int64
	stream  int64
	stop    chan struct{}
	stopped chan struct{}

	mu     sync.Mutex
	change chan struct{} // closed and replaced at every event
	events []event
	hooks  map[int64]func(event)
}

type event struct {
	kind, channel uint16
	handle        int64
	payload       []byte
}

func newBench(t testing.TB, options string) *bench {
	t.Helper()
	return newBenchOf(t, New(), options)
}

func newBenchOf(t testing.TB, host *Host, options string) *bench {
	t.Helper()
	b := &bench{
		t: t, host: host, stop: make(chan struct{}), stopped: make(chan struct{}),
		change: make(chan struct{}), hooks: map[int64]func(event){},
	}
	var err error
	if b.engine, err = b.host.OpenEngine([]byte(options)); err != nil {
		t.Fatal(err)
	}
	if b.stream, err = b.host.OpenStream(b.engine, nil); err != nil {
		t.Fatal(err)
	}
	go b.pump()
	t.Cleanup(b.close)
	return b
}

func (b *bench) close() {
	select {
	case <-b.stop:
		return
	default:
	}
	if err := b.host.CloseEngine(b.engine); err != nil {
		b.t.Error(err)
	}
	close(b.stop)
	b.host.Events.Wake()
	<-b.stopped
	if leaks := b.host.Leaks(); leaks.Engines+leaks.Streams+leaks.Peers != 0 {
		b.t.Errorf("left alive: %+v", leaks)
	}
}

func (b *bench) pump() {
	defer close(b.stopped)
	buffer := make([]byte, 256<<10)
	for {
		used, err := b.host.Events.Poll(buffer, 100*time.Millisecond)
		if err != nil {
			b.t.Error(err)
			return
		}
		for at := 0; at < used; {
			size := int(binary.LittleEndian.Uint32(buffer[at:]))
			e := event{
				kind:    binary.LittleEndian.Uint16(buffer[at+4:]),
				channel: binary.LittleEndian.Uint16(buffer[at+6:]),
				handle:  int64(binary.LittleEndian.Uint64(buffer[at+8:])),
				payload: append([]byte(nil), buffer[at+24:at+size]...),
			}
			at += (size + 7) &^ 7
			if e.kind == abi.EventLog {
				b.t.Logf("log: %s", e.payload)
			}
			b.mu.Lock()
			b.events = append(b.events, e)
			hook := b.hooks[e.handle]
			close(b.change)
			b.change = make(chan struct{})
			b.mu.Unlock()
			if hook != nil {
				hook(e)
			}
		}
		select {
		case <-b.stop:
			if used == 0 {
				return
			}
		default:
		}
	}
}

// await waits for an event that matches, past ones included.
func (b *bench) await(what string, match func(event) bool) event {
	b.t.Helper()
	deadline := time.After(patience)
	seen := 0
	for {
		b.mu.Lock()
		for ; seen < len(b.events); seen++ {
			if match(b.events[seen]) {
				e := b.events[seen]
				b.mu.Unlock()
				return e
			}
		}
		change := b.change
		b.mu.Unlock()
		select {
		case <-change:
		case <-deadline:
			b.t.Fatalf("no %s within %s", what, patience)
		}
	}
}

func (b *bench) awaitState(handle int64, state string) {
	b.t.Helper()
	b.await("state "+state, func(e event) bool {
		return e.kind == abi.EventPeerState && e.handle == handle && string(e.payload) == `{"state":"`+state+`"}`
	})
}

// awaitFault waits for a part's event.
func (b *bench) awaitFault(handle int64, part, state string) {
	b.t.Helper()
	start := fmt.Sprintf(`{"part":%q,"state":%q,`, part, state)
	b.await(part+" "+state, func(e event) bool {
		return e.kind == abi.EventFault && e.handle == handle && strings.HasPrefix(string(e.payload), start)
	})
}

// has says whether an event that matches came already.
func (b *bench) has(match func(event) bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.events, match)
}

// repeat does something, again and again, until a condition holds that nobody signals.
func (b *bench) repeat(act func(), met func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !met(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("not within %s", patience)
		}
		act()
	}
}

// until waits, looking again at every event, for a condition of what the events add up to.
func (b *bench) until(what string, met func(all []event) bool) {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		ok := met(b.events)
		change := b.change
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-deadline:
			b.t.Fatalf("no %s within %s", what, patience)
		}
	}
}

// feedback gives the feedback reports of a peer.
func feedbackOf(t testing.TB, handle int64, all []event) (reports []feedback.Report) {
	for _, e := range all {
		if e.kind == abi.EventFeedback && e.handle == handle {
			var r feedback.Report
			if err := json.Unmarshal(e.payload, &r); err != nil {
				t.Error(err)
			}
			reports = append(reports, r)
		}
	}
	return reports
}
