// Package feedback measures the path to one viewer out of what it reports.
package feedback

import (
	"math"
	"slices"
	"time"

	"github.com/pion/rtcp"
)

const (
	sentSize = 1 << 13 // packets remembered, a power of two: over a second at 60 Mbit/s
	// burstTime joins packets into one sample of delay: its least. Those that follow the first of a
	// burst wait for the burst itself, which says nothing about the queue that was there before it.
	burstTime = 3 * time.Millisecond
	rateSpan  = 500 * time.Millisecond
	rateLeast = 200 * time.Millisecond // less says nothing at the beginning
	rateIdle  = time.Second            // without acknowledgements for so long, no rate is known
)

// Estimator is pure: time is passed in, and it starts nothing. One goroutine at a time.
type Estimator struct {
	sent    [sentSize]sentPacket
	highest int64 // newest transport-wide sequence number, unwrapped
	started bool

	reference                    int64 // newest reference time, unwrapped
	referenced                   bool
	loss                         lossWindow
	base                         baseWindow
	burst                        delaySample   // the one that is being joined
	interval                     []delaySample // since the last report
	lately                       []delaySample // of trendSpan
	acked                        []ackedPacket // of rateSpan, by arrival
	lastAck                      time.Time
	firstAck                     time.Duration // arrival of the first packet ever
	rtt, jitter                  *float64
	lossRR                       *float64
	counts                       Report
	since                        time.Time
	told                         []toldPacket // since the last TakeArrivals
	newestTold                   int64
	sentBytes, ackedBytes        uint64 // totals since the beginning
	numberedBytes, toldBytes     uint64 // of numbered packets: all, and up to the newest that was told of
	receivedPackets, lostPackets uint64
	origin                       time.Time // zero of our side of the delays: the monotonic clock, since a wall clock is set
}

type sentPacket struct {
	sequence int64
	at       time.Time
	size     int
	total    uint64 // numbered bytes up to here, this packet's among them
	outcome  outcome
}

type outcome uint8

const (
	unknown outcome = iota
	lost
	received
)

type ackedPacket struct {
	arrival time.Duration
	size    int
}

// NewEstimator starts its first interval.
func NewEstimator(now time.Time) *Estimator {
	return &Estimator{since: now, origin: now, highest: -1, newestTold: -1}
}

// Sent books a packet that leaves, in bytes of RTP.
func (e *Estimator) Sent(now time.Time, sequence uint16, size int) {
	unwrapped := e.unwrap(sequence)
	e.highest = max(e.highest, unwrapped)
	if !e.started {
		e.newestTold = unwrapped - 1
	}
	e.numberedBytes += uint64(size)
	e.sentBytes += uint64(size)
	e.sent[unwrapped&(sentSize-1)] = sentPacket{sequence: unwrapped, at: now, size: size, total: e.numberedBytes}
	e.started = true
	e.counts.SentBytes += uint64(size)
	e.counts.SentPackets++
}

// Unnumbered books a packet that leaves without a transport-wide number.
func (e *Estimator) Unnumbered(size int) {
	e.sentBytes += uint64(size)
	e.counts.SentBytes += uint64(size)
	e.counts.SentPackets++
}

// unwrap finds the number nearest the newest that ends in sequence.
func (e *Estimator) unwrap(sequence uint16) int64 {
	if !e.started {
		return int64(sequence)
	}
	return e.highest + int64(int16(sequence-uint16(e.highest)))
}

// Transport takes transport-wide feedback. outage: of a long time of sending nothing had arrived.
func (e *Estimator) Transport(now time.Time, report *rtcp.TransportLayerCC) (wasOutage bool) {
	e.counts.TWCCReports++
	if !e.started {
		return false
	}
	var told []toldPacket
	for _, s := range statuses(report, e.unwrapReference(report.ReferenceTime)) {
		sequence := e.unwrap(s.sequence)
		if sequence < 0 {
			continue
		}
		e.toldUpTo(sequence)
		packet := &e.sent[sequence&(sentSize-1)]
		if packet.sequence != sequence || packet.at.IsZero() || packet.outcome == received {
			continue
		}
		if !s.received {
			if packet.outcome == unknown {
				packet.outcome = lost
				e.loss.current(now).lost++
				e.lostPackets++
				told = append(told, toldPacket{sent: packet.at, size: packet.size})
			}
			continue
		}
		if packet.outcome == lost {
			e.loss.found()
			e.lostPackets--
		} else {
			e.loss.current(now).received++
			told = append(told, toldPacket{packet.at, packet.size, true, s.timed, s.arrival})
		}
		e.receivedPackets++
		e.ackedBytes += uint64(packet.size)
		packet.outcome = received
		e.counts.AckedBytes += uint64(packet.size)
		e.lastAck = now
		if s.timed {
			if e.firstAck == 0 {
				e.firstAck = s.arrival
			}
			e.acked = append(e.acked, ackedPacket{s.arrival, packet.size})
			e.delay(now, packet.at, s.arrival)
		}
	}
	e.trim(now)
	for _, packet := range told {
		e.tellOf(packet)
	}
	return outage(told)
}

func (e *Estimator) unwrapReference(reference uint32) time.Duration {
	if !e.referenced {
		e.referenced = true
		e.reference = int64(reference)
	} else {
		// The difference, sign-extended from 24 bits.
		difference := (int64(reference) - e.reference) & (referenceWrap - 1)
		if difference >= referenceWrap/2 {
			difference -= referenceWrap
		}
		e.reference += difference
	}
	return time.Duration(e.reference) * referenceUnit
}

