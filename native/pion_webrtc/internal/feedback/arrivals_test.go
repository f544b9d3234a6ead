package feedback

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// reportOn makes a feedback packet of consecutive packets: the time since the one before for each that arrived,
// and -1 for each that did not.
func reportOn(first uint16, reference uint32, deltas ...time.Duration) *rtcp.TransportLayerCC {
	report := &rtcp.TransportLayerCC{
		BaseSequenceNumber: first, PacketStatusCount: uint16(len(deltas)), ReferenceTime: reference,
	}
	for _, delta := range deltas {
		symbol := uint16(rtcp.TypeTCCPacketNotReceived)
		if delta >= 0 {
			symbol = rtcp.TypeTCCPacketReceivedSmallDelta
			report.RecvDeltas = append(report.RecvDeltas, &rtcp.RecvDelta{Type: symbol, Delta: delta.Microseconds()})
		}
		report.PacketChunks = append(report.PacketChunks, &rtcp.RunLengthChunk{PacketStatusSymbol: symbol, RunLength: 1})
	}
	return report
}

const lostOne = time.Duration(-1)

func value(t *testing.T, field *float64) float64 {
	t.Helper()
	if field == nil {
		t.Fatal("a field is null")
	}
	return *field
}

func TestWhatLeavesTogetherIsOneBurst(t *testing.T) {
	start := time.Unix(100, 0)
	e := NewEstimator(start)
	for i, at := range []int{0, 0, 1, 20, 20} {
		e.Sent(start.Add(time.Duration(at)*time.Millisecond), uint16(i), 1000)
	}
	if e.InFlight() != 5000 {
		t.Errorf("%d bytes are in flight", e.InFlight())
	}
	e.Transport(start.Add(60*time.Millisecond), reportOn(0, 0, 5*time.Millisecond, 2*time.Millisecond, lostOne, 10*time.Millisecond))
	arrivals := e.TakeArrivals(start.Add(60 * time.Millisecond))
	if len(arrivals.Bursts) != 2 || arrivals.InFlightBytes != 1000 || arrivals.SentBytes != 5000 || arrivals.AckedBytes != 3000 {
		t.Fatalf("got %s", arrivals.JSON())
	}
	first, second := arrivals.Bursts[0], arrivals.Bursts[1]
	for i, want := range []float64{0, 0, 5, 2, 5, 2000, 1000, 2, 1} {
		if got := value(t, first[i]); got != want {
			t.Errorf("field %d of the first is %v, want %v", i, got, want)
		}
	}
	if value(t, second[0]) != 20 || value(t, second[4]) != -3 || value(t, second[7]) != 1 {
		t.Errorf("the second is %s", arrivals.JSON())
	}
	if arrivals.ReceivedPackets != 3 || arrivals.LostPackets != 1 {
		t.Errorf("%d received, %d lost", arrivals.ReceivedPackets, arrivals.LostPackets)
	}
	if e.TakeArrivals(start) != nil {
		t.Error("the same is told twice")
	}
}

func TestALostPacketThatComesIsTakenBackAndToldOnce(t *testing.T) {
	start := time.Unix(100, 0)
	e := NewEstimator(start)
	for i := range 3 {
		e.Sent(start, uint16(65534+i), 1000)
	}
	e.Transport(start, reportOn(65534, 0, time.Millisecond, lostOne, time.Millisecond))
	e.TakeArrivals(start)
	e.Transport(start, reportOn(65535, 0, 9*time.Millisecond))
	if arrivals := e.TakeArrivals(start); arrivals != nil {
		t.Errorf("told again: %s", arrivals.JSON())
	}
	if e.lostPackets != 0 || e.receivedPackets != 3 || e.ackedBytes != 3000 || e.InFlight() != 0 {
		t.Errorf("%d lost, %d received, %d bytes, %d in flight", e.lostPackets, e.receivedPackets, e.ackedBytes, e.InFlight())
	}
}

