// Package events is the one queue through which this library speaks to its host.
package events

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/guard"
)

// MaxWait bounds how long a poll blocks: a process cannot exit while a call is outstanding. Each
// return wakes the scheduler and its monitor, about fifty times, so shorter ones cost CPU.
const MaxWait = time.Second

// Config bounds a queue. Each handle has a lane of its own; a poll takes from them in turn, a few KB of
// each, so that one who floods comes no more often than the others. What happens at each bound:
//   - statistics coalesce: one waits per handle and type, and is rendered when it is taken;
//   - logs over MaxLogs: the oldest log is dropped and counted;
//   - data of one handle over MaxEvents or MaxBytes: its producer waits, which pauses reading from that
//     peer, and from no other;
//   - states are never dropped and never wait: their number is bounded by the number of peers, and faults are
//     told about once a second for each part.
type Config struct {
	MaxEvents int // messages of one handle
	MaxBytes  int // of those
	MaxLogs   int
	Micros    func() int64 // the monotonic clock
}

// Queue is safe for use by any goroutine; Poll by one at a time.
type Queue struct {
	config Config
	ready  chan struct{} // capacity 1: something to take, or a wake

	mu          sync.Mutex
	lanes       lanes
	stats       map[statKey]*event
	droppedLogs uint64
	polling     bool
	woken       bool
}

type statKey struct {
	kind   uint16
	handle int64
}

// New makes a queue.
func New(config Config) *Queue {
	return &Queue{
		config: config,
		ready:  make(chan struct{}, 1),
		lanes:  lanes{byKey: map[int64]*lane{}},
		stats:  map[statKey]*event{},
	}
}

// State adds an event that must not be lost.
func (q *Queue) State(kind, channel uint16, handle int64, payload []byte) {
	q.mu.Lock()
	q.add(&event{kind: kind, channel: channel, handle: handle, payload: payload})
	q.mu.Unlock()
	q.signal()
}

// Fault tells that a part of a handle is failing, recovered or ended.
func (q *Queue) Fault(handle int64, part, state string, times int, reason string) {
	payload, err := json.Marshal(struct {
		Part   string `json:"part"`
		State  string `json:"state"`
		Times  int    `json:"times"`
		Reason string `json:"reason"`
	}{part, state, times, reason})
	if err == nil {
		q.State(abi.EventFault, 0, handle, payload)
	}
}

// Data adds a message of a data channel. While its handle is over the bound it waits, for room or
// for done; false means that done came first and the message was not added.
func (q *Queue) Data(done <-chan struct{}, channel uint16, handle int64, payload []byte) bool {
	for {
		q.mu.Lock()
		one := q.lanes.byKey[handle]
		if one == nil || !one.full(&q.config) {
			q.add(&event{kind: abi.EventData, channel: channel, handle: handle, payload: payload})
			q.mu.Unlock()
			q.signal()
			return true
		}
		space := one.space
		q.mu.Unlock()
		select {
		case <-space:
		case <-done:
			return false
		}
	}
}

// Stat says that a statistic is there. render runs on the polling goroutine when it is taken, and
// may return nil for nothing to tell.
func (q *Queue) Stat(kind uint16, handle int64, render func() []byte) {
	key := statKey{kind, handle}
	q.mu.Lock()
	if waiting := q.stats[key]; waiting != nil {
		waiting.render = render
	} else {
		e := &event{kind: kind, handle: handle, render: render}
		q.add(e)
		q.stats[key] = e
	}
	q.mu.Unlock()
	q.signal()
}

// Log adds a line for the host's log.
func (q *Queue) Log(handle int64, level, message string) {
	payload, err := json.Marshal(struct {
		Level   string `json:"level"`
		Message string `json:"message"`
	}{level, message})
	if err != nil {
		return
	}
	q.mu.Lock()
	if logs := q.lanes.byKey[logLane]; logs != nil && len(logs.events) >= q.config.MaxLogs {
		logs.pop()
		q.droppedLogs++
	}
	q.add(&event{kind: abi.EventLog, handle: handle, payload: payload})
	q.mu.Unlock()
	q.signal()
}

// Poll writes whole records into buffer and gives the bytes used. It waits for the first one at
// most timeout (and never more than MaxWait); 0 means none came, or Wake was called.
func (q *Queue) Poll(buffer []byte, timeout time.Duration) (int, error) {
	q.mu.Lock()
	if q.polling {
		q.mu.Unlock()
		return 0, abi.Errorf(abi.State, "another poll is under way: one caller at a time")
	}
	q.polling = true
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.polling = false
		q.mu.Unlock()
	}()

	timer := time.NewTimer(min(max(timeout, 0), MaxWait))
	defer timer.Stop()
	for {
		used, woken, err := q.take(buffer)
		if used > 0 || woken || err != nil {
			return used, err
		}
		select {
		case <-q.ready:
		case <-timer.C:
			used, _, err := q.take(buffer)
			return used, err
		}
	}
}

// Wake makes the poll that waits, or the next one, return at once.
func (q *Queue) Wake() {
	q.mu.Lock()
	q.woken = true
	q.mu.Unlock()
	q.signal()
}

// Forget drops the statistics of a handle that closes.
func (q *Queue) Forget(handle int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for key, e := range q.stats {
		if key.handle == handle {
			e.render, e.void = nil, true
			delete(q.stats, key)
		}
	}
}

// Len is the number of events that wait, and how many logs were dropped so far.
func (q *Queue) Len() (waiting int, droppedLogs uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lanes.length(), q.droppedLogs
}

// renderStats makes the statistics that wait, without the lock: those who make them have locks of their
// own, under which they may log.
func (q *Queue) renderStats() {
	q.mu.Lock()
	waiting := make([]*event, 0, len(q.stats))
	renders := make([]func() []byte, 0, len(q.stats))
	for _, e := range q.stats {
		waiting, renders = append(waiting, e), append(renders, e.render)
	}
	q.mu.Unlock()
	payloads := make([][]byte, len(renders))
	for i, render := range renders {
		payloads[i] = q.render(waiting[i].handle, render)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range waiting {
		if e.void {
			continue // forgotten meanwhile
		}
		e.render, e.payload, e.void = nil, payloads[i], payloads[i] == nil
		delete(q.stats, statKey{e.kind, e.handle})
	}
}

// render gives nothing to tell when what makes the statistic panics: the queue goes on.
func (q *Queue) render(handle int64, render func() []byte) (payload []byte) {
	defer guard.Recover("statistics", func(where, what string) {
		q.Fault(handle, where, "failing", 1, what)
		payload = nil
	})
	return render()
}

func (q *Queue) take(buffer []byte) (used int, woken bool, err error) {
	q.renderStats()
	q.mu.Lock()
	defer q.mu.Unlock()
	woken, q.woken = q.woken, false
	q.lanes.take(&q.config, func(e *event) bool {
		size := e.recordSize()
		if used+size > len(buffer) {
			if used == 0 {
				err = abi.Errorf(abi.TooLarge, "the buffer of %d bytes cannot hold the next record of %d", len(buffer), size)
			}
			return false
		}
		e.put(buffer[used:])
		used += size
		return true
	})
	return used, woken, err
}

func (q *Queue) add(e *event) {
	e.time = q.config.Micros()
	key := e.handle
	if e.kind == abi.EventLog {
		key = logLane
	}
	q.lanes.push(key, e)
}

func (q *Queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
