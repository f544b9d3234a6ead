package main

import (
	"bytes"
	"math"
	"testing"
	"time"
)

const ms = time.Millisecond

func packet(size int) []byte { return make([]byte, size) }

// drain pops at each due time until nothing is left, and returns those times.
func drain(t *testing.T, link *Link) []time.Duration {
	t.Helper()
	var out []time.Duration
	for {
		due, any := link.Next()
		if !any {
			return out
		}
		if data, at := link.Pop(due); data != nil {
			out = append(out, at)
		}
	}
}

func expectTimes(t *testing.T, got []time.Duration, want ...time.Duration) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets at %v, want %v", len(got), got, want)
	}
	for i := range want {
		if (got[i] - want[i]).Abs() > time.Microsecond {
			t.Errorf("packet %d at %v, want %v", i, got[i], want[i])
		}
	}
}

func TestPacketsLeaveAtTheRateAndArriveAfterTheDelay(t *testing.T) {
	link := NewLink(Settings{RateBps: 8e6, Delay: 20 * ms, QueueBytes: 1e6, State: Up}, 1)
	for range 3 {
		link.Push(packet(1000), 5*ms)
	}
	expectTimes(t, drain(t, link), 26*ms, 27*ms, 28*ms)
}

func TestALinkThatRestedOwesNothing(t *testing.T) {
	link := NewLink(Settings{RateBps: 8e6, QueueBytes: 1e6, State: Up}, 1)
	link.Push(packet(1000), 0)
	expectTimes(t, drain(t, link), ms)
	link.Push(packet(1000), 100*ms)
	link.Push(packet(1000), 100*ms)
	expectTimes(t, drain(t, link), 101*ms, 102*ms)
}

func TestNoLimitOfRate(t *testing.T) {
	link := NewLink(Settings{Delay: 3 * ms, QueueBytes: 1e6, State: Up}, 1)
	link.Push(packet(1000), ms)
	link.Push(packet(1000), ms)
	expectTimes(t, drain(t, link), 4*ms, 4*ms)
}

func TestTheRateChangesInTheMiddleOfAPacket(t *testing.T) {
	link := NewLink(Settings{RateBps: 8e6, QueueBytes: 1e6, State: Up}, 1)
	link.Push(packet(1000), 0)
	slower := link.Settings()
	slower.RateBps = 1e6
	link.Set(slower, ms/2) // 4000 bits are left: 4 ms
	expectTimes(t, drain(t, link), ms/2+4*ms)
}

func TestTheQueueDropsAtItsTail(t *testing.T) {
	link := NewLink(Settings{RateBps: 8e6, QueueBytes: 2500, State: Up}, 1)
	for range 4 {
		link.Push(packet(1000), 0)
	}
	queued, wait := link.Queue(0)
	if queued != 2000 || wait != 2*ms {
		t.Errorf("%d bytes, %v", queued, wait)
	}
	expectTimes(t, drain(t, link), ms, 2*ms)
	counts := link.Take(10 * ms)
	if counts.Overflowed != 2 || counts.InPackets != 4 || counts.OutPackets != 2 {
		t.Errorf("%+v", counts)
	}
	if len(counts.WaitsUs) != 2 || counts.WaitsUs[0] != 1000 || counts.WaitsUs[1] != 2000 {
		t.Errorf("waits %v", counts.WaitsUs)
	}
	if math.Abs(counts.CapacityBytes-10_000) > 1 {
		t.Errorf("capacity %v", counts.CapacityBytes)
	}
}

func TestASmallerBoundKeepsWhatIsThere(t *testing.T) {
	link := NewLink(Settings{RateBps: 8e6, QueueBytes: 1e6, State: Up}, 1)
	for range 3 {
		link.Push(packet(1000), 0)
	}
	small := link.Settings()
	small.QueueBytes = 1500
	link.Set(small, 0)
	link.Push(packet(1000), 0)
	expectTimes(t, drain(t, link), ms, 2*ms, 3*ms)
}

func TestAHeldLinkKeepsItsQueue(t *testing.T) {
	link := NewLink(Settings{RateBps: 8e6, QueueBytes: 1e6, State: Up}, 1)
	held := link.Settings()
	held.State = Hold
	link.Set(held, 0)
	link.Push(packet(1000), ms)
	if _, any := link.Next(); any {
		t.Error("a held link has something to do")
	}
	if data, _ := link.Pop(500 * ms); data != nil {
		t.Error("a packet passed")
	}
	held.State = Up
	link.Set(held, time.Second)
	expectTimes(t, drain(t, link), time.Second+ms)
	if counts := link.Take(time.Second + ms); math.Abs(counts.CapacityBytes-1000) > 1 {
		t.Errorf("capacity %v while it was held", counts.CapacityBytes)
	}
}

