package feedback

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// path is a synthetic link: packets go in by time of sending, reports come out every 50 ms.
type path struct {
	t         *testing.T
	estimator *Estimator
	now       time.Time
	zero      time.Time // of the receiver's clock
	sequence  uint16
	pending   []onPath
	reports   int
	reference uint32 // added to every reference time, to wrap it
	delay     func(at time.Duration) time.Duration
	drop      func(sequence uint16) bool
}

type onPath struct {
	sequence uint16
	arrival  time.Time
	lost     bool
}

func newPath(t *testing.T) *path {
	start := time.Unix(2000, 0)
	return &path{
		t: t, estimator: NewEstimator(start), now: start, zero: start.Add(-time.Hour),
		delay: func(time.Duration) time.Duration { return 20 * time.Millisecond },
		drop:  func(uint16) bool { return false },
	}
}

// run sends bursts of packets 16 ms apart.
func (p *path) run(duration time.Duration, packets, size int) {
	start := p.now
	for n := 0; p.now.Sub(start) < duration; n++ {
		for range packets {
			p.estimator.Sent(p.now, p.sequence, size)
			p.pending = append(p.pending, onPath{
				p.sequence, p.now.Add(p.delay(p.now.Sub(start))), p.drop(p.sequence),
			})
			p.sequence++
			p.now = p.now.Add(100 * time.Microsecond)
		}
		p.now = p.now.Add(16*time.Millisecond - time.Duration(packets)*100*time.Microsecond)
		if n%3 == 2 {
			p.report()
		}
	}
}

// report tells of what arrived by now, as a browser does.
func (p *path) report() {
	cut := 0
	for i, each := range p.pending {
		if !each.lost && !each.arrival.After(p.now) {
			cut = i + 1
		}
	}
	if cut == 0 {
		return
	}
	batch := p.pending[:cut]
	p.pending = p.pending[cut:]
	var first time.Time
	for _, each := range batch {
		if !each.lost {
			first = each.arrival
			break
		}
	}
	ticks := first.Sub(p.zero) / referenceUnit
	feedback := &rtcp.TransportLayerCC{
		BaseSequenceNumber: batch[0].sequence, PacketStatusCount: uint16(len(batch)),
		ReferenceTime: (uint32(ticks) + p.reference) & (referenceWrap - 1),
	}
	last := p.zero.Add(ticks * referenceUnit)
	for _, each := range batch {
		symbol := rtcp.TypeTCCPacketNotReceived
		if !each.lost {
			symbol = rtcp.TypeTCCPacketReceivedLargeDelta
			delta := each.arrival.Sub(last).Microseconds()
			feedback.RecvDeltas = append(feedback.RecvDeltas, &rtcp.RecvDelta{Type: symbol, Delta: delta})
			last = each.arrival
		}
		feedback.PacketChunks = append(feedback.PacketChunks, &rtcp.RunLengthChunk{PacketStatusSymbol: symbol, RunLength: 1})
	}
	p.estimator.Transport(p.now, feedback)
	p.reports++
}

func near(t *testing.T, what string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil || math.Abs(*got-want) > tolerance {
		t.Errorf("%s is %v, want %v ± %v", what, show(got), want, tolerance)
	}
}

func show(value *float64) any {
	if value == nil {
		return nil
	}
	return *value
}

func TestNothingMeasuredIsNull(t *testing.T) {
	p := newPath(t)
	p.now = p.now.Add(100 * time.Millisecond)
	var got map[string]any
	if err := json.Unmarshal(p.estimator.Take(p.now, 0).JSON(), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"rttMs", "jitterMs", "lossFraction", "lossFractionRr", "queueDelayMs", "delayTrendMsPerS", "receiveRateBps"} {
		if value, ok := got[key]; !ok || value != nil {
			t.Errorf("%s is %v, want null", key, value)
		}
	}
	for _, key := range []string{"intervalMs", "sentBytes", "sentPackets", "ackedBytes", "retransmittedPackets", "nacks", "plis", "firs", "twccReports", "receiverReports", "pacerQueueMs"} {
		if _, ok := got[key].(float64); !ok {
			t.Errorf("%s is %v, want a number", key, got[key])
		}
	}
	if len(got) != 18 {
		t.Errorf("%d keys, want 18", len(got))
	}
}

