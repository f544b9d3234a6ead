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
	if !k.due(at(0), true) {
		t.Fatal("a new viewer does not ask")
	}
	for ms, want := range map[int]bool{10: false, 249: false} {
		k.remind(at(ms))
		if k.due(at(ms), false) != want {
			t.Errorf("at %d ms: %t", ms, !want)
		}
	}
	k.remind(at(250))
	if !k.due(at(250), false) {
		t.Error("a keyframe that did not come is not asked for again")
	}
	k.written(at(260))
	k.remind(at(10_000))
	if k.missing || k.due(at(10_000), false) {
		t.Error("asks although it has one")
	}
}

func TestASlowLinkAsksRarelyAndNotIntoAFullQueue(t *testing.T) {
	k := keyNeed{}
	k.lose(spacingCongested)
	if k.due(at(0), true) {
		t.Error("asks into a full queue")
	}
	if !k.due(at(10), false) {
		t.Fatal("does not ask when drained")
	}
	k.written(at(20))
	k.lose(spacingCongested)
	if k.due(at(1900), false) {
		t.Error("asks twice within two seconds")
	}
	k.remind(at(2010))
	if !k.due(at(2010), false) {
		t.Error("does not ask after two seconds")
	}
}

func TestTheMostUrgentReasonCounts(t *testing.T) {
	k := keyNeed{}
	k.want(spacingNone)
	k.due(at(0), false)
	k.want(spacingCongested)
	k.want(spacingShared)
	if k.due(at(900), false) || !k.due(at(1000), false) {
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
