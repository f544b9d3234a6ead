package main

import (
	"math/rand/v2"
	"time"
)

// State says what a link does with packets.
type State string

const (
	// Up carries them.
	Up State = "up"
	// Hold carries nothing and keeps what the queue has room for: a radio that is away for a while.
	Hold State = "hold"
	// Drop loses what the queue holds and what arrives: a cable pulled out.
	Drop State = "drop"
)

// Settings of one direction. A rate of 0 is no limit.
type Settings struct {
	RateBps    float64
	Delay      time.Duration // one way, after the queue
	Jitter     time.Duration // uniform, up to so much more or less; order is kept
	JitterHold time.Duration // a drawn value stays this long; 0: each packet has its own
	QueueBytes int           // what does not fit is dropped; the packet being sent counts
	LossShare  float64       // of the packets that left the queue, 0..1
	LossBurst  float64       // mean length of a burst in packets (Gilbert); up to 1: each by itself
	State      State
}

// Counts of what happened since the last Take.
type Counts struct {
	InBytes, OutBytes     int
	OutTCPBytes           int // of OutBytes
	InPackets, OutPackets int
	Overflowed            int // packets that found the queue full, or the link in state Drop
	Lost                  int // packets lost by LossShare
	CapacityBytes         float64
	// Of each packet that left the queue: arrival to the end of its sending, microseconds.
	WaitsUs []int64
}

type queued struct {
	data    []byte
	arrived time.Duration
}

type flying struct {
	data []byte
	due  time.Duration
}

// Link is one direction: queue, bottleneck, loss, then delay. It knows no clock: each call is
// passed the time, from any zero, which must not go backwards.
type Link struct {
	settings Settings
	random   *rand.Rand
	at       time.Duration // all before this is done
	queue    []queued
	bytes    int     // in queue, the packet being sent included
	leftBits float64 // of the head of the queue
	flight   []flying
	counts   Counts
	inBurst  bool
	jitter   time.Duration
	jitterAt time.Duration
	drawn    bool
}

// NewLink makes a link whose accidents are those of the seed.
func NewLink(settings Settings, seed uint64) *Link {
	return &Link{settings: settings, random: rand.New(rand.NewPCG(seed, 1))}
}

// Set changes the settings from now on. What the queue holds stays, also beyond a smaller bound.
func (l *Link) Set(settings Settings, now time.Duration) {
	l.advance(now)
	if settings.State == Drop {
		l.counts.Overflowed += len(l.queue)
		l.queue, l.bytes = nil, 0
	}
	l.settings = settings
	l.drawn = false
}

// Settings that hold now.
func (l *Link) Settings() Settings { return l.settings }

// Push takes a packet; the link keeps the slice.
func (l *Link) Push(data []byte, now time.Duration) {
	l.advance(now)
	l.counts.InBytes += len(data)
	l.counts.InPackets++
	if l.settings.State == Drop || l.bytes+len(data) > l.settings.QueueBytes {
		l.counts.Overflowed++
		return
	}
	if len(l.queue) == 0 {
		l.leftBits = float64(len(data) * 8)
	}
	l.queue = append(l.queue, queued{data, now})
	l.bytes += len(data)
	l.advance(now)
}

// Pop returns the packet whose time has come, with that time; nil when there is none.
func (l *Link) Pop(now time.Duration) ([]byte, time.Duration) {
	l.advance(now)
	if len(l.flight) == 0 || l.flight[0].due > now {
		return nil, 0
	}
	first := l.flight[0]
	l.flight[0].data = nil
	l.flight = l.flight[1:]
	l.counts.OutBytes += len(first.data)
	l.counts.OutPackets++
	if isTCP(first.data) {
		l.counts.OutTCPBytes += len(first.data)
	}
	return first.data, first.due
}

// Next tells when Pop has something to do again; false: not before the next Push or Set.
func (l *Link) Next() (time.Duration, bool) {
	if len(l.flight) > 0 {
		return l.flight[0].due, true
	}
	if len(l.queue) == 0 || l.settings.State != Up {
		return 0, false
	}
	// the head has left the queue then, and is on its way
	return l.at + l.sendingTime(), true
}

// Queue tells what waits: bytes, and how long they take at the rate of now.
func (l *Link) Queue(now time.Duration) (int, time.Duration) {
	l.advance(now)
	if len(l.queue) == 0 || l.settings.RateBps == 0 {
		return l.bytes, 0
	}
	bits := l.leftBits + float64(l.bytes-len(l.queue[0].data))*8
	return l.bytes, time.Duration(bits / l.settings.RateBps * 1e9)
}

// Take returns the counts since the last call, up to now.
func (l *Link) Take(now time.Duration) Counts {
	l.advance(now)
	counts := l.counts
	l.counts = Counts{}
	return counts
}

func (l *Link) sendingTime() time.Duration {
	if l.settings.RateBps == 0 {
		return 0
	}
	return time.Duration(l.leftBits / l.settings.RateBps * 1e9)
}

// advance sends from the queue what could be sent until now.
func (l *Link) advance(now time.Duration) {
	if now <= l.at && l.settings.RateBps != 0 {
		return
	}
	if l.settings.State == Up {
		l.counts.CapacityBytes += l.settings.RateBps / 8 * (now - l.at).Seconds()
		for len(l.queue) > 0 {
			end := l.at + l.sendingTime()
			if end > now {
				l.leftBits -= l.settings.RateBps * (now - l.at).Seconds()
				break
			}
			l.at = end
			l.send()
		}
	}
	l.at = now
}

// send takes the head off the queue at l.at.
func (l *Link) send() {
	head := l.queue[0]
	l.queue[0].data = nil
	l.queue = l.queue[1:]
	l.bytes -= len(head.data)
	if len(l.queue) > 0 {
		l.leftBits = float64(len(l.queue[0].data) * 8)
	}
	l.counts.WaitsUs = append(l.counts.WaitsUs, (l.at - head.arrived).Microseconds())
	if l.loses() {
		l.counts.Lost++
		return
	}
	due := l.at + l.settings.Delay + l.drawJitter()
	if last := len(l.flight) - 1; last >= 0 && l.flight[last].due > due {
		due = l.flight[last].due
	}
	l.flight = append(l.flight, flying{head.data, max(due, l.at)})
}

// loses draws from Gilbert's two states: a burst ends with 1/length, and begins so often that the
// share comes out.
func (l *Link) loses() bool {
	share, burst := l.settings.LossShare, l.settings.LossBurst
	if share <= 0 {
		l.inBurst = false
		return false
	}
	if burst <= 1 || share >= 1 {
		return l.random.Float64() < share
	}
	if l.inBurst {
		l.inBurst = l.random.Float64() >= 1/burst
	} else {
		l.inBurst = l.random.Float64() < share/(1-share)/burst
	}
	return l.inBurst
}

func (l *Link) drawJitter() time.Duration {
	if l.settings.Jitter == 0 {
		return 0
	}
	if !l.drawn || l.at-l.jitterAt >= l.settings.JitterHold {
		l.jitter = time.Duration((l.random.Float64()*2 - 1) * float64(l.settings.Jitter))
		l.jitterAt, l.drawn = l.at, true
	}
	return l.jitter
}

func isTCP(packet []byte) bool {
	const tcp = 6
	return len(packet) >= 20 && packet[0]>>4 == 4 && packet[9] == tcp
}
