package feedback

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

const (
	// maxTold bounds the packets that wait to be told of: a report of a browser has a hundred or two, so
	// only a host that has not listened for seconds loses the oldest. Each a burst of its own, they still fit
	// into the 128 KiB that hold any record.
	maxTold = 1 << 11
	// outageSpan of sending of which nothing arrived is no loss that a repair is for.
	outageSpan = 300 * time.Millisecond
)

// toldPacket is one of which a report has told for the first time.
type toldPacket struct {
	sent     time.Time
	size     int
	received bool
	timed    bool
	arrival  time.Duration
}

// Arrivals is the payload of PD_EVENT_ARRIVALS; docs/architecture.md has its table. Times in ms, sizes in
// bytes of RTP.
type Arrivals struct {
	AtMs            float64 `json:"atMs"`
	Bursts          []burst `json:"bursts"`
	InFlightBytes   uint64  `json:"inFlightBytes"`
	SentBytes       uint64  `json:"sentBytes"`
	AckedBytes      uint64  `json:"ackedBytes"`
	ReceivedPackets uint64  `json:"receivedPackets"`
	LostPackets     uint64  `json:"lostPackets"`
}

// JSON of the report.
func (a *Arrivals) JSON() []byte {
	if a == nil {
		return nil
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil
	}
	return text
}

// burst is sentMs, sentSpanMs, arrivalMs, arrivalSpanMs, delayMs, bytes, tailBytes, packets, lost: as an array,
// since there are hundreds a second. Where nothing arrived, what only an arrival tells is null.
type burst [9]*float64

// tellOf keeps a packet for the next Arrivals.
func (e *Estimator) tellOf(packet toldPacket) {
	if len(e.told) >= maxTold {
		e.told = append(e.told[:0], e.told[maxTold/2:]...)
	}
	e.told = append(e.told, packet)
}

// TakeArrivals gives what reports have told since the last call; nil: nothing.
func (e *Estimator) TakeArrivals(now time.Time) *Arrivals {
	if len(e.told) == 0 {
		return nil
	}
	arrivals := &Arrivals{
		AtMs: *rounded(millis(now.Sub(e.origin)), 3), InFlightBytes: e.InFlight(), SentBytes: e.sentBytes,
		AckedBytes: e.ackedBytes, ReceivedPackets: e.receivedPackets, LostPackets: e.lostPackets,
	}
	// A report on older packets may come after one on newer ones.
	slices.SortStableFunc(e.told, func(a, b toldPacket) int { return a.sent.Compare(b.sent) })
	for rest := e.told; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].sent.Sub(rest[0].sent) < burstTime {
			n++
		}
		arrivals.Bursts = append(arrivals.Bursts, e.burstOf(rest[:n]))
		rest = rest[n:]
	}
	e.told = e.told[:0]
	return arrivals
}

func (e *Estimator) burstOf(packets []toldPacket) burst {
	var first, last *toldPacket
	bytes, received, lost := 0, 0, 0
	delay := time.Duration(math.MaxInt64)
	for i := range packets {
		p := &packets[i]
		if !p.received {
			lost++
			continue
		}
		received++
		bytes += p.size
		if !p.timed {
			continue
		}
		if first == nil {
			first = p
		}
		last = p
		delay = min(delay, p.arrival-p.sent.Sub(e.origin))
	}
	count := func(n int) *float64 { return rounded(float64(n), 0) }
	found := burst{5: count(bytes), 6: count(0), 7: count(received), 8: count(lost)}
	found[0] = rounded(millis(packets[0].sent.Sub(e.origin)), 3)
	if first == nil {
		return found
	}
	found[0] = rounded(millis(first.sent.Sub(e.origin)), 3)
	found[1] = rounded(millis(last.sent.Sub(first.sent)), 3)
	found[2] = rounded(millis(first.arrival), 3)
	found[3] = rounded(millis(last.arrival-first.arrival), 3)
	found[4] = rounded(millis(delay), 3)
	found[6] = count(bytes - first.size)
	return found
}

// InFlight is how many bytes left of which no report has told yet, nor of a later one.
func (e *Estimator) InFlight() uint64 {
	if !e.started {
		return 0
	}
	return e.numberedBytes - e.toldBytes
}

// toldUpTo moves the newest packet that a report has told of.
func (e *Estimator) toldUpTo(sequence int64) {
	if sequence <= e.newestTold || sequence > e.highest {
		return
	}
	e.newestTold = sequence
	if packet := &e.sent[sequence&(sentSize-1)]; packet.sequence == sequence {
		e.toldBytes = packet.total
	}
}

// outage says whether, of what was told last, nothing arrived of a long time of sending.
func outage(told []toldPacket) bool {
	var since time.Time
	for _, packet := range told {
		switch {
		case packet.received:
			since = time.Time{}
		case since.IsZero():
			since = packet.sent
		case packet.sent.Sub(since) >= outageSpan:
			return true
		}
	}
	return false
}