func TestADroppingLinkLosesQueueAndArrivals(t *testing.T) {
	link := NewLink(Settings{RateBps: 8e6, QueueBytes: 1e6, State: Up}, 1)
	link.Push(packet(1000), 0)
	off := link.Settings()
	off.State = Drop
	link.Set(off, ms/2)
	link.Push(packet(1000), ms)
	off.State = Up
	link.Set(off, 2*ms)
	if times := drain(t, link); len(times) != 0 {
		t.Errorf("passed at %v", times)
	}
	if counts := link.Take(3 * ms); counts.Overflowed != 2 {
		t.Errorf("%+v", counts)
	}
}

func TestJitterKeepsOrderAndBounds(t *testing.T) {
	settings := Settings{Delay: 15 * ms, Jitter: 10 * ms, QueueBytes: 1e6, State: Up}
	link := NewLink(settings, 7)
	var least, most = time.Hour, time.Duration(0)
	for i := range 2000 {
		now := time.Duration(i) * 20 * ms // so far apart that order binds none
		link.Push([]byte{byte(i)}, now)
		times := drain(t, link)
		least, most = min(least, times[0]-now), max(most, times[0]-now)
	}
	if least < 5*ms || least > 6*ms || most > 25*ms || most < 24*ms {
		t.Errorf("delays from %v to %v", least, most)
	}

	link = NewLink(settings, 7)
	var order []byte
	for i := range 200 {
		link.Push([]byte{byte(i)}, time.Duration(i)*ms)
		for {
			data, _ := link.Pop(time.Duration(i) * ms)
			if data == nil {
				break
			}
			order = append(order, data...)
		}
	}
	if len(order) < 150 || !bytes.Equal(order, sequence(len(order))) {
		t.Errorf("order %v", order)
	}
}

func sequence(length int) []byte {
	out := make([]byte, length)
	for i := range out {
		out[i] = byte(i)
	}
	return out
}

func TestAHeldJitterMovesPacketsTogether(t *testing.T) {
	link := NewLink(Settings{Delay: 15 * ms, Jitter: 10 * ms, JitterHold: 50 * ms, QueueBytes: 1e6, State: Up}, 3)
	link.Push(packet(100), 0)
	link.Push(packet(100), 10*ms)
	first := drain(t, link)
	expectTimes(t, []time.Duration{first[1] - first[0]}, 10*ms)
}

func lossRuns(link *Link, packets int) (lost, runs int) {
	before := false
	for i := range packets {
		now := time.Duration(i) * ms
		link.Push(packet(100), now)
		data, _ := link.Pop(now)
		if data == nil {
			lost++
			if !before {
				runs++
			}
		}
		before = data == nil
	}
	return lost, runs
}

func TestLoss(t *testing.T) {
	const packets = 200_000
	for _, test := range []struct{ share, burst, meanRun float64 }{
		{0.02, 0, 1 / 0.98}, {0.10, 1, 1 / 0.9}, {0.05, 8, 8},
	} {
		link := NewLink(Settings{QueueBytes: 1e6, State: Up, LossShare: test.share, LossBurst: test.burst}, 5)
		lost, runs := lossRuns(link, packets)
		if share := float64(lost) / packets; math.Abs(share/test.share-1) > 0.08 {
			t.Errorf("share %.4f, want %.4f", share, test.share)
		}
		if mean := float64(lost) / float64(runs); math.Abs(mean/test.meanRun-1) > 0.08 {
			t.Errorf("runs of %.2f, want %.2f", mean, test.meanRun)
		}
		if counts := link.Take(time.Hour); counts.Lost != lost {
			t.Errorf("%d counted, %d lost", counts.Lost, lost)
		}
	}
}

func TestTheSameSeedLosesTheSame(t *testing.T) {
	settings := Settings{QueueBytes: 1e6, State: Up, LossShare: 0.3}
	first, firstRuns := lossRuns(NewLink(settings, 9), 1000)
	again, againRuns := lossRuns(NewLink(settings, 9), 1000)
	if first != again || firstRuns != againRuns {
		t.Errorf("%d in %d runs, then %d in %d", first, firstRuns, again, againRuns)
	}
}

func TestTCPIsToldFromTheRest(t *testing.T) {
	link := NewLink(Settings{QueueBytes: 1e6, State: Up}, 1)
	tcp, udp := packet(100), packet(50)
	tcp[0], tcp[9], udp[0], udp[9] = 0x45, 6, 0x45, 17
	link.Push(tcp, 0)
	link.Push(udp, 0)
	drain(t, link)
	if counts := link.Take(ms); counts.OutBytes != 150 || counts.OutTCPBytes != 100 {
		t.Errorf("%+v", counts)
	}
}
