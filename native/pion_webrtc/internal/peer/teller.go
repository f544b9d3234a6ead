package peer

import (
	"encoding/json"
	"sync"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/events"
)

// teller puts a peer's events into the queue. The last one is the state 'closed'; whatever still runs
// then has nothing more to say.
type teller struct {
	queue  *events.Queue
	handle int64

	mu   sync.Mutex
	last string // state
}

// state tells a state that differs from the one before.
func (t *teller) state(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == state || t.last == "closed" {
		return
	}
	t.last = state
	t.put(abi.EventPeerState, 0, map[string]string{"state": state})
}

// say tells anything else.
func (t *teller) say(kind, channel uint16, payload any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != "closed" {
		t.put(kind, channel, payload)
	}
}

// end tells 'closed' if nobody did, and nothing after it.
func (t *teller) end() {
	t.state("closed")
	t.queue.Forget(t.handle)
}

func (t *teller) put(kind, channel uint16, payload any) {
	text, err := json.Marshal(payload)
	if err != nil {
		t.queue.Log(t.handle, "error", "an event could not be written: "+err.Error())
		return
	}
	t.queue.State(kind, channel, t.handle, text)
}