func TestABurstOfWhichNothingArrivedHasNoTimesOfArrival(t *testing.T) {
	start := time.Unix(100, 0)
	e := NewEstimator(start)
	e.Sent(start.Add(7*time.Millisecond), 1, 500)
	e.Sent(start.Add(30*time.Millisecond), 2, 500)
	e.Transport(start.Add(time.Second), reportOn(1, 0, lostOne, time.Millisecond))
	var parsed struct {
		Bursts [][]*float64 `json:"bursts"`
	}
	if err := json.Unmarshal(e.TakeArrivals(start.Add(time.Second)).JSON(), &parsed); err != nil {
		t.Fatal(err)
	}
	lost := parsed.Bursts[0]
	if len(lost) != 9 || *lost[0] != 7 || lost[1] != nil || lost[2] != nil || lost[4] != nil || *lost[7] != 0 || *lost[8] != 1 {
		t.Errorf("got %v", lost)
	}
}

func TestALongTimeOfSendingThatIsLostIsAnOutage(t *testing.T) {
	start := time.Unix(100, 0)
	for _, each := range []struct {
		spanMs, arrives int
		want            bool
	}{{400, -1, true}, {400, 3, false}, {200, -1, false}} {
		e := NewEstimator(start)
		deltas := make([]time.Duration, 0, 9)
		for i := range 8 {
			e.Sent(start.Add(time.Duration(i*each.spanMs/7)*time.Millisecond), uint16(i), 1000)
			if i == each.arrives {
				deltas = append(deltas, time.Millisecond)
			} else {
				deltas = append(deltas, lostOne)
			}
		}
		e.Sent(start.Add(time.Second), 8, 1000)
		if got := e.Transport(start.Add(time.Second), reportOn(0, 0, append(deltas, time.Millisecond)...)); got != each.want {
			t.Errorf("%+v: %v", each, got)
		}
	}
}

func TestWhatNobodyTakesIsBounded(t *testing.T) {
	start := time.Unix(100, 0)
	e := NewEstimator(start)
	for i := range 3 * maxTold {
		e.Sent(start, uint16(i), 100)
		e.Transport(start, reportOn(uint16(i), 0, time.Millisecond))
	}
	if len(e.told) > maxTold || e.InFlight() != 0 {
		t.Errorf("%d packets wait, %d bytes in flight", len(e.told), e.InFlight())
	}
}

func TestReportsThatOvertakeEachOtherMakeNoBurstThatRunsBackwards(t *testing.T) {
	start := time.Unix(100, 0)
	e := NewEstimator(start)
	for i, at := range []int{0, 0, 40, 40} {
		e.Sent(start.Add(time.Duration(at)*time.Millisecond), uint16(i), 1000)
	}
	e.Transport(start.Add(90*time.Millisecond), reportOn(2, 0, 60*time.Millisecond, time.Millisecond))
	e.Transport(start.Add(95*time.Millisecond), reportOn(0, 0, 20*time.Millisecond, time.Millisecond))
	arrivals := e.TakeArrivals(start.Add(100 * time.Millisecond))
	if len(arrivals.Bursts) != 2 {
		t.Fatalf("got %s", arrivals.JSON())
	}
	for i, want := range []float64{0, 40} {
		one := arrivals.Bursts[i]
		if value(t, one[0]) != want || value(t, one[1]) < 0 || value(t, one[3]) != 1 || value(t, one[4]) != 20 {
			t.Errorf("burst %d: %s", i, arrivals.JSON())
		}
	}
}

func TestTheLargestReportFitsIntoTheBufferThatHoldsAnyRecord(t *testing.T) {
	start := time.Unix(100, 0)
	e := NewEstimator(start)
	for i := range maxTold {
		at := start.Add(time.Duration(i) * 7777 * time.Microsecond)
		e.Sent(at, uint16(i), 1234)
		e.Transport(at, reportOn(uint16(i), uint32(i), 3250*time.Microsecond))
	}
	if text := e.TakeArrivals(start.Add(time.Hour)).JSON(); len(text) > 120<<10 {
		t.Errorf("%d bytes", len(text))
	}
}
