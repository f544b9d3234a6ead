package events

import "github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"

// quantum is how many bytes of one lane go out before the next one's turn; at least one record does.
const quantum = 2 << 10

// lane is what waits of one handle, in order; logs have one of their own.
type lane struct {
	key    int64
	events []*event
	data   int // messages among them
	bytes  int // of those
	// space is closed and replaced when there is room for data again; whoever waits holds the one it saw.
	space chan struct{}
}

// logLane is no handle.
const logLane = -1

func (l *lane) full(c *Config) bool { return l.data >= c.MaxEvents || l.bytes >= c.MaxBytes }

func (l *lane) push(e *event) {
	l.events = append(l.events, e)
	if e.kind == abi.EventData {
		l.data++
		l.bytes += len(e.payload)
	}
}

func (l *lane) pop() *event {
	e := l.events[0]
	l.events[0] = nil
	l.events = l.events[1:]
	if e.kind == abi.EventData {
		l.data--
		l.bytes -= len(e.payload)
	}
	return e
}

// lanes are drained in turn, so that what one handle says never stands before what another has to say.
type lanes struct {
	byKey map[int64]*lane
	ring  []*lane // those that hold something, in turn; the first is next
}

func (l *lanes) push(key int64, e *event) {
	one := l.byKey[key]
	if one == nil {
		one = &lane{key: key, space: make(chan struct{})}
		l.byKey[key] = one
		l.ring = append(l.ring, one)
	}
	one.push(e)
}

// length is the number of events that wait.
func (l *lanes) length() (n int) {
	for _, one := range l.ring {
		n += len(one.events)
	}
	return n
}

// remove ends a lane that is empty.
func (l *lanes) remove(one *lane) {
	delete(l.byKey, one.key)
	close(one.space)
}

// take passes records to put, lane by lane, until put refuses one or nothing is left that may go. A record that
// was refused stays, and its lane is the next one's turn.
func (l *lanes) take(config *Config, put func(*event) bool) {
	for stuck := 0; len(l.ring) > stuck; {
		one := l.ring[0]
		was := one.full(config)
		refused, passed := false, false
		for spent := 0; len(one.events) > 0 && spent < quantum; {
			next := one.events[0]
			if next.render != nil {
				break // a statistic that came just now: the next poll has it
			}
			if !next.void {
				if refused = !put(next); refused {
					break
				}
				spent += next.recordSize()
			}
			one.pop()
			passed = true
		}
		if len(one.events) == 0 {
			l.ring = l.ring[1:]
			l.remove(one)
			continue
		}
		if was && !one.full(config) {
			close(one.space)
			one.space = make(chan struct{})
		}
		if refused {
			return
		}
		l.ring = append(l.ring[1:], one)
		if passed {
			stuck = 0
		} else {
			stuck++
		}
	}
}