func TestAQuietPath(t *testing.T) {
	p := newPath(t)
	p.run(3*time.Second, 10, 1000)
	if p.estimator.Idle() {
		t.Error("idle with packets on their way")
	}
	r := p.estimator.Take(p.now, 3*time.Millisecond)
	near(t, "loss", r.LossFraction, 0, 0)
	near(t, "queue", r.QueueDelayMs, 0, 0.3)
	near(t, "trend", r.DelayTrendMsPerS, 0, 0.5)
	near(t, "rate", r.ReceiveRateBps, 5_000_000, 250_000) // 10 kB in 16 ms
	if r.PacerQueueMs != 3 || r.SentPackets != 1880 || r.SentBytes != 1_880_000 || r.AckedBytes < 1_800_000 || int(r.TWCCReports) != p.reports {
		t.Errorf("counts %+v", r)
	}
	if !p.estimator.Idle() {
		t.Error("not idle right after a report")
	}
	again := p.estimator.Take(p.now.Add(100*time.Millisecond), 0)
	if again.SentPackets != 0 || again.IntervalMs != 100 || again.QueueDelayMs != nil || again.LossFraction == nil {
		t.Errorf("the next interval: %+v", again)
	}
}

func TestLossOverAtLeastASecond(t *testing.T) {
	p := newPath(t)
	p.run(2*time.Second, 10, 1000)
	p.drop = func(sequence uint16) bool { return sequence%10 == 0 }
	p.run(2*time.Second, 10, 1000)
	near(t, "loss", p.estimator.Take(p.now, 0).LossFraction, 0.1, 0.005)
	p.drop = func(uint16) bool { return false }
	p.run(500*time.Millisecond, 10, 1000)
	near(t, "loss half a second later", p.estimator.Take(p.now, 0).LossFraction, 0.055, 0.02)
	p.run(1500*time.Millisecond, 10, 1000)
	near(t, "loss after it", p.estimator.Take(p.now, 0).LossFraction, 0, 0)
}

func TestFewPacketsAreCountedOverLonger(t *testing.T) {
	p := newPath(t)
	p.drop = func(sequence uint16) bool { return sequence == 59 }
	for range 16 { // five packets a second
		p.run(16*time.Millisecond, 5, 1000)
		p.now = p.now.Add(984 * time.Millisecond)
		p.report()
	}
	// One of the last 25 or so, not one of five.
	if r := p.estimator.Take(p.now, 0); r.LossFraction != nil && *r.LossFraction > 0.06 {
		t.Errorf("loss %v", *r.LossFraction)
	}
}

func TestWhatComesLateWasNotLost(t *testing.T) {
	p := newPath(t)
	p.run(time.Second, 10, 1000)
	p.drop = func(sequence uint16) bool { return sequence%10 == 5 }
	p.run(96*time.Millisecond, 10, 1000)
	before := p.estimator.Take(p.now, 0)
	if *before.LossFraction == 0 {
		t.Fatal("no loss was seen")
	}
	for sequence := p.sequence - 60; sequence != p.sequence; sequence++ {
		p.estimator.Transport(p.now, &rtcp.TransportLayerCC{
			BaseSequenceNumber: sequence, PacketStatusCount: 1,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedWithoutDelta, RunLength: 1}},
		})
	}
	near(t, "loss", p.estimator.Take(p.now, 0).LossFraction, 0, 0)
}

func TestAGrowingQueueShows(t *testing.T) {
	p := newPath(t)
	p.run(3*time.Second, 10, 1000)
	p.estimator.Take(p.now, 0)
	p.delay = func(at time.Duration) time.Duration { return 20*time.Millisecond + at/10 }
	p.run(1500*time.Millisecond, 10, 1000)
	r := p.estimator.Take(p.now, 0)
	near(t, "trend", r.DelayTrendMsPerS, 100, 5)
	near(t, "queue", r.QueueDelayMs, 75, 15) // the median of 1.5 s
	p.delay = func(time.Duration) time.Duration { return 170 * time.Millisecond }
	p.run(2*time.Second, 10, 1000)
	p.estimator.Take(p.now, 0)
	p.run(96*time.Millisecond, 10, 1000)
	r = p.estimator.Take(p.now, 0)
	near(t, "a standing queue", r.QueueDelayMs, 150, 1)
	near(t, "its trend", r.DelayTrendMsPerS, 0, 1)
}

