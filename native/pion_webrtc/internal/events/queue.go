// Package events is the one queue through which this library speaks to its host.
package events

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

// MaxWait bounds how long a poll blocks: a process cannot exit while a call is outstanding. Each
// return wakes the scheduler and its monitor, about fifty times, so shorter ones cost CPU.
const MaxWait = time.Second

// Config bounds a queue. What happens at each bound:
//   - statistics coalesce: one waits per handle and type, and is rendered when it is taken;
//   - logs over MaxLogs: the oldest log is dropped and counted;
//   - data over MaxEvents or MaxBytes: its producer waits, which pauses reading from the network;
//   - states are never dropped and never wait: their number is bounded by the number of peers.
type Config struct {
	MaxEvents int
	MaxBytes  int
	MaxLogs   int
	Micros    func() int64 // the monotonic clock
}

// Queue is safe for use by any goroutine; Poll by one at a time.
type Queue struct {
	config Config
	ready  chan struct{} // capacity 1: something to take, or a wake

	mu          sync.Mutex
	events      []*event
	stats       map[statKey]*event
	bytes       int
	logs        int
	droppedLogs uint64
	polling     bool
	woken       bool
	space       chan struct{} // closed and replaced when room appears
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
		stats:  map[statKey]*event{},
		space:  make(chan struct{}),
	}
}

// State adds an event that must not be lost.
func (q *Queue) State(kind, channel uint16, handle int64, payload []byte) {
	q.mu.Lock()
	q.add(&event{kind: kind, channel: channel, handle: handle, payload: payload})
	q.mu.Unlock()
	q.signal()
}

// Data adds a message of a data channel. While the queue is over its bound it waits, for room or
// for done; false means that done came first and the message was not added.
func (q *Queue) Data(done <-chan struct{}, channel uint16, handle int64, payload []byte) bool {
	for {
		q.mu.Lock()
		if !q.full() {
			q.add(&event{kind: abi.EventData, channel: channel, handle: handle, payload: payload})
			q.mu.Unlock()
			q.signal()
			return true
		}
		space := q.space
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
	if q.logs >= q.config.MaxLogs {
		q.dropOldestLog()
	}
	q.logs++
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
	return len(q.events), q.droppedLogs
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
		payloads[i] = render()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, e := range waiting {
		if e.void {
			continue // forgotten meanwhile
		}
		e.render, e.payload, e.void = nil, payloads[i], payloads[i] == nil
		q.bytes += len(e.payload)
		delete(q.stats, statKey{e.kind, e.handle})
	}
}

func (q *Queue) take(buffer []byte) (used int, woken bool, err error) {
	q.renderStats()
	q.mu.Lock()
	defer q.mu.Unlock()
	woken, q.woken = q.woken, false
	taken := 0
	for _, e := range q.events {
		if e.render != nil {
			break // came just now: the next poll has it
		}
		if e.void {
			taken++
			continue
		}
		size := e.recordSize()
		if used+size > len(buffer) {
			if used == 0 {
				err = abi.Errorf(abi.TooLarge, "the buffer of %d bytes cannot hold the next record of %d", len(buffer), size)
			}
			break
		}
		e.put(buffer[used:])
		used += size
		taken++
	}
	for i := range taken {
		q.bytes -= len(q.events[i].payload)
		if q.events[i].kind == abi.EventLog {
			q.logs--
		}
		q.events[i] = nil
	}
	q.events = q.events[taken:]
	if taken > 0 && !q.full() {
		close(q.space)
		q.space = make(chan struct{})
	}
	return used, woken, err
}

func (q *Queue) add(e *event) {
	e.time = q.config.Micros()
	q.bytes += len(e.payload)
	q.events = append(q.events, e)
}

func (q *Queue) full() bool {
	return len(q.events) >= q.config.MaxEvents || q.bytes >= q.config.MaxBytes
}

func (q *Queue) dropOldestLog() {
	for i, e := range q.events {
		if e.kind == abi.EventLog {
			q.bytes -= len(e.payload)
			q.events = append(q.events[:i], q.events[i+1:]...)
			q.logs--
			q.droppedLogs++
			return
		}
	}
}

func (q *Queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
