package main

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"time"
)

// Side is what one direction did in one interval of the log.
type Side struct {
	InBytes       int     `json:"inBytes"`
	OutBytes      int     `json:"outBytes"`
	OutTCPBytes   int     `json:"outTcpBytes"`
	OutPackets    int     `json:"outPackets"`
	Overflowed    int     `json:"overflowed"`
	Lost          int     `json:"lost"`
	QueueBytes    int     `json:"queueBytes"`
	QueueMs       float64 `json:"queueMs"`
	RateBps       float64 `json:"rateBps"`
	CapacityBytes float64 `json:"capacityBytes"`
	DelayMs       float64 `json:"delayMs"`
	State         State   `json:"state"`
	WaitsUs       []int64 `json:"waitsUs"`
}

// Interval is one line of the log; its time is its end.
type Interval struct {
	Us   int64 `json:"us"` // CLOCK_MONOTONIC
	Down Side  `json:"down"`
	Up   Side  `json:"up"`
}

// Lateness says how far behind its due time a packet was handed on.
type Lateness struct {
	seen []int64 // microseconds
}

// Packets beyond these are not looked at: three minutes of a fast link are enough to judge by.
const latenessBound = 1 << 20

// Note adds one packet.
func (l *Lateness) Note(late time.Duration) {
	if len(l.seen) < latenessBound {
		l.seen = append(l.seen, late.Microseconds())
	}
}

// Summary is the last line of the log.
type Summary struct {
	Packets   int   `json:"packets"`
	LateP50Us int64 `json:"lateP50Us"`
	LateP99Us int64 `json:"lateP99Us"`
	LateMaxUs int64 `json:"lateMaxUs"`
}

// Summary of all that was noted.
func (l *Lateness) Summary() Summary {
	count := len(l.seen)
	if count == 0 {
		return Summary{}
	}
	slices.Sort(l.seen)
	return Summary{count, l.seen[count/2], l.seen[count*99/100], l.seen[count-1]}
}

// Log writes lines of JSON.
type Log struct {
	buffer *bufio.Writer
	lines  *json.Encoder
}

func newLog(to io.Writer) *Log {
	buffer := bufio.NewWriterSize(to, 1<<16)
	return &Log{buffer, json.NewEncoder(buffer)}
}

func (l *Log) write(line any) error {
	if err := l.lines.Encode(line); err != nil {
		return err
	}
	return l.buffer.Flush()
}

func sideOf(link *Link, now time.Duration) Side {
	counts := link.Take(now)
	bytes, wait := link.Queue(now)
	settings := link.Settings()
	waits := counts.WaitsUs
	if waits == nil {
		waits = []int64{}
	}
	return Side{
		InBytes: counts.InBytes, OutBytes: counts.OutBytes, OutTCPBytes: counts.OutTCPBytes,
		OutPackets: counts.OutPackets, Overflowed: counts.Overflowed, Lost: counts.Lost,
		QueueBytes: bytes, QueueMs: float64(wait.Microseconds()) / 1000,
		RateBps: settings.RateBps, CapacityBytes: counts.CapacityBytes,
		DelayMs: float64(settings.Delay.Microseconds()) / 1000, State: settings.State,
		WaitsUs: waits,
	}
}
