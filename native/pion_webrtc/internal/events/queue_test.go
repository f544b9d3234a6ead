package events

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peerdeck/peerdeck/native/pion_webrtc/internal/abi"
)

const patience = 20 * time.Second

func newQueue() *Queue {
	return New(Config{MaxEvents: 8, MaxBytes: 1000, MaxLogs: 3, Micros: func() int64 { return 77 }})
}

type record struct {
	kind, channel uint16
	handle, time  int64
	payload       string
}

func poll(t *testing.T, q *Queue, capacity int) []record {
	t.Helper()
	buffer := make([]byte, capacity)
	used, err := q.Poll(buffer, 0)
	if err != nil {
		t.Fatal(err)
	}
	var records []record
	for at := 0; at < used; {
		if at%8 != 0 {
			t.Fatalf("a record starts at %d", at)
		}
		size := int(binary.LittleEndian.Uint32(buffer[at:]))
		records = append(records, record{
			kind:    binary.LittleEndian.Uint16(buffer[at+4:]),
			channel: binary.LittleEndian.Uint16(buffer[at+6:]),
			handle:  int64(binary.LittleEndian.Uint64(buffer[at+8:])),
			time:    int64(binary.LittleEndian.Uint64(buffer[at+16:])),
			payload: string(buffer[at+24 : at+size]),
		})
		at += (size + 7) &^ 7
	}
	return records
}