// delay takes one packet's sample. The clocks' offset is in it, and falls out against the base.
func (e *Estimator) delay(now, sent time.Time, arrival time.Duration) {
	sample := delaySample{sent, arrival - sent.Sub(e.origin)}
	gap := sent.Sub(e.burst.sent)
	if !e.burst.sent.IsZero() && gap >= 0 && gap < burstTime {
		e.burst.delay = min(e.burst.delay, sample.delay)
		last := len(e.lately) - 1
		if last >= 0 && e.lately[last].sent.Equal(e.burst.sent) {
			e.lately[last].delay = e.burst.delay
		}
		if last = len(e.interval) - 1; last >= 0 && e.interval[last].sent.Equal(e.burst.sent) {
			e.interval[last].delay = e.burst.delay
		}
	} else {
		e.burst = sample
		e.lately = append(e.lately, sample)
		e.interval = append(e.interval, sample)
	}
	e.base.add(now, sample.delay)
}

func (e *Estimator) trim(now time.Time) {
	e.lately = slices.DeleteFunc(e.lately, func(s delaySample) bool { return now.Sub(s.sent) > trendSpan+rateSpan })
	// Without reports being taken, the interval's samples are still bounded.
	if surplus := len(e.interval) - 1024; surplus > 0 {
		e.interval = slices.Delete(e.interval, 0, surplus)
	}
	if newest := e.newestArrival(); newest > 0 {
		e.acked = slices.DeleteFunc(e.acked, func(a ackedPacket) bool { return newest-a.arrival >= rateSpan })
	}
}

func (e *Estimator) newestArrival() (newest time.Duration) {
	for _, a := range e.acked {
		newest = max(newest, a.arrival)
	}
	return newest
}

// Receiver takes a receiver's report block on a stream of 90 kHz (RFC 3550, section 6.4.1).
func (e *Estimator) Receiver(now time.Time, block rtcp.ReceptionReport) {
	e.counts.ReceiverReports++
	e.lossRR = rounded(float64(block.FractionLost)/256, 4)
	e.jitter = rounded(float64(block.Jitter)/90, 2)
	if block.LastSenderReport == 0 {
		return
	}
	// In units of 1/65536 s; a clock that was set back gives nonsense, which is not taken.
	if rtt := ntp32(now) - block.LastSenderReport - block.Delay; rtt < 60<<16 {
		e.rtt = rounded(float64(rtt)*1000/65536, 2)
	}
}

// RTT is the newest round-trip time, 0 if unknown.
func (e *Estimator) RTT() time.Duration {
	if e.rtt == nil {
		return 0
	}
	return time.Duration(*e.rtt * float64(time.Millisecond))
}

// Repair counts NACK messages, and packets sent again.
func (e *Estimator) Repair(nacks, packets uint64) {
	e.counts.Nacks += nacks
	e.counts.RetransmittedPackets += packets
}

// Request counts requests for a keyframe.
func (e *Estimator) Request(plis, firs uint64) {
	e.counts.PLIs += plis
	e.counts.FIRs += firs
}

// Idle says whether nothing left and nothing was reported since the last report.
func (e *Estimator) Idle() bool {
	return e.counts.SentPackets == 0 && e.counts.TWCCReports == 0
}

// Take ends the interval and reports it.
func (e *Estimator) Take(now time.Time, pacerQueue time.Duration) Report {
	report := e.counts
	report.IntervalMs = *rounded(millis(now.Sub(e.since)), 1)
	report.RTTMs, report.JitterMs, report.LossFractionRR = e.rtt, e.jitter, e.lossRR
	report.LossFraction = e.loss.fraction(now)
	report.QueueDelayMs = e.queueDelay()
	report.DelayTrendMsPerS = trend(e.recent(now))
	report.ReceiveRateBps = e.receiveRate(now)
	report.PacerQueueMs = *rounded(millis(pacerQueue), 1)
	e.counts = Report{}
	e.interval = e.interval[:0]
	e.since = now
	return report
}

func (e *Estimator) queueDelay() *float64 {
	if len(e.interval) == 0 {
		return nil
	}
	delays := make([]time.Duration, len(e.interval))
	for i, sample := range e.interval {
		delays[i] = sample.delay
	}
	slices.Sort(delays)
	return rounded(millis(delays[len(delays)/2]-e.base.least()), 2)
}

// recent are the samples of the last trendSpan of sending that were reported on.
func (e *Estimator) recent(now time.Time) []delaySample {
	if len(e.lately) == 0 || now.Sub(e.lately[len(e.lately)-1].sent) > trendSpan {
		return nil
	}
	newest := e.lately[len(e.lately)-1].sent
	first := slices.IndexFunc(e.lately, func(s delaySample) bool { return newest.Sub(s.sent) <= trendSpan })
	return e.lately[max(first, 0):]
}

func (e *Estimator) receiveRate(now time.Time) *float64 {
	if e.lastAck.IsZero() || now.Sub(e.lastAck) > rateIdle {
		return nil
	}
	span := min(rateSpan, e.newestArrival()-e.firstAck)
	if span < rateLeast {
		return nil
	}
	bytes := 0
	for _, a := range e.acked {
		bytes += a.size
	}
	return rounded(float64(bytes)*8/span.Seconds(), 0)
}

// ntp32 is the middle of an NTP timestamp (RFC 3550, section 4), as sender reports carry it.
func ntp32(t time.Time) uint32 {
	const unixToNTP = 2_208_988_800
	seconds := uint64(t.Unix()) + unixToNTP
	fraction := uint64(t.Nanosecond()) << 16 / 1_000_000_000
	return uint32(seconds<<16 | fraction)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func rounded(value float64, digits int) *float64 {
	scale := math.Pow10(digits)
	value = math.Round(value*scale) / scale
	return &value
}
