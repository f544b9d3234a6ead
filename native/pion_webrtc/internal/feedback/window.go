package feedback

import (
	"slices"
	"time"
)

const (
	lossSpan    = time.Second     // loss is measured over at least this…
	lossPackets = 50              // …and so many packets, for one of five lost is not 20 % loss…
	lossLongest = 5 * time.Second // …but never over more than this
	slotTime    = 100 * time.Millisecond
	lossSlots   = int(lossLongest/slotTime) + 2

	baseSpan = 30 * time.Second // a path's base delay is its least of this time: clocks drift apart
	baseSlot = time.Second

	trendSpan    = time.Second
	trendSamples = 5
)

// lossWindow counts outcomes in slots of time, newest last.
type lossWindow struct {
	slots []lossSlot
}

type lossSlot struct {
	start          time.Time
	received, lost int
}

func (w *lossWindow) current(now time.Time) *lossSlot {
	if n := len(w.slots); n == 0 || now.Sub(w.slots[n-1].start) >= slotTime {
		w.slots = append(w.slots, lossSlot{start: now})
		if len(w.slots) > lossSlots {
			w.slots = slices.Delete(w.slots, 0, 1)
		}
	}
	return &w.slots[len(w.slots)-1]
}

// found takes back a loss: the packet came after all.
func (w *lossWindow) found() {
	for i := len(w.slots) - 1; i >= 0; i-- {
		if w.slots[i].lost > 0 {
			w.slots[i].lost--
			w.slots[i].received++
			return
		}
	}
}

func (w *lossWindow) fraction(now time.Time) *float64 {
	received, lost := 0, 0
	for i := len(w.slots) - 1; i >= 0; i-- {
		age := now.Sub(w.slots[i].start)
		if age > lossLongest || age > lossSpan+slotTime && received+lost >= lossPackets {
			break
		}
		received += w.slots[i].received
		lost += w.slots[i].lost
	}
	if received+lost == 0 {
		return nil
	}
	return rounded(float64(lost)/float64(received+lost), 4)
}

// baseWindow is the least one-way delay of baseSpan.
type baseWindow struct {
	slots []baseEntry
}

type baseEntry struct {
	start time.Time
	least time.Duration
}

func (w *baseWindow) add(now time.Time, delay time.Duration) {
	if n := len(w.slots); n == 0 || now.Sub(w.slots[n-1].start) >= baseSlot {
		w.slots = append(w.slots, baseEntry{now, delay})
		w.slots = slices.DeleteFunc(w.slots, func(e baseEntry) bool { return now.Sub(e.start) > baseSpan })
		return
	}
	last := &w.slots[len(w.slots)-1]
	last.least = min(last.least, delay)
}

func (w *baseWindow) least() time.Duration {
	least := w.slots[0].least
	for _, slot := range w.slots[1:] {
		least = min(least, slot.least)
	}
	return least
}

// delaySample is one burst's one-way delay, by the time of sending.
type delaySample struct {
	sent  time.Time
	delay time.Duration
}

// trend is the slope of a least-squares line through the samples, in ms per s.
func trend(samples []delaySample) *float64 {
	if len(samples) < trendSamples {
		return nil
	}
	origin := samples[0].sent
	var sumX, sumY, sumXX, sumXY float64
	for _, s := range samples {
		x, y := s.sent.Sub(origin).Seconds(), s.delay.Seconds()*1000
		sumX, sumY, sumXX, sumXY = sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	n := float64(len(samples))
	spread := n*sumXX - sumX*sumX
	if spread < 1e-9 {
		return nil
	}
	return rounded((n*sumXY-sumX*sumY)/spread, 2)
}