func TestRecordsKeepTheirOrderAndFields(t *testing.T) {
	q := newQueue()
	q.State(abi.EventPeerState, 0, 5, []byte("abc"))
	q.Data(nil, 2, 5, []byte("\x00defgh"))
	got := poll(t, q, 1024)
	want := []record{
		{abi.EventPeerState, 0, 5, 77, "abc"},
		{abi.EventData, 2, 5, 77, "\x00defgh"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Golden bytes: what native-capture reads.
func TestRecordBytes(t *testing.T) {
	q := newQueue()
	q.State(0x0102, 0x0304, 0x05060708090a0b0c, []byte("hi!"))
	buffer := make([]byte, 64)
	used, err := q.Poll(buffer, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := "1b000000" + "0201" + "0403" + "0c0b0a0908070605" + "4d00000000000000" + "686921" + "0000000000"
	if got := fmt.Sprintf("%x", buffer[:used]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStatisticsCoalesceAndAreMadeWhenTaken(t *testing.T) {
	q := newQueue()
	value := 1
	render := func() []byte { return fmt.Appendf(nil, "v%d", value) }
	for range 100 {
		q.Stat(abi.EventFeedback, 5, render)
	}
	q.Stat(abi.EventFeedback, 6, render)
	value = 2
	if got := poll(t, q, 1024); len(got) != 2 || got[0].payload != "v2" || got[1].handle != 6 {
		t.Errorf("got %v", got)
	}
	q.Stat(abi.EventFeedback, 5, render)
	q.Forget(5)
	if got := poll(t, q, 1024); len(got) != 0 {
		t.Errorf("a closed handle still tells: %v", got)
	}
	q.Stat(abi.EventFeedback, 5, render)
	if got := poll(t, q, 1024); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// Whoever makes a statistic has locks, and logs under them.
func TestMakingAStatisticMayLog(t *testing.T) {
	q := newQueue()
	var lock sync.Mutex
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			lock.Lock()
			q.Log(0, "warn", "a line")
			lock.Unlock()
			q.Stat(abi.EventFeedback, 5, func() []byte {
				lock.Lock()
				defer lock.Unlock()
				q.Forget(7)
				return []byte("v")
			})
		}
	}()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10_000 {
			poll(t, q, 4096)
		}
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("polling and logging wait for each other")
	}
	close(stop)
	<-ended
}

func TestTheOldestLogsAreDroppedAndCounted(t *testing.T) {
	q := newQueue()
	q.State(abi.EventPeerState, 0, 1, []byte("state"))
	for i := range 5 {
		q.Log(0, "warn", fmt.Sprint("line ", i))
	}
	if _, dropped := q.Len(); dropped != 2 {
		t.Errorf("dropped %d, want 2", dropped)
	}
	got := poll(t, q, 1024)
	if len(got) != 4 || got[0].payload != "state" || !strings.Contains(got[1].payload, "line 2") {
		t.Errorf("got %v", got)
	}
	for i := range 3 {
		q.Log(0, "warn", fmt.Sprint("line ", i))
	}
	if _, dropped := q.Len(); dropped != 2 {
		t.Errorf("the room that a poll made is not used: dropped %d", dropped)
	}
}

func TestDataWaitsForRoomAndStatesDoNot(t *testing.T) {
	q := newQueue()
	for range 8 {
		q.Data(nil, 1, 1, []byte("x"))
	}
	q.State(abi.EventPeerState, 0, 1, nil) // over the bound, and does not wait
	added := make(chan bool)
	go func() { added <- q.Data(nil, 1, 1, []byte("late")) }()
	select {
	case <-added:
		t.Fatal("data was added over the bound")
	default:
	}
	if got := poll(t, q, 4096); len(got) < 9 {
		t.Fatalf("got %d events, want 9", len(got))
	}
	select {
	case ok := <-added:
		if !ok {
			t.Error("the message was refused although there is room")
		}
	case <-time.After(patience):
		t.Fatal("still waiting although there is room")
	}
}

func TestClosingEndsAWaitForRoom(t *testing.T) {
	q := newQueue()
	q.Data(nil, 1, 1, make([]byte, 2000)) // by bytes
	done := make(chan struct{})
	added := make(chan bool)
	go func() { added <- q.Data(done, 1, 1, []byte("late")) }()
	close(done)
	select {
	case ok := <-added:
		if ok {
			t.Error("a message was added over the bound")
		}
	case <-time.After(patience):
		t.Fatal("still waiting after close")
	}
}

func TestARecordThatDoesNotFitStays(t *testing.T) {
	q := newQueue()
	q.State(1, 0, 1, make([]byte, 100))
	q.State(1, 0, 2, make([]byte, 100))
	if _, err := q.Poll(make([]byte, 64), 0); abi.CodeOf(err) != abi.TooLarge {
		t.Errorf("got %v, want TooLarge", err)
	}
	if got := poll(t, q, 128); len(got) != 1 || got[0].handle != 1 {
		t.Errorf("got %v", got)
	}
	if got := poll(t, q, 128); len(got) != 1 || got[0].handle != 2 {
		t.Errorf("got %v", got)
	}
}

func TestOnePollAtATimeAndWakeEndsIt(t *testing.T) {
	q := newQueue()
	started, ended := make(chan struct{}), make(chan error)
	go func() {
		close(started)
		// Longer than any poll waits, in polls, so that a second one meets it.
		for {
			used, err := q.Poll(make([]byte, 64), MaxWait)
			if used > 0 || err != nil {
				ended <- err
				return
			}
		}
	}()
	<-started
	deadline := time.Now().Add(patience)
	for {
		_, err := q.Poll(make([]byte, 64), 0)
		if abi.CodeOf(err) == abi.State {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("two polls ran at once")
		}
	}
	q.State(1, 0, 1, nil)
	if err := <-ended; err != nil && abi.CodeOf(err) != abi.State {
		t.Error(err)
	}
}

func TestAWakeIsNotLostBeforeThePoll(t *testing.T) {
	q := newQueue()
	q.Wake()
	woken := make(chan struct{})
	go func() {
		// A lost wake would show as a poll that lasts; many in a row would pass any patience.
		for range 10_000 {
			if used, err := q.Poll(make([]byte, 64), MaxWait); used != 0 || err != nil {
				t.Errorf("got %d, %v", used, err)
			}
			q.Wake()
		}
		close(woken)
	}()
	select {
	case <-woken:
	case <-time.After(patience * 4):
		t.Fatal("a wake was lost")
	}
}

// 4096 messages of one do not stand before another's key press.
func TestOneWhoFloodsDoesNotStandBeforeAnother(t *testing.T) {
	q := New(Config{MaxEvents: 4096, MaxBytes: 1 << 20, MaxLogs: 3, Micros: func() int64 { return 77 }})
	for range 4096 {
		q.Data(nil, 2, 1, make([]byte, 17))
	}
	q.Data(nil, 2, 2, []byte("key"))
	records := poll(t, q, 8<<10)
	for at, r := range records {
		if r.handle == 2 {
			if at > quantum/24 {
				t.Errorf("the key comes after %d messages of another", at)
			}
			return
		}
	}
	t.Errorf("the key is not among the first %d records", len(records))
}

func TestLargeMessagesTakeNoMoreTurnsThanSmallOnes(t *testing.T) {
	q := New(Config{MaxEvents: 100, MaxBytes: 10 << 20, MaxLogs: 3, Micros: func() int64 { return 77 }})
	for range 20 {
		q.Data(nil, 1, 1, make([]byte, 60_000))
	}
	for range 20 {
		q.Data(nil, 2, 2, []byte("key"))
	}
	keys := 0
	for _, r := range poll(t, q, 128<<10) {
		if r.handle == 2 {
			keys++
		}
	}
	if keys != 20 {
		t.Errorf("%d of 20 keys beside two large messages", keys)
	}
}

func TestOnlyTheOneWhoFloodsWaits(t *testing.T) {
	q := newQueue()
	for range 8 {
		q.Data(nil, 1, 1, []byte("x"))
	}
	done := make(chan struct{})
	flood := make(chan bool)
	go func() { flood <- q.Data(done, 1, 1, []byte("late")) }()
	for range 8 {
		if !q.Data(nil, 1, 2, []byte("y")) {
			t.Fatal("another waits too")
		}
	}
	close(done)
	if <-flood {
		t.Error("the flood went over its bound")
	}
}

// A statistic whose making panics is left out; what stands behind it still comes.
func TestAStatisticThatPanicsDoesNotHoldTheQueueUp(t *testing.T) {
	q := newQueue()
	for range 2 {
		q.Stat(abi.EventFeedback, 5, func() []byte { panic("broken") })
		q.State(abi.EventPeerState, 0, 5, []byte("state"))
		got := poll(t, q, 8192)
		got = append(got, poll(t, q, 8192)...)
		kinds := map[uint16]int{}
		for _, r := range got {
			kinds[r.kind]++
		}
		if kinds[abi.EventPeerState] != 1 || kinds[abi.EventFault] != 1 || kinds[abi.EventFeedback] != 0 {
			t.Errorf("got %v", got)
		}
	}
}
