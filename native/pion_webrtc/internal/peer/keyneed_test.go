package peer

import (
	"testing"
	"time"
)

var start = time.Unix(1000, 0)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func TestANewViewerAsksAtOnceAndAgainUntilOneComes(t *testing.T) {
	k := keyNeed{}
	k.lose(spacingNone)
	if !k.due(at(0), true, true) {
		t.Fatal("a new viewer does not ask")
	}
	for ms, want := range map[int]bool{10: false, 249: false} {
		k.remind(at(ms))
		if k.due(at(ms), false, true) != want {
			t.Errorf("at %d ms: %t", ms, !want)
		}
	}
	k.remind(at(250))
	if !k.due(at(250), false, true) {
		t.Error("a keyframe that did not come is not asked for again")
	}
	k.written(at(260))
	k.remind(at(10_000))
	if k.missing || k.due(at(10_000), false, true) {
		t.Error("asks although it has one")
	}
}

func TestASlowLinkAsksRarelyAndNotIntoAFullQueue(t *testing.T) {
	k := keyNeed{}
	k.lose(spacingCongested)
	if k.due(at(0), true, true) {
		t.Error("asks into a full queue")
	}
	if !k.due(at(10), false, true) {
		t.Fatal("does not ask when drained")
	}
	k.written(at(20))
	k.lose(spacingCongested)
	if k.due(at(1900), false, true) {
		t.Error("asks twice within two seconds")
	}
	k.remind(at(2010))
	if !k.due(at(2010), false, true) {
		t.Error("does not ask after two seconds")
	}
}

func TestTheMostUrgentReasonCounts(t *testing.T) {
	k := keyNeed{}
	k.want(spacingNone)
	k.due(at(0), false, true)
	k.want(spacingCongested)
	k.want(spacingShared)
	if k.due(at(900), false, true) || !k.due(at(1000), false, true) {
		t.Error("want a second's spacing")
	}
}

func TestARequestFromBeforeTheKeyframeIsStale(t *testing.T) {
	k := keyNeed{}
	k.written(at(0))
	for _, each := range []struct {
		ms    int
		rtt   time.Duration
		stale bool
	}{
		{10, 0, false}, {10, 50 * time.Millisecond, true}, {45, 50 * time.Millisecond, false}, {260, 5 * time.Second, false},
	} {
		if got := k.stale(at(each.ms), each.rtt); got != each.stale {
			t.Errorf("%+v: %t", each, got)
		}
	}
}

// A viewer that asks for a picture with every packet costs a few keyframes, and then one now and then.
func TestAFloodOfRequestsIsBounded(t *testing.T) {
	for _, each := range []struct {
		alone bool
		want  int // in ten seconds: the burst, and the refill
	}{{true, keyBurst + 10}, {false, keyBurst + 5}} {
		k, keyframes := keyNeed{}, 0
		for ms := range 10_000 {
			k.want(spacingNone)
			if k.due(at(ms), false, each.alone) {
				k.written(at(ms))
				keyframes++
			}
		}
		if keyframes > each.want || keyframes < each.want-1 {
			t.Errorf("alone %t: %d keyframes, want %d", each.alone, keyframes, each.want)
		}
	}
}

// However many flood: what one gets, all get.
func TestManyWhoFloodCostTwoKeyframesASecondAtMost(t *testing.T) {
	viewers, keyframes := make([]keyNeed, 16), 0
	for ms := range 10_000 {
		for i := range viewers {
			viewers[i].want(spacingNone)
			if viewers[i].due(at(ms), false, false) {
				keyframes++
				for j := range viewers {
					viewers[j].written(at(ms))
				}
			}
		}
	}
	if keyframes > 21 {
		t.Errorf("%d keyframes in ten seconds", keyframes)
	}
}

func TestAKeyframeThatDoesNotComeCostsNothing(t *testing.T) {
	k := keyNeed{}
	k.lose(spacingNone)
	asked := 0
	for ms := range 5000 {
		k.remind(at(ms))
		if k.due(at(ms), false, true) {
			asked++
		}
	}
	if asked < 20 {
		t.Errorf("asked %d times in five seconds for a keyframe that does not come, want one each %s", asked, reminder)
	}
}