func TestABaseIsForgottenAfterHalfAMinute(t *testing.T) {
	p := newPath(t)
	p.run(time.Second, 5, 1000)
	p.delay = func(time.Duration) time.Duration { return 60 * time.Millisecond } // another route
	p.run(20*time.Second, 5, 1000)
	p.estimator.Take(p.now, 0)
	p.run(96*time.Millisecond, 5, 1000)
	near(t, "queue within 30 s", p.estimator.Take(p.now, 0).QueueDelayMs, 40, 1)
	p.run(15*time.Second, 5, 1000)
	p.estimator.Take(p.now, 0)
	p.run(96*time.Millisecond, 5, 1000)
	near(t, "queue after", p.estimator.Take(p.now, 0).QueueDelayMs, 0, 1)
}

func TestNumbersAndClocksWrap(t *testing.T) {
	p := newPath(t)
	p.sequence = 65_000
	ticks := uint32(p.now.Sub(p.zero) / referenceUnit)
	p.reference = referenceWrap - ticks - 10 // wraps within the first second
	p.run(4*time.Second, 10, 1000)
	r := p.estimator.Take(p.now, 0)
	near(t, "loss", r.LossFraction, 0, 0)
	near(t, "queue", r.QueueDelayMs, 0, 0.3)
	if r.AckedBytes < 2_400_000 {
		t.Errorf("acknowledged %d", r.AckedBytes)
	}
}

func TestReportsOnNothingWeSentAreIgnored(t *testing.T) {
	p := newPath(t)
	run := func(base, count uint16) {
		p.estimator.Transport(p.now, &rtcp.TransportLayerCC{
			BaseSequenceNumber: base, PacketStatusCount: count,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 8191}},
		})
	}
	run(0, 65535)
	p.run(time.Second, 10, 1000)
	run(p.sequence+5, 1000)
	run(30_000, 8000)
	near(t, "loss", p.estimator.Take(p.now, 0).LossFraction, 0, 0)
}

func TestReceiverReports(t *testing.T) {
	p := newPath(t)
	sent := ntp32(p.now)
	p.now = p.now.Add(150 * time.Millisecond)
	p.estimator.Receiver(p.now, rtcp.ReceptionReport{
		FractionLost: 64, Jitter: 900, LastSenderReport: sent, Delay: 65536 / 10,
	})
	r := p.estimator.Take(p.now, 0)
	near(t, "rtt", r.RTTMs, 50, 0.1)
	near(t, "jitter", r.JitterMs, 10, 0.01)
	near(t, "loss", r.LossFractionRR, 0.25, 0.001)
	if r.ReceiverReports != 1 || p.estimator.RTT().Round(time.Millisecond) != 50*time.Millisecond {
		t.Errorf("%+v", r)
	}
	// No sender report seen yet, and a clock that was set back, leave the time as it was.
	p.estimator.Receiver(p.now, rtcp.ReceptionReport{})
	p.estimator.Receiver(p.now, rtcp.ReceptionReport{LastSenderReport: ntp32(p.now.Add(time.Hour))})
	near(t, "rtt", p.estimator.Take(p.now, 0).RTTMs, 50, 0.1)
}

func TestTheRateIsRightFromTheBeginning(t *testing.T) {
	p := newPath(t)
	p.run(150*time.Millisecond, 10, 1000)
	if r := p.estimator.Take(p.now, 0); r.ReceiveRateBps != nil {
		t.Errorf("a rate of %v after 0.15 s", *r.ReceiveRateBps)
	}
	p.run(150*time.Millisecond, 10, 1000)
	near(t, "rate", p.estimator.Take(p.now, 0).ReceiveRateBps, 5_000_000, 500_000)
}

func TestAfterSilenceNoRateIsKnown(t *testing.T) {
	p := newPath(t)
	p.run(2*time.Second, 10, 1000)
	p.now = p.now.Add(1500 * time.Millisecond)
	r := p.estimator.Take(p.now, 0)
	if r.ReceiveRateBps != nil || r.DelayTrendMsPerS != nil {
		t.Errorf("rate %v, trend %v after 1.5 s of silence", show(r.ReceiveRateBps), show(r.DelayTrendMsPerS))
	}
}

func FuzzTransport(f *testing.F) {
	f.Add([]byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 2, 0, 0, 1, 0, 0x20, 2, 4, 4})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := newPath(t)
		p.run(200*time.Millisecond, 10, 1000)
		var report rtcp.TransportLayerCC
		if report.Unmarshal(raw) != nil {
			return
		}
		p.estimator.Transport(p.now, &report)
		if r := p.estimator.Take(p.now, 0); r.AckedBytes > r.SentBytes || r.JSON() == nil {
			t.Errorf("%+v", r)
		}
	})
}
