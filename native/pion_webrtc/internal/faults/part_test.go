package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAPartThatPanicsIsRunAgainAndBothAreTold(t *testing.T) {
	var told []string
	part := New("pacer", func(part, state string, times int, reason string) {
		told = append(told, fmt.Sprintf("%s %s %d %t", part, state, times, strings.HasPrefix(reason, "panic: broken")))
	})
	runs := 0
	part.Keep(nil, func() {
		if runs++; runs < 4 {
			panic("broken")
		}
		part.Worked()
	})
	if runs != 4 {
		t.Errorf("ran %d times", runs)
	}
	// One event for a row of failures, and one for its end, with the two that were not told.
	if got := strings.Join(told, "; "); got != "pacer failing 1 true; pacer recovered 2 true" {
		t.Errorf("told %q", got)
	}
}

func TestThePausesGrowToASecond(t *testing.T) {
	part := New("x", func(string, string, int, string) {})
	for _, want := range []time.Duration{10, 20, 40, 80, 160, 320, 640, 1000, 1000} {
		if got := part.Failed("no"); got != want*time.Millisecond {
			t.Errorf("pause %s, want %d ms", got, want)
		}
	}
	part.Worked()
	if got := part.Failed("no"); got != 10*time.Millisecond {
		t.Errorf("after it worked: %s", got)
	}
}

func TestAFlappingPartDoesNotFlood(t *testing.T) {
	told := 0
	part := New("x", func(string, string, int, string) { told++ })
	for range 1000 {
		part.Failed("no")
		part.Worked()
	}
	if told > 4 {
		t.Errorf("%d events", told)
	}
}

func TestCloseEndsThePause(t *testing.T) {
	done := make(chan struct{})
	close(done)
	New("x", func(string, string, int, string) {}).Keep(done, func() { panic("always") })
	var none *Part
	none.Worked()
	none.Ended("")
	none.Keep(done, func() { panic("always") })
}
